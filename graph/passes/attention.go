package passes

import (
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// Attentions finds softmax(scale·q·kᵀ + biases)·v of values [.., N, D], whatever stands before,
// and makes one op of it. Permutes between heads and tokens vanish afterwards, in
// SinkPermutes.
func Attentions(g *graph.Graph) *graph.Graph {
	return rewrite(g, func(r *rewriter, v *graph.Value) *graph.Value {
		if a, ok := r.attention(v); ok {
			return a.apply(r, v.Shape)
		}
		return r.same(v)
	})
}

// attention is softmax(scale·q·k + biases)·v.
type attention struct {
	q, k, v    *graph.Value // k is transposed if transposed is set
	transposed bool
	scale      float64
	perHead    *graph.Value // a constant [H, 1, 1] that multiplies the scores, or nil
	biases     []bias
	rel        []*graph.Value // relative positions along the keys' grid [KH, KW], or none
	grid       graph.Pair
	heads      int
}

// bias is added to scores of this shape.
type bias struct {
	v  *graph.Value
	to tensor.Shape
}

// attention matches v.
func (r *rewriter) attention(v *graph.Value) (a attention, ok bool) {
	outer, isMatMul := v.Op.(graph.MatMul)
	if !isMatMul || outer != (graph.MatMul{}) || len(v.Shape) < 3 {
		return a, false
	}
	soft := r.sameRows(v.Args[0])
	s, isSoftmax := soft.Op.(graph.Softmax)
	if n := len(soft.Shape); !isSoftmax || s.Log || s.Axis != -1 && s.Axis != n-1 || r.uses[soft] != 1 {
		return a, false
	}
	a.v, a.scale = v.Args[1], 1
	scores := soft.Args[0]
	for {
		if x := r.relative(scores, &a); x != nil && a.scale == 1 {
			scores = x
		}
		scores = r.sameRows(scores)
		if r.uses[scores] != 1 {
			return a, false
		}
		if inner, isMatMul := scores.Op.(graph.MatMul); isMatMul {
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
		case op.Kind == graph.Mul && a.perHead == nil && r.scored(scores.Args[0]) && ofHeads(scores.Args[1], scores.Shape):
			a.perHead, scores = scores.Args[1], scores.Args[0]
		case op.Kind == graph.Add && a.scale == 1 && a.perHead == nil && len(a.biases) < 2:
			i := 0
			if !r.scored(scores.Args[0]) {
				i = 1
			}
			if !scores.Args[i].Shape.Equal(scores.Shape) {
				return a, false
			}
			a.biases = append(a.biases, bias{scores.Args[1-i], scores.Shape})
			scores = scores.Args[i]
		default:
			return a, false
		}
	}
	return a, a.fits()
}

// ofHeads reports whether v is a constant with a number for each head of scores [.., H, N, M].
func ofHeads(v *graph.Value, scores tensor.Shape) bool {
	n, m := len(v.Shape), len(scores)
	return v.Const != nil && n >= 3 && n <= m && v.Shape[n-1] == 1 && v.Shape[n-2] == 1 && v.Shape.Len() == v.Shape[n-3] && v.Shape[n-3] == scores[m-3]
}

// sameRows walks back over Reshapes that leave the last two dimensions as they are.
func (r *rewriter) sameRows(v *graph.Value) *graph.Value {
	for {
		if _, ok := v.Op.(graph.Reshape); !ok || r.uses[v] != 1 {
			return v
		}
		from, n, m := v.Args[0], len(v.Args[0].Shape), len(v.Shape)
		if n < 3 || m < 3 || !from.Shape[n-2:].Equal(v.Shape[m-2:]) {
			return v
		}
		v = from
	}
}

// scored reports whether v is a product of matrices, with numbers multiplied or biases added.
func (r *rewriter) scored(v *graph.Value) bool {
	for range 6 {
		v = r.sameRows(v)
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

// fits reports whether the extents are those of one Attention, and finds the number of heads:
// the dimension before the tokens, where the values or a bias show one.
func (a *attention) fits() bool {
	lead := func(v *graph.Value) tensor.Shape { return v.Shape[:max(len(v.Shape)-2, 0)] }
	batch := lead(a.q)
	if len(batch) == 0 || !batch.Equal(lead(a.k)) || !batch.Equal(lead(a.v)) || !(a.scale > 0) {
		return false
	}
	if a.perHead != nil && a.perHead.Shape.Len() != batch[len(batch)-1] {
		return false
	}
	a.heads = 1
	if n := len(batch); n > 1 {
		a.heads = batch[n-1]
	}
	if len(batch) == 1 && a.heldAsRows() {
		a.heads = batch[0]
	}
	for _, b := range a.biases {
		if n := len(b.to); n > 3 && len(batch) == 1 {
			a.heads = b.to[n-3]
		}
	}
	if batch.Len()%a.heads != 0 {
		return false
	}
	for _, b := range a.biases {
		n := len(b.to)
		if len(b.v.Shape) > n || n > 3 && b.to[n-3] != a.heads {
			return false
		}
	}
	return true
}

// heldAsRows reports whether queries, keys and values [H, N, D] are permuted rows [N, H, D], as
// PyTorch's MultiheadAttention has them for one image. Their first dimension is then the heads
// of one image, whose rows need no Permute.
func (a *attention) heldAsRows() bool {
	rows := func(v *graph.Value, order ...int) bool {
		if op, ok := v.Op.(graph.Binary); ok && (op.Kind == graph.Mul || op.Kind == graph.Div) {
			if _, scaled := number(v.Args[1]); scaled {
				v = v.Args[0]
			}
		}
		op, ok := v.Op.(graph.Permute)
		return ok && slices.Equal(op.Order[:op.Rank], order)
	}
	k := []int{1, 0, 2}
	if a.transposed {
		k = []int{1, 2, 0}
	}
	return rows(a.q, 1, 0, 2) && rows(a.k, k...) && rows(a.v, 1, 0, 2)
}

// apply makes the op, with a result of shape to.
func (a attention) apply(r *rewriter, to tensor.Shape) *graph.Value {
	n := len(a.q.Shape)
	images := a.q.Shape[:n-2].Len() / a.heads
	q, scale := r.unscaled(a.q, 0)
	k, by := r.unscaled(a.k, 0)
	a.scale *= scale * by
	if a.perHead != nil {
		w := a.perHead.Shape
		q = q.Mul(reshaped(r.at[a.perHead], w[len(w)-3:]))
	}
	if _, ok := k.Op.(graph.Permute); ok && a.transposed {
		order := identity(n)
		order[n-1], order[n-2] = n-2, n-1
		k, a.transposed = permuted(k, order), false
	}
	flat := func(x *graph.Value, transposed bool) *graph.Value {
		m, d := x.Shape[n-2], x.Shape[n-1]
		switch {
		case transposed && a.heads == 1:
			return reshaped(x, tensor.Shape{images, m, d}).Permute(0, 2, 1)
		case transposed:
			return reshaped(x, tensor.Shape{images, a.heads, m, d}).Permute(0, 3, 1, 2).Reshape(images, d, a.heads*m)
		case a.heads == 1:
			return reshaped(x, tensor.Shape{images, m, d})
		}
		return reshaped(x, tensor.Shape{images, a.heads, m, d}).Permute(0, 2, 1, 3).Reshape(images, m, a.heads*d)
	}
	v := r.at[a.v]
	args := []*graph.Value{flat(q, false), flat(k, a.transposed), flat(v, false)}
	for _, b := range a.biases {
		args = append(args, b.spread(r, images, a.heads))
	}
	for _, v := range a.rel {
		args = append(args, reshaped(r.at[v], tensor.Shape{images, a.heads, q.Shape[n-2], v.Shape.Len() / a.q.Shape[:n-1].Len()}))
	}
	o := graph.Attention{Heads: a.heads, Scale: a.scale, Biases: len(a.biases), KH: a.grid[0], KW: a.grid[1]}
	y := graph.Apply(o, args...)
	if a.heads > 1 {
		y = y.Reshape(images, q.Shape[n-2], a.heads, v.Shape[n-1]).Permute(0, 2, 1, 3)
	}
	return reshaped(y, to)
}

// spread returns the bias as [B or 1, H or 1, N or 1, M or 1].
func (b bias) spread(r *rewriter, images, heads int) *graph.Value {
	v := r.at[b.v]
	s := tensor.Shape(slices.Concat(slices.Repeat([]int{1}, len(b.to)-len(v.Shape)), v.Shape))
	n := len(s)
	rows := s[n-2:]
	if n == 3 { // images and heads in one dimension
		if s[0] == 1 {
			return reshaped(v, tensor.Shape{1, 1, rows[0], rows[1]})
		}
		return reshaped(v, tensor.Shape{images, heads, rows[0], rows[1]})
	}
	lead := s[:n-3]
	if lead.Len() == 1 {
		return reshaped(v, tensor.Shape{1, s[n-3], rows[0], rows[1]})
	}
	if !lead.Equal(b.to[:n-3]) {
		v = reshaped(v, s).Expand(slices.Concat(b.to[:n-3], s[n-3:])...)
	}
	return reshaped(v, tensor.Shape{images, s[n-3], rows[0], rows[1]})
}

// unscaled returns v in the new graph without a constant factor, and the factor. It looks
// behind ops that move elements.
func (r *rewriter) unscaled(v *graph.Value, depth int) (*graph.Value, float64) {
	switch v.Op.(type) {
	case graph.Reshape, graph.Permute, graph.Expand:
		if r.uses[v] == 1 && depth < 8 {
			if x, by := r.unscaled(v.Args[0], depth+1); by != 1 {
				return graph.Apply(v.Op, x), by
			}
		}
		return r.at[v], 1
	}
	x := roots(v)[0]
	f, ok := as(v, x)
	if !ok {
		return r.at[v], 1
	}
	by := f.of(1)
	if !(by > 0) || !is(f.of, func(t float64) float64 { return by * t }, append([]float64{-30, -7, -3, -1, 0, 0.5, 2, 7, 30}, far...)) {
		return r.at[v], 1
	}
	return r.at[x], by
}
