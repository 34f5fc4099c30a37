package onnx

import (
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// Values of a graph have up to graph.MaxRank dimensions. A value of the file that has more is
// a list there. Operators that can see it as a value with fewer dimensions do so.
func wide(s tensor.Shape) bool { return len(s) > graph.MaxRank }

// shaped is v as a value of the file with this shape.
func shaped(t Type, v *graph.Value, s tensor.Shape) *value {
	switch {
	case !wide(s) && !v.Shape.Equal(s):
		v = v.Reshape(s...)
	case wide(s) && len(v.Shape) != 1:
		v = v.Reshape(s.Len())
	}
	w := computed(t, v)
	w.shape = s
	return w
}

// narrow is v with another shape, of few dimensions, as a value of the graph.
func (c *call) narrow(v *value, s ...int) *graph.Value { return c.value(v.reshape(s)) }

// permuteWide joins dimensions that stay neighbours. If there are still too many, one after
// the other goes to its place.
func (v *value) permuteWide(order []int) *value {
	s := make(tensor.Shape, len(order))
	for i, o := range order {
		s[i] = v.shape[o]
	}
	if from, to := folded(v.shape, order); len(from) <= graph.MaxRank {
		return shaped(v.typ, v.dev.Reshape(from...).Permute(to...), s)
	}
	places := make([]int, len(order)) // the dimension of v that is now here
	for i := range places {
		places[i] = i
	}
	for i, o := range order {
		at := slices.Index(places, o)
		move := make([]int, len(order))
		for k := range move {
			move[k] = k
		}
		move = slices.Insert(slices.Delete(move, at, at+1), i, at)
		places = slices.Insert(slices.Delete(places, at, at+1), i, o)
		v = v.permute(move...)
	}
	return v
}

// folded joins the dimensions of s that an order leaves beside each other, and drops those of
// extent 1.
func folded(s tensor.Shape, order []int) (from tensor.Shape, to []int) {
	var starts []int // of the joined dimensions, in order
	extents := map[int]int{}
	before := -2
	for _, o := range order {
		if s[o] == 1 {
			continue
		}
		next := before + 1
		for next >= 0 && next < len(s) && s[next] == 1 {
			next++
		}
		if before >= 0 && o == next {
			extents[starts[len(starts)-1]] *= s[o]
		} else {
			starts, extents[o] = append(starts, o), s[o]
		}
		before = o
	}
	sorted := slices.Sorted(slices.Values(starts))
	for _, d := range sorted {
		from = append(from, extents[d])
	}
	for _, d := range starts {
		to = append(to, slices.Index(sorted, d))
	}
	return from, to
}

// fewer returns values that broadcast to s with fewer dimensions: those that each value has,
// or repeats, are one.
func (c *call) fewer(s tensor.Shape, vs ...*value) []*value {
	shapes := make([]tensor.Shape, len(vs))
	last := 0
	for d, n := range s {
		if n == 1 {
			continue
		}
		pattern := 0
		for i, v := range vs {
			if k := d - len(s) + len(v.shape); k >= 0 && v.shape[k] != 1 {
				pattern |= 1 << i
			}
		}
		for i := range shapes {
			n := n
			if pattern>>i&1 == 0 {
				n = 1
			}
			if pattern == last && len(shapes[i]) > 0 {
				shapes[i][len(shapes[i])-1] *= n
			} else {
				shapes[i] = append(shapes[i], n)
			}
		}
		last = pattern
	}
	out := make([]*value, len(vs))
	for i, v := range vs {
		if wide(shapes[i]) {
			failf("%d dimensions, more than %d", len(s), graph.MaxRank)
		}
		out[i] = v.reshape(shapes[i])
	}
	return out
}

// sliceWide cuts one dimension after the other.
func (v *value) sliceWide(start, step, n []int) *value {
	for d := range n {
		s := v.shape
		if n[d] == s[d] && start[d] == 0 && step[d] == 1 {
			continue
		}
		to := s.Clone()
		to[d] = n[d]
		flat := v.reshape(tensor.Shape{s[:d].Len(), s[d], s[d+1:].Len()})
		v = flat.slice([]int{0, start[d], 0}, []int{1, step[d], 1}, []int{flat.shape[0], n[d], flat.shape[2]}).reshape(to)
	}
	return v
}

// expandWide repeats one dimension after the other.
func (v *value) expandWide(s tensor.Shape) *value {
	v = v.reshape(append(tensor.Shape(slices.Repeat([]int{1}, len(s)-len(v.shape))), v.shape...))
	for d, n := range s {
		if v.shape[d] == n {
			continue
		}
		to := v.shape.Clone()
		to[d] = n
		outer, inner := to[:d].Len(), to[d+1:].Len()
		v = v.reshape(tensor.Shape{outer, 1, inner}).expand(tensor.Shape{outer, n, inner}).reshape(to)
	}
	return v
}

// reduceWide reduces the last of two dimensions: those that stay, and the others.
func (c *call) reduceWide(kind graph.ReduceKind, x *value, axes []int) *graph.Value {
	var order []int
	for d := range x.shape {
		if !slices.Contains(axes, d) {
			order = append(order, d)
		}
	}
	stay := 1
	for _, d := range order {
		stay *= x.shape[d]
	}
	v := c.narrow(x.permute(append(order, axes...)...), stay, x.shape.Len()/stay)
	return graph.Apply(graph.Reduce{Kind: kind, Axes: graph.Dims(1)}, v)
}
