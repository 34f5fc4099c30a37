package golden

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// attention builds scaled dot-product attention and nn.MultiheadAttention.
func attention(s sub) (Case, error) {
	var a struct {
		Heads  int
		Module string
		Scale  any // "head_dim^-0.5", or a number
	}
	if err := s.decode(&a); err != nil {
		return Case{}, err
	}
	if a.Module != "" {
		return multihead(s, a.Heads)
	}
	op := graph.Attention{Heads: a.Heads}
	switch scale := a.Scale.(type) {
	case nil:
	case float64:
		op.Scale = scale
	default:
		if scale != "head_dim^-0.5" {
			return Case{}, fmt.Errorf("scale %v is unknown", scale)
		}
	}
	q, k, v := joinHeads(s.ranked("input", "q", 4)), joinHeads(s.ranked("input", "k", 4)), joinHeads(s.ranked("input", "v", 4))
	a.Heads = max(a.Heads, 1)
	if heads := s.ranked("input", "q", 4).Shape[1]; heads != a.Heads {
		return Case{}, fmt.Errorf("q has %d heads, but the config has %d", heads, a.Heads)
	}
	in := []*tensor.Tensor{q, k, v}
	for _, name := range []string{"bias", "mask"} {
		if !s.has("input", name) {
			continue
		}
		bias := s.in(name)
		if causal(bias) {
			op.Causal = true
			continue
		}
		if len(bias.Shape) == 2 {
			bias = bias.Reshape(1, 1, bias.Shape[0], bias.Shape[1])
		}
		in = append(in, bias)
		op.Biases++
	}
	want := []*tensor.Tensor{joinHeads(s.ranked("output", "y", 4))}
	if s.has("stage", "probs") {
		want = append(want, joinHeads(s.ranked("stage", "probs", 4)))
		if b, m := k.Shape[0], k.Shape[1]; b*m > maxElements/a.Heads/m {
			return Case{}, fmt.Errorf("%d keys are too many for a check of probabilities", m)
		}
	}
	return several(want, in, func(g *graph.Graph, in []*graph.Value) []*graph.Value {
		y := []*graph.Value{graph.Apply(op, in...)}
		if len(want) > 1 {
			// With an identity matrix as values, attention returns the probabilities.
			b, m := k.Shape[0], k.Shape[1]
			eye := tensor.New(b, m, a.Heads*m)
			for i := range b * m * a.Heads {
				eye.Data[i*m+i/a.Heads%m] = 1
			}
			y = append(y, graph.Apply(op, append([]*graph.Value{in[0], in[1], g.Const(eye)}, in[3:]...)...))
		}
		return y
	})
}

// causal reports whether a mask [N, N] is the causal one: -∞ above the diagonal and
// 0 elsewhere.
func causal(mask *tensor.Tensor) bool {
	if len(mask.Shape) != 2 || mask.Shape[0] != mask.Shape[1] || mask.Shape[0] < 2 {
		return false
	}
	n := mask.Shape[0]
	for i, v := range mask.Data {
		if above := i%n > i/n; above != math.IsInf(float64(v), -1) || !above && v != 0 {
			return false
		}
	}
	return true
}

// joinHeads turns [B, H, N, D] into [B, N, H·D].
func joinHeads(t *tensor.Tensor) *tensor.Tensor {
	s := t.Shape
	return t.Permute(0, 2, 1, 3).Reshape(s[0], s[2], s[1]*s[3])
}

// multihead builds nn.MultiheadAttention. Self-attention uses one packed layer.
// Cross-attention uses that layer's first rows for queries and the rest for keys and
// values.
func multihead(s sub, heads int) (Case, error) {
	w, b := s.ranked("weight", "in_proj_weight", 2), s.ranked("weight", "in_proj_bias", 1)
	e := w.Shape[1]
	if w.Shape[0] != 3*e || b.Shape[0] != 3*e {
		return Case{}, fmt.Errorf("in_proj_weight is %v and in_proj_bias %v, want three times as many rows as columns", w.Shape, b.Shape)
	}
	project := func(x *graph.Value, from, to int) *graph.Value {
		g := x.Graph()
		return graph.Apply(graph.Linear{Epilogue: graph.Epilogue{Bias: true}}, x,
			g.Const(tensor.Of(w.Data[from*e:to*e], to-from, e)), g.Const(tensor.Of(b.Data[from:to], to-from)))
	}
	in := []*tensor.Tensor{}
	for _, name := range []string{"x", "q", "kv"} {
		if s.has("input", name) {
			in = append(in, s.in(name))
		}
	}
	if len(in) == 0 || len(in) > 2 {
		return Case{}, fmt.Errorf("%d inputs, want x or q and kv", len(in))
	}
	return one(s.out("y"), in, func(g *graph.Graph, in []*graph.Value) *graph.Value {
		var y *graph.Value
		if len(in) == 1 {
			y = graph.Apply(graph.Attention{Heads: heads, Packed: graph.PackedQKV}, project(in[0], 0, 3*e))
		} else {
			y = graph.Apply(graph.Attention{Heads: heads, Packed: graph.PackedKV}, project(in[0], 0, e), project(in[1], e, 3*e))
		}
		return graph.Apply(graph.Linear{Epilogue: graph.Epilogue{Bias: true}}, y,
			g.Const(s.weight("out_proj.weight")), g.Const(s.weight("out_proj.bias")))
	})
}
