package passes

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// PackedAttentions lets an Attention read queries, keys and values from the result of the
// layer that makes all of them, in place of Slices of it.
func PackedAttentions(g *graph.Graph) *graph.Graph {
	return rewrite(g, func(r *rewriter, v *graph.Value) *graph.Value {
		o, ok := v.Op.(graph.Attention)
		if !ok || o.Packed != graph.Separate {
			return r.same(v)
		}
		q, k, w := partOf(v.Args[0]), partOf(v.Args[1]), partOf(v.Args[2])
		args := r.args(v)
		tokens := v.Args[2].Shape
		shape := tensor.Shape{tokens[0], tokens[1], k.row}
		switch {
		case k.of == nil || k.of != w.of || k.width != w.width:
			return r.same(v)
		case q.of == k.of && k.row == 3*k.width && q.from == 0 && k.from == k.width && w.from == 2*k.width && v.Args[0].Shape.Equal(tokens):
			o.Packed = graph.PackedQKV
			args = append([]*graph.Value{reshaped(r.at[k.of], shape)}, args[3:]...)
		case k.row == 2*k.width && k.from == 0 && w.from == k.width:
			o.Packed = graph.PackedKV
			args = append([]*graph.Value{args[0], reshaped(r.at[k.of], shape)}, args[3:]...)
		default:
			return r.same(v)
		}
		return graph.Apply(o, args...)
	})
}

// part is a range of each row of a value.
type part struct {
	of               *graph.Value // nil if it is not one
	row, from, width int
}

// partOf finds the value of whose rows v [B, N, width] is a part, behind Reshapes.
func partOf(v *graph.Value) part {
	rows, width := v.Shape[:2].Len(), v.Shape[2]
	for {
		switch op := v.Op.(type) {
		case graph.Reshape:
			v = v.Args[0]
			continue
		case graph.Slice:
			x := v.Args[0].Shape
			start, step, y, err := op.Ranges(x)
			if err != nil {
				return part{}
			}
			cut := -1
			for d := range x {
				if step[d] != 1 {
					return part{}
				}
				if y[d] != x[d] {
					if cut >= 0 {
						return part{}
					}
					cut = d
				}
			}
			if cut < 0 || x[:cut].Len() != rows {
				return part{}
			}
			inner := x[cut+1:].Len()
			return part{v.Args[0], x[cut:].Len(), start[cut] * inner, width}
		}
		return part{}
	}
}
