package decode

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/tensor"
)

// Region is a place with a line of text.
type Region struct {
	// Corners are those of a rectangle in pixels of the network's input, clockwise from
	// the upper left one.
	Corners [4][2]float32
	Score   float32 // the mean probability inside
}

// RegionOptions say how TextRegions finds lines of text.
type RegionOptions struct {
	Pixel  float64 // least probability of a pixel that belongs to text; 0 means 0.3
	Score  float64 // least score of a region; 0 means 0.6
	Unclip float64 // how much a region grows; 0 means 1.5
	Most   int     // most regions; 0 means 1000
}

// TextRegions finds lines of text in the probabilities [H, W] of the pixels, as a network
// for differentiable binarisation gives them (DB, arXiv:1911.08947). A region is the
// smallest rectangle around pixels over o.Pixel that touch each other. The network marks
// lines thinner than they are: a region of area A and circumference L grows by
// A·o.Unclip/L to all sides. Regions come in the order of reading, those of a row from
// left to right.
func TextRegions(p *tensor.Tensor, o RegionOptions) ([]Region, error) {
	const least = 3 // pixels of the shorter side, as in PaddleOCR
	if len(p.Shape) < 2 || p.Shape.Len() != len(p.Data) || p.Shape.Len() == 0 {
		return nil, fmt.Errorf("decode: text: probabilities %v, want [H, W]", p.Shape)
	}
	h, w := p.Shape[len(p.Shape)-2], p.Shape[len(p.Shape)-1]
	if h*w != len(p.Data) {
		return nil, fmt.Errorf("decode: text: probabilities %v are for several pictures, want [H, W]", p.Shape)
	}
	pixel, score := cmp.Or(o.Pixel, 0.3), cmp.Or(o.Score, 0.6)
	var all []Region
	for _, outline := range outlines(p.Data, h, w, float32(pixel)) {
		r := smallest(outline)
		if min(r.w, r.h) < least {
			continue
		}
		s := r.mean(p.Data, h, w)
		if !(s >= score) {
			continue
		}
		d := r.w * r.h * cmp.Or(o.Unclip, 1.5) / (2 * (r.w + r.h))
		r.w, r.h = r.w+2*d, r.h+2*d
		if min(r.w, r.h) < least+2 {
			continue
		}
		all = append(all, Region{r.corners(), float32(s)})
	}
	slices.SortStableFunc(all, func(a, b Region) int { return cmp.Compare(b.Score, a.Score) })
	all = all[:min(len(all), cmp.Or(o.Most, 1000))]
	inOrder(all)
	return all, nil
}

// inOrder sorts regions by rows. Regions are in one row if the upper corner of the next is
// less than half its height below that of the row's first.
func inOrder(all []Region) {
	top := func(r Region) float32 { return r.Corners[0][1] }
	slices.SortStableFunc(all, func(a, b Region) int { return cmp.Compare(top(a), top(b)) })
	for len(all) > 0 {
		n := 1
		for n < len(all) && top(all[n])-top(all[0]) < (all[n].Corners[3][1]-top(all[n]))/2 {
			n++
		}
		slices.SortStableFunc(all[:n], func(a, b Region) int { return cmp.Compare(a.Corners[0][0], b.Corners[0][0]) })
		all = all[n:]
	}
}

// outlines returns, for each group of pixels over a limit that touch by a side or a
// corner, the middles of the first and the last pixel in each row of the group.
func outlines(p []float32, h, w int, limit float32) [][][2]float64 {
	seen := make([]bool, len(p))
	var all [][][2]float64
	for start := range p {
		if seen[start] || !(p[start] > limit) {
			continue
		}
		seen[start] = true
		ends := map[int][2]int{} // first and last column by row
		for line := []int{start}; len(line) > 0; {
			at := line[len(line)-1]
			line = line[:len(line)-1]
			x, y := at%w, at/w
			e, ok := ends[y]
			if !ok {
				e = [2]int{x, x}
			}
			ends[y] = [2]int{min(e[0], x), max(e[1], x)}
			for v := max(y-1, 0); v <= min(y+1, h-1); v++ {
				for u := max(x-1, 0); u <= min(x+1, w-1); u++ {
					if next := v*w + u; !seen[next] && p[next] > limit {
						seen[next] = true
						line = append(line, next)
					}
				}
			}
		}
		var points [][2]float64
		for y, e := range ends {
			points = append(points, [2]float64{float64(e[0]) + 0.5, float64(y) + 0.5}, [2]float64{float64(e[1]) + 0.5, float64(y) + 0.5})
		}
		all = append(all, points)
	}
	return all
}

// rectangle has a centre, the direction of its side w, and its sides.
type rectangle struct{ x, y, dx, dy, w, h float64 }

