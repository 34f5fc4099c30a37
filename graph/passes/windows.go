package passes

import (
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// Rolls finds a Roll in the Concat of the two parts of a value, the last one first, and joins
// Rolls that follow each other.
func Rolls(g *graph.Graph) *graph.Graph {
	return rewrite(g, func(r *rewriter, v *graph.Value) *graph.Value {
		op, ok := v.Op.(graph.Concat)
		if !ok || len(v.Args) != 2 {
			return r.same(v)
		}
		axis := op.Along(len(v.Shape))
		a, b := v.Args[0], v.Args[1]
		x, from, ok := tail(a, axis)
		y, to, head := tail(b, axis)
		if !ok || !head || x != y || to != 0 || from != b.Shape[axis] || a.Shape[axis]+b.Shape[axis] != x.Shape[axis] {
			return r.same(v)
		}
		o, z := graph.Roll{}, r.at[x]
		if before, ok := z.Op.(graph.Roll); ok && r.uses[x] == 2 {
			o, z = before, z.Args[0]
		}
		o.Shift[axis] -= from
		return graph.Apply(o, z)
	})
}

// tail returns the value of which v is a range along one axis, and where the range begins.
func tail(v *graph.Value, axis int) (x *graph.Value, from int, ok bool) {
	op, ok := v.Op.(graph.Slice)
	if !ok {
		return nil, 0, false
	}
	x = v.Args[0]
	start, step, _, err := op.Ranges(x.Shape)
	if err != nil {
		return nil, 0, false
	}
	for d := range x.Shape {
		if d != axis && v.Shape[d] != x.Shape[d] || step[d] != 1 {
			return nil, 0, false
		}
	}
	return x, start[axis], true
}

// Windows finds the Reshape–Permute–Reshape that cuts a map into windows, as Swin does, or
// joins windows to a map, with the Roll before or after it.
func Windows(g *graph.Graph) *graph.Graph {
	joins := map[*graph.Value]graph.WindowReverse{}
	return rewrite(g, func(r *rewriter, v *graph.Value) *graph.Value {
		if o, ok := v.Op.(graph.Roll); ok {
			join, ok := joins[v.Args[0]]
			if !ok || r.uses[v.Args[0]] != 1 || !onlyRows(o) {
				return r.same(v)
			}
			w := r.at[v.Args[0]].Args[0]
			if join.Shift = shifted(o, v.Shape, 1); !fitsWindow(join.Shift, w.Shape) {
				return r.same(v)
			}
			return graph.Apply(join, w)
		}
		x, s := exchanged(v)
		if x == nil {
			return r.same(v)
		}
		b, c := s[0], s[5]
		switch {
		case x.Shape.Equal(tensor.Shape{b, s[1] * s[2], s[3] * s[4], c}): // a map becomes windows
			o := graph.WindowPartition{Window: graph.Pair{s[2], s[4]}}
			y := r.at[x]
			if roll, ok := y.Op.(graph.Roll); ok && r.uses[x] == 1 && onlyRows(roll) {
				shift := shifted(roll, x.Shape, -1)
				if fitsWindow(shift, tensor.Shape{0, s[2], s[4]}) {
					o.Shift, y = shift, y.Args[0]
				}
			}
			return reshaped(graph.Apply(o, y), v.Shape)
		case v.Shape.Equal(tensor.Shape{b, s[1] * s[3], s[2] * s[4], c}): // windows become a map
			o := graph.WindowReverse{Size: graph.Pair{v.Shape[1], v.Shape[2]}}
			joins[v] = o
			return graph.Apply(o, reshaped(r.at[x], tensor.Shape{b * s[1] * s[2], s[3], s[4], c}))
		}
		return r.same(v)
	})
}

// exchanged matches a Reshape of a Permute [0 1 3 2 4 5] of a Reshape to six dimensions. It
// returns what is reshaped at first, and those dimensions.
func exchanged(v *graph.Value) (x *graph.Value, s tensor.Shape) {
	if _, ok := v.Op.(graph.Reshape); !ok {
		return nil, nil
	}
	p := v.Args[0]
	op, ok := p.Op.(graph.Permute)
	if !ok || !slices.Equal(op.Order[:op.Rank], []int{0, 1, 3, 2, 4, 5}) {
		return nil, nil
	}
	if _, ok := p.Args[0].Op.(graph.Reshape); !ok {
		return nil, nil
	}
	return p.Args[0].Args[0], p.Args[0].Shape
}

// onlyRows reports whether a Roll of [B, H, W, C] shifts rows and columns alone.
func onlyRows(o graph.Roll) bool {
	o.Shift[1], o.Shift[2] = 0, 0
	return o == graph.Roll{}
}

// shifted returns how far a Roll of s shifts rows and columns down and right, or up and left if
// sign is −1.
func shifted(o graph.Roll, s tensor.Shape, sign int) graph.Pair {
	var p graph.Pair
	for d := range p {
		n := s[d+1]
		p[d] = (sign*o.Shift[d+1]%n + n) % n
	}
	return p
}

// fitsWindow reports whether a shift is one of windows [.., Wh, Ww, ..].
func fitsWindow(shift graph.Pair, w tensor.Shape) bool {
	return shift[0] >= 0 && shift[1] >= 0 && shift[0] < w[1] && shift[1] < w[2] && shift != graph.Pair{}
}
