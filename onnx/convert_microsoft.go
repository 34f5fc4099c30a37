package onnx

import (
	"math"
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// microsoft has the operators that ONNX Runtime's optimiser puts into files.
func microsoft() map[string]converter {
	return map[string]converter{
		"com.microsoft.SkipLayerNormalization":           skipLayerNorm(false),
		"com.microsoft.SkipSimplifiedLayerNormalization": skipLayerNorm(true),
		"com.microsoft.LayerNormalization":               convertLayerNorm,
		"com.microsoft.FusedConv":                        convertFusedConv,
		"com.microsoft.FusedGemm":                        convertFusedGemm,
		"com.microsoft.FusedMatMul":                      convertFusedMatMul,
		"com.microsoft.Attention":                        convertPackedAttention,
		"com.microsoft.MultiHeadAttention":               convertMultiHead,
		"com.microsoft.NhwcConv":                         convertNhwcConv,
		"com.microsoft.GroupNorm":                        convertNhwcGroupNorm,
		"com.microsoft.BiasAdd": func(c *call) []*value {
			return c.like(c.x(0).Add(c.x(1)).Add(c.x(2)))
		},
	}
}

// skipLayerNorm normalises input + skip + bias over the last dimension, and also returns this
// sum. The simplified norm divides by the root of the mean square.
func skipLayerNorm(simplified bool) converter {
	return func(c *call) []*value {
		sum := c.x(0).Add(c.x(1))
		last := 4
		if simplified {
			last = 3
		}
		if c.has(last) {
			sum = sum.Add(c.x(last))
		}
		eps := c.epsilon(1e-12)
		var y *graph.Value
		if simplified {
			square := graph.Apply(graph.Reduce{Kind: graph.Mean, Axes: graph.Dims(len(sum.Shape) - 1), KeepDims: true}, sum.Mul(sum))
			y = sum.Div(square.Map(graph.Plus, float32(eps)).Map(graph.Sqrt)).Mul(c.x(2))
		} else {
			o := graph.LayerNorm{Dims: 1, Eps: eps, Weight: true, Bias: c.has(3)}
			args := []*graph.Value{sum, c.x(2)}
			if o.Bias {
				args = append(args, c.x(3))
			}
			y = graph.Apply(o, args...)
		}
		t := c.arg(0).typ
		return []*value{computed(t, y), nil, nil, computed(t, sum)}
	}
}

// activated applies the activation that an attribute names.
func (c *call) activated(v *graph.Value, parameters []float32) *graph.Value {
	at := func(i int, absent float32) float32 {
		if i < len(parameters) {
			return parameters[i]
		}
		return absent
	}
	switch name := c.string("activation", ""); name {
	case "":
		return v
	case "Relu":
		return v.ReLU()
	case "Sigmoid":
		return v.Sigmoid()
	case "Tanh":
		return v.Tanh()
	case "LeakyRelu":
		return v.Map(graph.Leaky, at(0, 0.01))
	case "Clip":
		return v.Map(graph.Clip, at(0, float32(math.Inf(-1))), at(1, float32(math.Inf(1))))
	case "HardSigmoid":
		return v.Map(graph.HardSigmoid, at(0, 0.2), at(1, 0.5))
	case "Gelu":
		return v.GELU()
	case "QuickGelu":
		return v.Activate(graph.QuickGELU)
	default:
		failf("activation %.40q", name)
	}
	return nil
}

// convertFusedConv is a Conv, a sum with input 3, and an activation.
func convertFusedConv(c *call) []*value {
	in := c.in[:min(len(c.in), 3)]
	if len(in) == 3 && in[2] == nil {
		in = in[:2]
	}
	y := c.value(c.with(convertConv, in...))
	if c.has(3) {
		y = y.Add(c.x(3))
	}
	var parameters []float32
	if a := c.attrs["activation_params"]; a != nil {
		parameters = a.Floats
	}
	return c.like(c.activated(y, parameters))
}

func convertFusedGemm(c *call) []*value {
	y := c.value(c.with(convertGemm, c.in...))
	return c.like(c.activated(y, []float32{float32(c.float("activation_alpha", 0.01)), float32(c.float("activation_beta", 0))}))
}

// convertFusedMatMul is alpha·a·b. transX exchanges the last two dimensions of X, and
// transBatchX moves the first one before the last.
func convertFusedMatMul(c *call) []*value {
	side := func(i int, name string) *value {
		v := c.arg(i)
		n := len(v.shape)
		if n < 2 {
			return v
		}
		order := make([]int, n)
		for d := range order {
			order[d] = d
		}
		if c.flag("transBatch"+name, false) {
			order = append(append(slices.Clone(order[1:n-1]), 0), n-1)
		}
		if c.flag("trans"+name, false) {
			order[n-1], order[n-2] = order[n-2], order[n-1]
		}
		return v.permute(order...)
	}
	return []*value{c.scaled(c.matmul(side(0, "A"), side(1, "B")), c.float("alpha", 1))}
}

// convertNhwcConv is a Conv with the channels last.
func convertNhwcConv(c *call) []*value {
	x := c.arg(0)
	if len(x.shape) != 4 {
		failf("%d dimensions", len(x.shape))
	}
	in := slices.Clone(c.in)
	in[0] = x.permute(0, 3, 1, 2)
	return []*value{c.with(convertConv, in...).permute(0, 2, 3, 1)}
}

// convertNhwcGroupNorm has the channels last, and SiLU after it if activation is 1.
func convertNhwcGroupNorm(c *call) []*value {
	x := c.x(0)
	channelsLast := c.flag("channels_last", true)
	if !channelsLast {
		x = last(x)
	}
	y := x.GroupNorm(c.int("groups", 0), c.epsilon(1e-5), c.x(1), c.x(2))
	if c.int("activation", 0) != 0 {
		y = y.Activate(graph.SiLU)
	}
	if !channelsLast {
		y = first(y)
	}
	return c.like(y)
}

// attend is the attention of q [B, N, H·D], k [B, M, H·D] and v [B, M, H·Dv], with a mask of
// keys and a bias.
func (c *call) attend(q, k, v *graph.Value, mask, bias *value) *graph.Value {
	o := graph.Attention{Heads: c.int("num_heads", 0), Scale: c.float("scale", 0), Causal: c.flag("unidirectional", false)}
	args := []*graph.Value{q, k, v}
	if mask != nil {
		args = append(args, c.keyMask(mask, q.Shape[0], k.Shape[1]))
	}
	if bias != nil {
		args = append(args, c.value(bias))
	}
	o.Biases = len(args) - 3
	return graph.Apply(o, args...)
}

// keyMask is 0 for keys that are seen and a large negative number for others. The mask is the
// number of keys of each image, or [B, M] or [B, N, M] with 1 for those that are seen.
func (c *call) keyMask(mask *value, b, m int) *graph.Value {
	low := c.scalar(c.float("mask_filter_value", -10000))
	switch s := mask.shape; {
	case len(s) == 1 && s[0] == b:
		at := make([]float32, m)
		for i := range at {
			at[i] = float32(i)
		}
		seen := graph.Apply(graph.Binary{Kind: graph.Less}, c.constant(at, m), c.value(mask.reshape(tensor.Shape{b, 1, 1, 1})))
		return seen.Where(c.scalar(0), low)
	case len(s) == 2 && s[1] == m:
		return c.value(mask.reshape(tensor.Shape{s[0], 1, 1, m})).Where(c.scalar(0), low)
	case len(s) == 3 && s[2] == m:
		return c.value(mask.reshape(tensor.Shape{s[0], 1, s[1], m})).Where(c.scalar(0), low)
	}
	failf("a mask of keys of shape %v", mask.shape)
	return nil
}

// convertPackedAttention projects the input to queries, keys and values at first.
func convertPackedAttention(c *call) []*value {
	x, w := c.arg(0), c.arg(1)
	if c.has(4) || c.wants(1) {
		failf("keys and values of earlier calls")
	}
	if c.flag("do_rotary", false) {
		failf("do_rotary")
	}
	if len(x.shape) != 3 || len(w.shape) != 2 {
		failf("an input %v and weights %v", x.shape, w.shape)
	}
	sizes, ok := c.ints("qkv_hidden_sizes")
	if !ok {
		sizes = slices.Repeat([]int{w.shape[1] / 3}, 3)
	}
	if len(sizes) != 3 || sizes[0]+sizes[1]+sizes[2] != w.shape[1] || slices.Min(sizes) < 1 {
		failf("sizes %v of %d channels", sizes, w.shape[1])
	}
	qkv := c.matmul(x, w)
	if c.has(2) {
		qkv = computed(x.typ, c.value(qkv).Add(c.x(2)))
	}
	q := c.value(c.cut(qkv, 2, 0, sizes[0]))
	k := c.value(c.cut(qkv, 2, sizes[0], sizes[1]))
	v := c.value(c.cut(qkv, 2, sizes[0]+sizes[1], sizes[2]))
	return c.like(c.attend(q, k, v, c.opt(3), c.opt(5)))
}

// convertMultiHead takes queries, keys and values that are projected, apart or packed: keys
// with values as [B, M, H, 2, D], or all as [B, N, H, 3, D].
func convertMultiHead(c *call) []*value {
	if c.has(6) || c.has(7) || c.wants(1) {
		failf("keys and values of earlier calls")
	}
	heads := c.int("num_heads", 0)
	q := c.arg(0)
	var k, v *value
	part := func(x *value, i int) *value {
		s := x.shape
		return c.cut(x, 3, i, 1).reshape(tensor.Shape{s[0], s[1], s[2] * s[4]})
	}
	switch {
	case len(q.shape) == 5 && q.shape[3] == 3:
		q, k, v = part(q, 0), part(q, 1), part(q, 2)
	case c.has(1) && len(c.arg(1).shape) == 5 && c.arg(1).shape[3] == 2:
		k, v = part(c.arg(1), 0), part(c.arg(1), 1)
	default:
		k, v = c.arg(1), c.arg(2)
	}
	flat := func(x *value) *value { // from [B, H, M, D]
		if len(x.shape) != 4 {
			return x
		}
		s := x.shape
		return x.permute(0, 2, 1, 3).reshape(tensor.Shape{s[0], s[2], s[1] * s[3]})
	}
	k, v = flat(k), flat(v)
	if len(q.shape) != 3 || len(k.shape) != 3 || len(v.shape) != 3 || heads < 1 {
		failf("queries %v, keys %v, values %v, %d heads", q.shape, k.shape, v.shape, heads)
	}
	qs, ks, vs := c.value(q), c.value(k), c.value(v)
	if c.has(3) {
		b := c.arg(3)
		d := q.shape[2]
		if b.shape.Len() != 2*d+v.shape[2] {
			failf("a bias %v", b.shape)
		}
		qs, ks, vs = qs.Add(c.value(c.cut(b, 0, 0, d))), ks.Add(c.value(c.cut(b, 0, d, d))), vs.Add(c.value(c.cut(b, 0, 2*d, v.shape[2])))
	}
	return c.like(c.attend(qs, ks, vs, c.opt(4), c.opt(5)))
}