// smallest returns the rectangle of the least area around points. One of its sides lies
// on a side of the points' hull.
func smallest(points [][2]float64) rectangle {
	hull := hullOf(points)
	best := rectangle{w: math.Inf(1), h: math.Inf(1)}
	for i, a := range hull {
		b := hull[(i+1)%len(hull)]
		length := math.Hypot(b[0]-a[0], b[1]-a[1])
		dx, dy := 1.0, 0.0
		if length > 0 {
			dx, dy = (b[0]-a[0])/length, (b[1]-a[1])/length
		}
		u0, u1, v0, v1 := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
		for _, p := range hull {
			u, v := p[0]*dx+p[1]*dy, p[1]*dx-p[0]*dy
			u0, u1, v0, v1 = min(u0, u), max(u1, u), min(v0, v), max(v1, v)
		}
		if r := (rectangle{w: u1 - u0, h: v1 - v0, dx: dx, dy: dy}); r.w*r.h < best.w*best.h || i == 0 {
			u, v := (u0+u1)/2, (v0+v1)/2
			r.x, r.y = u*dx-v*dy, u*dy+v*dx
			best = r
		}
	}
	return best
}

// hullOf returns the convex hull of points, by Andrew's monotone chain.
func hullOf(points [][2]float64) [][2]float64 {
	slices.SortFunc(points, func(a, b [2]float64) int { return slices.Compare(a[:], b[:]) })
	points = slices.Compact(points)
	if len(points) < 3 {
		return points
	}
	half := func() [][2]float64 {
		var chain [][2]float64
		for _, p := range points {
			for len(chain) > 1 {
				a, b := chain[len(chain)-2], chain[len(chain)-1]
				if (b[0]-a[0])*(p[1]-a[1])-(b[1]-a[1])*(p[0]-a[0]) > 0 {
					break
				}
				chain = chain[:len(chain)-1]
			}
			chain = append(chain, p)
		}
		return chain[:len(chain)-1]
	}
	lower := half()
	slices.Reverse(points)
	return append(lower, half()...)
}

// corners returns the corners clockwise from the upper left one: of the two leftmost
// corners the upper one, of the two others the upper one, and so on.
func (r rectangle) corners() [4][2]float32 {
	var all [][2]float64
	for _, s := range [][2]float64{{-1, -1}, {1, -1}, {1, 1}, {-1, 1}} {
		u, v := s[0]*r.w/2, s[1]*r.h/2
		all = append(all, [2]float64{r.x + u*r.dx - v*r.dy, r.y + u*r.dy + v*r.dx})
	}
	slices.SortStableFunc(all, func(a, b [2]float64) int { return cmp.Compare(a[0], b[0]) })
	for _, pair := range [][][2]float64{all[:2], all[2:]} {
		if pair[0][1] > pair[1][1] {
			pair[0], pair[1] = pair[1], pair[0]
		}
	}
	var out [4][2]float32
	for i, k := range []int{0, 2, 3, 1} {
		out[i] = [2]float32{float32(all[k][0]), float32(all[k][1])}
	}
	return out
}

// mean returns the mean of p over the pixels whose middle lies in the rectangle.
func (r rectangle) mean(p []float32, h, w int) float64 {
	const slack = 1e-6 // middles on the border belong to it
	du, dv := math.Abs(r.w*r.dx)+math.Abs(r.h*r.dy), math.Abs(r.w*r.dy)+math.Abs(r.h*r.dx)
	var sum, n float64
	for y := max(0, int(r.y-dv/2-1)); y < min(h, int(r.y+dv/2+1)); y++ {
		for x := max(0, int(r.x-du/2-1)); x < min(w, int(r.x+du/2+1)); x++ {
			a, b := float64(x)+0.5-r.x, float64(y)+0.5-r.y
			if math.Abs(a*r.dx+b*r.dy) <= r.w/2+slack && math.Abs(b*r.dx-a*r.dy) <= r.h/2+slack {
				sum += float64(p[y*w+x])
				n++
			}
		}
	}
	return sum / n
}

// CTC reads the text in the probabilities [T, C] of characters at places from left to
// right: the best class of each place, without repetitions, and then without class 0,
// which is no character (Graves et al., "Connectionist Temporal Classification", 2006).
// Class k is characters[k-1]. If there is one class more, the last is a space, as in
// PaddleOCR. The score is the mean probability of the characters.
func CTC(p *tensor.Tensor, characters []string) (text string, score float32, err error) {
	if len(p.Shape) < 2 || p.Shape.Len() != len(p.Data) {
		return "", 0, fmt.Errorf("decode: characters: probabilities %v, want [T, C]", p.Shape)
	}
	places, classes := p.Shape[len(p.Shape)-2], p.Shape[len(p.Shape)-1]
	if classes < 1 || len(p.Data) != places*classes {
		return "", 0, fmt.Errorf("decode: characters: probabilities %v are for several texts, want [T, C]", p.Shape)
	}
	switch classes - len(characters) {
	case 1:
	case 2:
		characters = append(slices.Clone(characters), " ")
	default:
		return "", 0, fmt.Errorf("decode: characters: the network has %d classes, want %d or %d for %d characters",
			classes, len(characters)+1, len(characters)+2, len(characters))
	}
	var b strings.Builder
	var sum float64
	n, last := 0, 0
	for t := range places {
		k, v := largest(p.Data[t*classes:][:classes])
		if v != v {
			return "", 0, errors.New("decode: characters: a probability is not a number")
		}
		if k != 0 && k != last {
			b.WriteString(characters[k-1])
			sum += float64(v)
			n++
		}
		last = k
	}
	if n == 0 {
		return "", 0, nil
	}
	return b.String(), float32(sum / float64(n)), nil
}
