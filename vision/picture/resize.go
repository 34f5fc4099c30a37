package picture

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// Filter is a way to resize a picture, with Pillow's names. If a picture becomes
// smaller, all filters but Nearest widen, so that they skip no pixels.
type Filter uint8

// The filters. The zero Filter is Bilinear.
const (
	Bilinear Filter = iota
	Nearest
	Box
	Hamming
	Bicubic // the kernel of Keys with a = -0.5
	Lanczos // with radius 3
)

var filterNames = [...]string{"bilinear", "nearest", "box", "hamming", "bicubic", "lanczos"}

// String returns Pillow's name for the filter, in lower case.
func (f Filter) String() string { return filterNames[f] }

// ParseFilter finds a filter by name.
func ParseFilter(name string) (Filter, error) {
	for f, n := range filterNames {
		if n == name {
			return Filter(f), nil
		}
	}
	return 0, fmt.Errorf("filter %q, want one of %v", name, filterNames)
}

// radius returns how far the filter reaches at scale 1.
func (f Filter) radius() float64 { return [...]float64{1, 0, 0.5, 1, 2, 3}[f] }

// at returns the value of the filter at x.
func (f Filter) at(x float64) float64 {
	sinc := func(x float64) float64 {
		if x == 0 {
			return 1
		}
		return math.Sin(math.Pi*x) / (math.Pi * x)
	}
	if f == Box {
		if x > -0.5 && x <= 0.5 {
			return 1
		}
		return 0
	}
	x = math.Abs(x)
	if x >= f.radius() {
		return 0
	}
	switch f {
	case Bilinear:
		return 1 - x
	case Hamming:
		return sinc(x) * (0.54 + 0.46*math.Cos(math.Pi*x))
	case Bicubic:
		if x < 1 {
			return (1.5*x-2.5)*x*x + 1
		}
		return -0.5 * (((x-5)*x+8)*x - 4)
	}
	return sinc(x) * sinc(x/3)
}

// Resize returns m in another size. Like Pillow's resize it first resizes the rows
// and then the columns, each in fixed point and rounded to 8 bits.
func (m *Image) Resize(width, height int, f Filter) *Image {
	if width == m.Width && height == m.Height {
		return m.Crop(0, 0, width, height)
	}
	if f == Nearest {
		return m.nearest(width, height)
	}
	if width != m.Width {
		m = m.across(width, f.Taps(m.Width, width))
	}
	if height != m.Height {
		m = m.down(height, f.Taps(m.Height, height))
	}
	return m
}

// nearest picks pixels. Like Pillow it adds up steps to find the places, because
// their rounding decides which pixel is picked.
func (m *Image) nearest(width, height int) *Image {
	places := func(in, out int) []int {
		step := float64(in) / float64(out)
		at := make([]int, out)
		for i, x := 0, step*0.5; i < out; i, x = i+1, x+step {
			at[i] = min(int(x), in-1)
		}
		return at
	}
	out := New(width, height, m.Channels)
	across, i := places(m.Width, width), 0
	for _, row := range places(m.Height, height) {
		for _, x := range across {
			i += copy(out.Pix[i:], m.Pix[(row*m.Width+x)*m.Channels:][:m.Channels])
		}
	}
	return out
}

// Taps holds the weights of the pixels in a row or column that make an output
// pixel.
type Taps struct {
	First   int     // index of the first pixel
	Weights []int32 // in units of 1/[TapUnit]
}

// The fixed point of weights leaves eight bits for the sample and two for filters
// that overshoot.
const (
	precision = 32 - 8 - 2
	oneHalf   = 1 << (precision - 1)
)

// TapUnit is the sum of the weights of an output pixel.
const TapUnit = 1 << precision

// Mix returns a row of m resized vertically: the weighted sum of the rows in t,
// without rounding.
func (t Taps) Mix(m *Image) []float32 {
	row := make([]float32, m.Width*m.Channels)
	for k, w := range t.Weights {
		f := float32(w) / TapUnit
		for i, p := range m.Pix[(t.First+k)*len(row):][:len(row)] {
			row[i] += f * float32(p)
		}
	}
	return row
}

// Taps returns the taps of each output pixel if in pixels are resized to out.
func (f Filter) Taps(in, out int) []Taps {
	step := float64(in) / float64(out)
	wide := max(step, 1)
	support := f.radius() * wide
	all := make([]Taps, out)
	var weights []float64
	for i := range all {
		center := (float64(i) + 0.5) * step
		first := max(int(center-support+0.5), 0)
		end := min(int(center+support+0.5), in)
		weights = weights[:0]
		total := 0.0
		for k := first; k < end; k++ {
			w := f.at((float64(k) - center + 0.5) * (1 / wide))
			weights = append(weights, w)
			total += w
		}
		all[i] = Taps{first, make([]int32, len(weights))}
		for k, w := range weights {
			if total != 0 {
				w /= total
			}
			all[i].Weights[k] = int32(math.Copysign(math.Floor(math.Abs(w)*(1<<precision)+0.5), w))
		}
	}
	return all
}

// across resizes the rows.
func (m *Image) across(width int, taps []Taps) *Image {
	out := New(width, m.Height, m.Channels)
	tensor.Parallel(m.Height, func(y int) {
		from, to := m.Pix[y*m.Width*m.Channels:], out.Pix[y*width*m.Channels:]
		for i, t := range taps {
			if m.Channels != 3 {
				for c := range m.Channels {
					sum := int32(oneHalf)
					for k, w := range t.Weights {
						sum += w * int32(from[(t.First+k)*m.Channels+c])
					}
					to[i*m.Channels+c] = clip8(int(sum >> precision))
				}
				continue
			}
			r, g, b := int32(oneHalf), int32(oneHalf), int32(oneHalf)
			p := from[3*t.First:][:3*len(t.Weights)]
			for _, w := range t.Weights {
				r, g, b = r+w*int32(p[0]), g+w*int32(p[1]), b+w*int32(p[2])
				p = p[3:]
			}
			to[3*i], to[3*i+1], to[3*i+2] = clip8(int(r>>precision)), clip8(int(g>>precision)), clip8(int(b>>precision))
		}
	})
	return out
}

// down resizes the columns.
func (m *Image) down(height int, taps []Taps) *Image {
	out := New(m.Width, height, m.Channels)
	row := m.Width * m.Channels
	tensor.Parallel(height, func(y int) {
		sums := make([]int32, row)
		for k, w := range taps[y].Weights {
			from := m.Pix[(taps[y].First+k)*row:][:len(sums)]
			for x := range sums {
				sums[x] += w * int32(from[x])
			}
		}
		for x, sum := range sums {
			out.Pix[y*row+x] = clip8(int((sum + oneHalf) >> precision))
		}
	})
	return out
}

// LongestSide returns the size of a picture after its longer side is resized to
// target, as SAM computes it.
func LongestSide(width, height, target int) (w, h int) {
	scale := float64(target) / float64(max(width, height))
	return int(float64(width)*scale + 0.5), int(float64(height)*scale + 0.5)
}
