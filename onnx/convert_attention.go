package onnx

import (
	"math"
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// attentions has attention and what belongs to it.
func attentions() map[string]converter {
	return map[string]converter{
		"Attention":       convertAttention,
		"RotaryEmbedding": convertRotary,
		"com.microsoft.RotaryEmbedding": func(c *call) []*value {
			if len(c.arg(1).shape) != 2 || c.float("scale", 1) != 1 || c.flag("is_packed_batching", false) {
				failf("places %v, or a scale, or a packed batch", c.arg(1).shape)
			}
			return []*value{c.with(convertRotary, c.arg(0), c.arg(2), c.arg(3), c.arg(1))}
		},
	}
}

// heads returns input i as [B, H, N, D], from that or from [B, N, H·D].
func (c *call) heads(i int, attribute string) *value {
	v := c.arg(i)
	switch len(v.shape) {
	case 4:
		return v
	case 3:
		h := c.int(attribute, 0)
		if h < 1 || v.shape[2]%h != 0 {
			failf("%s is %d for %v", attribute, h, v.shape)
		}
		return v.reshape(tensor.Shape{v.shape[0], v.shape[1], h, v.shape[2] / h}).permute(0, 2, 1, 3)
	}
	failf("input %d has %d dimensions", i, len(v.shape))
	return nil
}

// spread repeats each head of v [B, H, N, D] until there are n.
func (c *call) spread(v *value, n int) *value {
	s := v.shape
	if s[1] == n {
		return v
	}
	if s[1] < 1 || n%s[1] != 0 {
		failf("%d heads of queries and %d of keys", n, s[1])
	}
	r := n / s[1]
	return v.reshape(tensor.Shape{s[0], s[1], 1, s[2] * s[3]}).expand(tensor.Shape{s[0], s[1], r, s[2] * s[3]}).
		reshape(tensor.Shape{s[0], n, s[2], s[3]})
}

// convertAttention is softmax(cap(scale·q·kᵀ) + bias)·v with the keys and values of earlier
// calls in front. It is 0 for a query that sees no key.
func convertAttention(c *call) []*value {
	q, k, v := c.heads(0, "q_num_heads"), c.heads(1, "kv_num_heads"), c.heads(2, "kv_num_heads")
	past := 0
	if c.has(4) != c.has(5) {
		failf("past keys without past values")
	}
	if c.has(4) {
		past = c.arg(4).shape[2]
		k, v = c.concat(2, c.arg(4), k), c.concat(2, c.arg(5), v)
	}
	outs := []*value{nil, k, v, nil}
	k, v = c.spread(k, q.shape[1]), c.spread(v, q.shape[1])
	for _, w := range []*value{q, k, v} {
		if w.shape.Len() == 0 || w.shape[0] != q.shape[0] || w.shape[1] != q.shape[1] {
			failf("queries %v, keys %v, values %v", q.shape, k.shape, v.shape)
		}
	}
	n, m := q.shape[2], k.shape[2]
	scale := c.float("scale", 1/math.Sqrt(float64(q.shape[3])))
	biases := c.biases(n, m, past)
	seen := c.seen(biases)
	softcap := c.float("softcap", 0)
	var y *graph.Value // [B, H, N, D]
	if softcap == 0 && !c.wants(3) && len(biases) <= 2 && scale != 0 {
		flat := func(w *value) *graph.Value {
			return c.value(w.permute(0, 2, 1, 3).reshape(tensor.Shape{w.shape[0], w.shape[2], w.shape[1] * w.shape[3]}))
		}
		args := append([]*graph.Value{flat(q), flat(k), flat(v)}, biases...)
		y = graph.Apply(graph.Attention{Heads: q.shape[1], Scale: scale, Biases: len(biases)}, args...).Reshape(q.shape[0], n, q.shape[1], v.shape[3]).Permute(0, 2, 1, 3)
	} else {
		steps := c.scores(c.value(q), c.value(k), scale, softcap, biases)
		if seen != nil {
			steps[3] = seen.Where(steps[3], c.scalar(0))
		}
		y = steps[3].MatMul(c.value(v))
		mode := c.int("qk_matmul_output_mode", 0)
		if mode < 0 || mode > 3 {
			failf("qk_matmul_output_mode %d", mode)
		}
		outs[3] = computed(q.typ, steps[mode])
	}
	if seen != nil {
		y = seen.Where(y, c.scalar(0))
	}
	if len(c.arg(0).shape) == 3 {
		y = y.Permute(0, 2, 1, 3).Reshape(q.shape[0], n, -1)
	}
	outs[0] = computed(q.typ, y)
	return outs
}

// scores returns the products of queries and keys, those that are capped, those with biases,
// and their softmax.
func (c *call) scores(q, k *graph.Value, scale, softcap float64, biases []*graph.Value) [4]*graph.Value {
	var steps [4]*graph.Value
	steps[0] = q.MatMulT(k, float32(scale))
	steps[1] = steps[0]
	if softcap != 0 {
		steps[1] = steps[1].Map(graph.Over, float32(softcap)).Tanh().Map(graph.Times, float32(softcap))
	}
	steps[2] = steps[1]
	for _, b := range biases {
		steps[2] = steps[2].Add(b)
	}
	steps[3] = steps[2].Softmax(-1)
	return steps
}

// biases returns what is added to the scores [B, H, N, M]: the mask of the file, that of the
// future, and that of keys that are padding.
func (c *call) biases(n, m, past int) []*graph.Value {
	var all []*graph.Value
	low := float32(math.Inf(-1))
	if c.has(3) {
		mask := c.arg(3)
		if mask.typ == Bool {
			mask = c.masked(mask)
		}
		if d := len(mask.shape); d > 0 && mask.shape[d-1] != m && mask.shape[d-1] != 1 { // keys beyond the mask are not seen
			if mask.shape[d-1] > m {
				failf("a mask %v for %d keys", mask.shape, m)
			}
			o := graph.Pad{Value: low}
			o.After[d-1] = m - mask.shape[d-1]
			mask = computed(mask.typ, graph.Apply(o, c.value(mask)))
		}
		all = append(all, c.value(mask))
	}
	lengths := c.keyLengths()
	if bias := c.near(n, m, past, lengths); bias != nil {
		all = append(all, bias)
	}
	if lengths != nil {
		at := make([]float32, m)
		for i := range at {
			at[i] = float32(i)
		}
		all = append(all, c.unless(c.binary(graph.Less, c.constant(at, m), lengths)))
	}
	if len(all) > 2 {
		all = []*graph.Value{all[0].Add(all[1]), all[2]}
	}
	return all
}

// keyLengths is how many keys of each batch are no padding, [B, 1, 1, 1], or nil.
func (c *call) keyLengths() *graph.Value {
	if !c.has(6) {
		return nil
	}
	return c.value(c.arg(6).reshape(tensor.Shape{c.arg(6).shape.Len(), 1, 1, 1}))
}

// unless is 0 where a condition is not 0, and −∞ elsewhere.
func (c *call) unless(condition *graph.Value) *graph.Value {
	return condition.Where(c.scalar(0), c.scalar(math.Inf(-1)))
}

// near is 0 for keys that are near enough to a query, and −∞ for others: not behind it, with
// is_causal, and inside a window. It is nil if all are. The queries follow the past, or are
// the last of the keys that are no padding.
func (c *call) near(n, m, past int, lengths *graph.Value) *graph.Value {
	before, after := c.int("left_window_size", -1), c.int("right_window_size", -1)
	if c.flag("is_causal", false) {
		after = 0
	}
	if before < 0 && after < 0 {
		return nil
	}
	if c.has(4) {
		lengths = nil
	}
	c.bound(tensor.Shape{n, m})
	f := make([]float32, n*m) // how far a key is before its query
	for i := range f {
		f[i] = float32(i/m + past - i%m)
	}
	if lengths == nil {
		for i, d := range f {
			if f[i] = 0; before >= 0 && int(d) > before || after >= 0 && -int(d) > after {
				f[i] = float32(math.Inf(-1))
			}
		}
		return c.constant(f, n, m)
	}
	distance := c.constant(f, n, m).Add(lengths.Sub(c.scalar(float64(n))))
	var fits *graph.Value
	if before >= 0 {
		fits = c.binary(graph.LessEqual, distance, c.scalar(float64(before)))
	}
	if after >= 0 {
		reach := c.binary(graph.GreaterEqual, distance, c.scalar(-float64(after)))
		if fits != nil {
			reach = fits.Mul(reach)
		}
		fits = reach
	}
	return c.unless(fits)
}

// seen is 1 for queries that see a key, and 0 for others, [.., N, 1]. It is nil if all do.
func (c *call) seen(biases []*graph.Value) *graph.Value {
	var sum *graph.Value
	for _, b := range biases {
		if sum != nil {
			b = sum.Add(b)
		}
		sum = b
	}
	if sum == nil || len(sum.Shape) == 0 || !c.has(3) && !c.has(6) && c.int("left_window_size", -1) < 0 && c.int("right_window_size", -1) < 0 {
		return nil
	}
	most := graph.Apply(graph.Reduce{Kind: graph.Max, Axes: graph.Dims(len(sum.Shape) - 1), KeepDims: true}, sum)
	return c.binary(graph.GreaterEqual, most, c.scalar(-math.MaxFloat32))
}

// masked is 0 where a mask is true, and −∞ elsewhere.
func (c *call) masked(mask *value) *value {
	if mask.host == nil {
		return computed(Float32, c.unless(c.value(mask)))
	}
	a := newArray(Float32, mask.shape)
	for i, b := range mask.host.I {
		if b == 0 {
			a.F[i] = float32(math.Inf(-1))
		}
	}
	return known(a)
}

// convertRotary turns pairs of channels by the angle of their place.
func convertRotary(c *call) []*value {
	in := c.arg(0)
	x := in
	switch len(x.shape) {
	case 3:
		h := c.int("num_heads", 0)
		if h < 1 || x.shape[2]%h != 0 {
			failf("num_heads is %d for %v", h, x.shape)
		}
		x = x.reshape(tensor.Shape{x.shape[0], x.shape[1], h, x.shape[2] / h})
	case 4:
		x = x.permute(0, 2, 1, 3)
	default:
		failf("%d dimensions", len(x.shape))
	}
	b, n, h, d := x.shape[0], x.shape[1], x.shape[2], x.shape[3]
	r := c.int("rotary_embedding_dim", 0)
	if r == 0 {
		r = d
	}
	if r < 2 || r%2 != 0 || r > d {
		failf("%d channels are turned of %d", r, d)
	}
	table := func(i int) *graph.Value {
		t := c.arg(i)
		if c.has(3) {
			t = c.gather(t, c.arg(3), 0)
		}
		if len(t.shape) != 3 || t.shape[0] != b && t.shape[0] != 1 || t.shape[1] != n || t.shape[2] < r/2 {
			failf("table %v for %v", t.shape, in.shape)
		}
		t = c.cut(t, 2, 0, r/2)
		return c.value(t.reshape(tensor.Shape{t.shape[0], n, 1, r / 2}))
	}
	cos, sin := table(1), table(2)
	turned := c.cut(x, 3, 0, r)
	pairs, first := tensor.Shape{b, n, h, 2, r / 2}, 3
	if c.flag("interleaved", false) {
		pairs, first = tensor.Shape{b, n, h, r / 2, 2}, 4
	}
	part := func(i int) *graph.Value {
		return c.value(c.cut(turned.reshape(pairs), first, i, 1).reshape(tensor.Shape{b, n, h, r / 2}))
	}
	re, im := cos.Mul(part(0)).Sub(sin.Mul(part(1))), sin.Mul(part(0)).Add(cos.Mul(part(1)))
	wide := slices.Clone(pairs)
	wide[first] = 1
	y := computed(x.typ, graph.Cat(first, re.Reshape(wide...), im.Reshape(wide...)).Reshape(b, n, h, r))
	if r < d {
		y = c.concat(3, y, c.cut(x, 3, r, d-r))
	}
	if len(in.shape) == 4 {
		return []*value{y.permute(0, 2, 1, 3)}
	}
	return []*value{y.reshape(in.shape)}
}
