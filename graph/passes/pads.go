package passes

import "github.com/vertebra/vertebra/graph"

// Pads gives a border of zeros to the convolution after it, past a Permute.
func Pads(g *graph.Graph) *graph.Graph {
	return rewrite(g, func(r *rewriter, v *graph.Value) *graph.Value {
		conv, ok := v.Op.(graph.Conv2d)
		if !ok {
			return r.same(v)
		}
		x, order := v.Args[0], identity(4)
		if moved, ok := x.Op.(graph.Permute); ok {
			x, order = x.Args[0], moved.Order[:4]
		}
		p, ok := x.Op.(graph.Pad)
		if !ok || p.Mode != graph.Constant || p.Value != 0 {
			return r.same(v)
		}
		for d, o := range order {
			before, after, inside := p.Before[o], p.After[o], d == 1 || d == 2
			if before < 0 || after < 0 || !inside && (before > 0 || after > 0) {
				return r.same(v)
			}
			if inside {
				conv.Pad[d-1] += before
				conv.Extra[d-1] += after - before
			}
		}
		args := r.args(v)
		args[0] = permuted(r.at[x.Args[0]], order)
		return graph.Apply(conv, args...)
	})
}
