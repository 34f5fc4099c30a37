package icc

import "fmt"

// grid holds a colour for each of a grid of colours in up to four dimensions. The last
// dimension varies fastest.
type grid struct {
	points []int // of each dimension
	step   []int // from a point to the next, in samples
	colors []float32
}

// readGrid reads the colours of a grid with so many points in each dimension.
func readGrid(data []byte, points []int, width int) (g *grid, rest []byte, err error) {
	g = &grid{points: points, step: make([]int, len(points))}
	samples := 3
	for d := len(points) - 1; d >= 0; d-- {
		if points[d] < 2 {
			return nil, nil, fmt.Errorf("icc: a grid has %d points", points[d])
		}
		g.step[d] = samples
		if samples *= points[d]; samples > len(data) {
			return nil, nil, errShort
		}
	}
	if samples*width > len(data) {
		return nil, nil, errShort
	}
	g.colors = numbers(data[:samples*width], width)
	return g, data[samples*width:], nil
}

// at interpolates between the points around v: in tetrahedra in the last three
// dimensions, and linearly in a fourth.
func (g *grid) at(v [4]float64) (out [4]float64) {
	n := len(g.points)
	var rest [4]float64 // how far v is from the lower point
	var step [4]int
	base := 0
	for d := range n {
		most := g.points[d] - 1
		at := 0.0
		if v[d] > 0 {
			at = min(v[d], 1) * float64(most)
		}
		i := min(int(at), most-1)
		rest[d], step[d] = at-float64(i), g.step[d]
		base += i * step[d]
	}
	first := max(n-3, 0)
	low := g.tetrahedron(base, rest[first:n], step[first:n])
	if first == 1 {
		high := g.tetrahedron(base+step[0], rest[1:n], step[1:n])
		for c := range low {
			low[c] += (high[c] - low[c]) * rest[0]
		}
	}
	copy(out[:], low[:])
	return out
}

// tetrahedron goes from the lowest corner of a cell to the highest, along the
// dimension in which the colour is farthest first.
func (g *grid) tetrahedron(at int, rest []float64, step []int) (out [3]float64) {
	for c := range out {
		out[c] = float64(g.colors[at+c])
	}
	var done [3]bool
	for range rest {
		d := -1
		for k := range rest {
			if !done[k] && (d < 0 || rest[k] > rest[d]) {
				d = k
			}
		}
		done[d] = true
		for c := range out {
			out[c] += float64(g.colors[at+step[d]+c]-g.colors[at+c]) * rest[d]
		}
		at += step[d]
	}
	return out
}
