package passes

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vertebra/vertebra/graph"
)

// TestRelativePositions expects SAM's attention with decomposed relative positions as one op, and
// what only looks like it as it is.
func TestRelativePositions(t *testing.T) {
	const b, qh, qw, kh, kw, d = 4, 3, 2, 2, 3, 5
	type of = func(g *graph.Graph, scores, relH, relW *graph.Value) *graph.Value
	view := func(scores *graph.Value) *graph.Value { return scores.Reshape(b, qh, qw, kh, kw) }
	tokens := func(x *graph.Value) *graph.Value { return x.Reshape(b, qh*qw, kh*kw) }
	for name, c := range map[string]struct {
		make of
		is   bool
	}{
		"height first": {func(g *graph.Graph, s, h, w *graph.Value) *graph.Value { return tokens(view(s).Add(h).Add(w)) }, true},
		"width first":  {func(g *graph.Graph, s, h, w *graph.Value) *graph.Value { return tokens(w.Add(h.Add(view(s)))) }, true},
		"scaled afterwards": {func(g *graph.Graph, s, h, w *graph.Value) *graph.Value {
			return tokens(view(s).Add(h).Add(w)).Mul(scalar(g, 2))
		}, false},
		"height twice": {func(g *graph.Graph, s, h, w *graph.Value) *graph.Value { return tokens(view(s).Add(h).Add(h)) }, false},
		"height alone": {func(g *graph.Graph, s, h, w *graph.Value) *graph.Value { return tokens(view(s).Add(h)) }, false},
		"a difference": {func(g *graph.Graph, s, h, w *graph.Value) *graph.Value { return tokens(view(s).Add(h).Sub(w)) }, false},
	} {
		r := rand.New(rand.NewPCG(5, 5))
		g, err := graph.Trace(func(g *graph.Graph) {
			q, k, v := g.Input("q", b, qh*qw, d), g.Input("k", b, kh*kw, d), g.Input("v", b, kh*kw, d)
			relH, relW := g.Input("h", b, qh, qw, kh, 1), g.Input("w", b, qh, qw, 1, kw)
			scores := q.Mul(scalar(g, 0.5)).MatMul(k.Permute(0, 2, 1))
			g.Output("y", c.make(g, scores, relH, relW).Softmax(-1).MatMul(v))
		})
		if err != nil {
			t.Fatal(err)
		}
		h := whole(g)
		compare(t, g, h, r)
		if ops := names(h); slices.Contains(ops, "attention") != c.is || slices.Contains(ops, "softmax") == c.is {
			t.Errorf("%s: %v\n%s", name, ops, h)
		}
	}
}
