package passes

import (
	"github.com/vertebra/vertebra/graph"
)

// Attentions finds softmax(scale·q·kᵀ + biases)·v of [B, H, N, D] or [B, N, D], and makes one
// op of it. Permutes between heads and tokens vanish afterwards, in SinkPermutes.
func Attentions(g *graph.Graph) *graph.Graph {
	return rewrite(g, func(r *rewriter, v *graph.Value) *graph.Value {
		a, ok := attentionOf(r, v)
		if !ok {
			return r.same(v)
		}
		return a.apply(r)
	})
}

// attention is softmax(scale·q·k + biases)·v.
type attention struct {
	q, k, v    *graph.Value // k is transposed if transposed is set
	transposed bool
	scale      float64
	biases     []*graph.Value
}

// attentionOf matches v.
func attentionOf(r *rewriter, v *graph.Value) (a attention, ok bool) {
	outer, isMatMul := v.Op.(graph.MatMul)
	n := len(v.Shape)
	if !isMatMul || outer != (graph.MatMul{}) || n != 3 && n != 4 {
		return a, false
	}
	soft := v.Args[0]
	s, isSoftmax := soft.Op.(graph.Softmax)
	if !isSoftmax || s.Log || s.Axis != -1 && s.Axis != n-1 || r.uses[soft] != 1 {
		return a, false
	}
	a.v, a.scale = v.Args[1], 1
	scores := soft.Args[0]
	for {
		inner, isMatMul := scores.Op.(graph.MatMul)
		if r.uses[scores] != 1 {
			return a, false
		}
		if isMatMul {
			a.q, a.k, a.transposed = scores.Args[0], scores.Args[1], !inner.TransB
			if inner.Scale != 0 {
				a.scale *= float64(inner.Scale)
			}
			break
		}
		op, isBinary := scores.Op.(graph.Binary)
		if !isBinary || op.Then[0].Fn != 0 {
			return a, false
		}
		switch c, isNumber := number(scores.Args[1]); {
		case isNumber && op.Kind == graph.Mul:
			a.scale *= c
			scores = scores.Args[0]
		case isNumber && op.Kind == graph.Div:
			a.scale /= c
			scores = scores.Args[0]
		case op.Kind == graph.Add && a.scale == 1 && len(a.biases) < 2:
			i := 0
			if !scored(scores.Args[0]) {
				i = 1
			}
			a.biases = append(a.biases, scores.Args[1-i])
			scores = scores.Args[i]
		default:
			return a, false
		}
	}
	a.q, a.scale = unscaled(a.q, a.scale)
	a.k, a.scale = unscaled(a.k, a.scale)
	return a, a.fits(n)
}

// scored reports whether v is a product of matrices, with numbers multiplied or biases added.
func scored(v *graph.Value) bool {
	for range 4 {
		switch v.Op.(type) {
		case graph.MatMul:
			return true
		case graph.Binary:
			v = v.Args[0]
		default:
			return false
		}
	}
	return false
}

// unscaled takes a constant factor out of v.
func unscaled(v *graph.Value, scale float64) (*graph.Value, float64) {
	x := roots(v)[0]
	f, ok := as(v, x)
	if !ok {
		return v, scale
	}
	by := f.of(1)
	if !(by > 0) || !is(f.of, func(t float64) float64 { return by * t }, []float64{-3, -1, 0, 0.5, 2}) {
		return v, scale
	}
	return x, scale * by
}

// fits reports whether the extents are those of one Attention.
func (a attention) fits(n int) bool {
	if len(a.q.Shape) != n || len(a.k.Shape) != n || len(a.v.Shape) != n || !(a.scale > 0) {
		return false
	}
	for d := range n - 2 {
		if a.q.Shape[d] != a.k.Shape[d] || a.q.Shape[d] != a.v.Shape[d] {
			return false
		}
	}
	for _, b := range a.biases {
		if len(b.Shape) > n {
			return false
		}
	}
	return true
}

func (a attention) apply(r *rewriter) *graph.Value {
	q, k, v := r.at[a.q], r.at[a.k], r.at[a.v]
	n := len(q.Shape)
	if a.transposed {
		order := identity(n)
		order[n-1], order[n-2] = n-2, n-1
		k = k.Permute(order...)
	}
	heads := 1
	var biases []*graph.Value
	for _, b := range a.biases {
		w := r.at[b]
		if n == 3 && len(w.Shape) == 3 {
			w = reshaped(w, []int{w.Shape[0], 1, w.Shape[1], w.Shape[2]})
		}
		biases = append(biases, w)
	}
	flat := func(x *graph.Value) *graph.Value { return x }
	if n == 4 {
		heads = q.Shape[1]
		flat = func(x *graph.Value) *graph.Value {
			return x.Permute(0, 2, 1, 3).Reshape(x.Shape[0], x.Shape[2], x.Shape[1]*x.Shape[3])
		}
	}
	o := graph.Attention{Heads: heads, Scale: a.scale, Biases: len(biases)}
	y := graph.Apply(o, append([]*graph.Value{flat(q), flat(k), flat(v)}, biases...)...)
	if n == 4 {
		y = y.Reshape(q.Shape[0], q.Shape[2], heads, v.Shape[3]).Permute(0, 2, 1, 3)
	}
	return y
}

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
				if ok && s[2] == s[3] && len(split.Args[0].Shape) == 4 &&
					split.Args[0].Shape.Equal([]int{s[0], s[1] * s[2] * s[3], s[4], s[5]}) && v.Shape.Equal([]int{s[0], s[1], s[4] * s[2], s[5] * s[3]}) {
					return r.at[split.Args[0]].Permute(0, 2, 3, 1).PixelShuffle(s[2]).Permute(0, 3, 1, 2)
				}
			}
		}
		return r.same(v)
	})
}
