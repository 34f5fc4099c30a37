package passes

import (
	"math"
	"math/bits"
	"slices"

	"github.com/vertebra/vertebra/graph"
)

// Normalizes finds x / max(√Σx², eps), with the sum over one dimension.
func Normalizes(g *graph.Graph) *graph.Graph {
	return rewrite(g, func(r *rewriter, v *graph.Value) *graph.Value {
		op, ok := v.Op.(graph.Binary)
		if !ok || op != (graph.Binary{Kind: graph.Div}) || !v.Shape.Equal(v.Args[0].Shape) {
			return r.same(v)
		}
		x, length := v.Args[0], v.Args[1]
		if _, ok := length.Op.(graph.Expand); ok && len(length.Shape) == len(length.Args[0].Shape) {
			length = length.Args[0]
		}
		chain, sum := unaries(length)
		o, ok := sum.Op.(graph.Reduce)
		if !ok || len(chain) != 2 || o.Kind != graph.Sum || !o.KeepDims || bits.OnesCount8(uint8(o.Axes)) != 1 {
			return r.same(v)
		}
		least := chain[1]
		if chain[0].Fn != graph.Sqrt || least.Fn != graph.Clip || !(least.A > 0) || !math.IsInf(float64(least.B), 1) {
			return r.same(v)
		}
		square, from := unaries(sum.Args[0])
		if from != x || !slices.Equal(square, []graph.Step{{Fn: graph.Power, A: 2}}) {
			return r.same(v)
		}
		return graph.Apply(graph.Normalize{Axis: bits.TrailingZeros8(uint8(o.Axes)), Eps: float64(least.A)}, r.at[x])
	})
}

// unaries returns the functions that make v of a value, the first one first, and this value.
func unaries(v *graph.Value) (steps []graph.Step, x *graph.Value) {
	for {
		o, ok := v.Op.(graph.Unary)
		if !ok {
			return steps, v
		}
		steps = append(slices.Clone(o.Chain.List()), steps...)
		v = v.Args[0]
	}
}
