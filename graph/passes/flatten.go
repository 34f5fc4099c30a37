package passes

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// Flattens moves a Permute of each image before a linear layer that takes all its elements into
// the layer's weight, whose columns are then in the order of the elements. Classifiers flatten
// a map with the channels first.
func Flattens(g *graph.Graph) *graph.Graph {
	return rewrite(g, func(r *rewriter, v *graph.Value) *graph.Value {
		op, ok := v.Op.(graph.Linear)
		if !ok || v.Args[1].Const == nil || v.Args[1].Const.Data == nil {
			return r.same(v)
		}
		flat := v.Args[0]
		if _, ok := flat.Op.(graph.Reshape); !ok {
			return r.same(v)
		}
		p := flat.Args[0]
		moved, ok := p.Op.(graph.Permute)
		if !ok || moved.Order[0] != 0 || p.Shape[1:].Len() != flat.Shape[len(flat.Shape)-1] {
			return r.same(v)
		}
		w := v.Args[1].Tensor(nil)
		rows := tensor.Shape{w.Shape[0]}
		columns := w.Reshape(append(rows, p.Shape[1:]...)...).Permute(inverse(moved.Order[:moved.Rank])...).Reshape(w.Shape...)
		columns.Name = w.Name
		args := r.args(v)
		args[0], args[1] = reshaped(r.at[p.Args[0]], flat.Shape), r.out.Const(columns)
		return graph.Apply(op, args...)
	})
}
