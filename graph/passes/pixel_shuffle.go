package passes

import "github.com/vertebra/vertebra/graph"

// PixelShuffles finds the Reshape–Permute–Reshape that moves channels to pixels.
func PixelShuffles(g *graph.Graph) *graph.Graph {
	return rewrite(g, func(r *rewriter, v *graph.Value) *graph.Value {
		if _, ok := v.Op.(graph.Reshape); ok && len(v.Shape) == 4 {
			p := v.Args[0]
			op, ok := p.Op.(graph.Permute)
			if ok && op.Rank == 6 && op.Order == [graph.MaxRank]int{0, 1, 4, 2, 5, 3} {
				split := p.Args[0]
				_, ok := split.Op.(graph.Reshape)
				s := split.Shape
				first := v.Shape.Equal([]int{s[0], s[1], s[4] * s[2], s[5] * s[3]})
				last := s[1] == 1 && v.Shape.Equal([]int{s[0], s[4] * s[2], s[5] * s[3], 1}) // joined with a Reshape behind
				if ok && s[2] == s[3] && len(split.Args[0].Shape) == 4 &&
					split.Args[0].Shape.Equal([]int{s[0], s[1] * s[2] * s[3], s[4], s[5]}) && (first || last) {
					y := r.at[split.Args[0]].Permute(0, 2, 3, 1).PixelShuffle(s[2])
					if last {
						return y
					}
					return y.Permute(0, 3, 1, 2)
				}
			}
		}
		return r.same(v)
	})
}
