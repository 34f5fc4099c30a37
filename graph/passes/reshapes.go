package passes

import "github.com/vertebra/vertebra/graph"

// SinkReshapes moves a Reshape, and a Permute that has become one, past functions of one
// number. Tidy then joins it with the next.
func SinkReshapes(g *graph.Graph) *graph.Graph {
	return rewrite(g, func(r *rewriter, v *graph.Value) *graph.Value {
		x, op := (*graph.Value)(nil), v.Op
		switch o := v.Op.(type) {
		case graph.Activate, graph.Unary:
			x = v.Args[0]
		case graph.Binary:
			var steps []graph.Step
			if x, steps = o.Steps(v); x != nil {
				op = graph.Unary{Chain: graph.Steps(steps...)}
			}
		}
		if x == nil || r.uses[x] > 1 {
			return r.same(v)
		}
		y := r.at[x] // moved already, if x is a function of a Reshape itself
		if _, ok := y.Op.(graph.Reshape); !ok {
			return r.same(v)
		}
		return graph.Apply(op, y.Args[0]).Reshape(v.Shape...)
	})
}
