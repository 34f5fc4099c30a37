package layers

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// MultiheadAttention is self-attention with the names of PyTorch's
// MultiheadAttention. One matrix makes queries, keys and values.
type MultiheadAttention struct {
	InWeight *tensor.Tensor `weight:"in_proj_weight"` // [3·width, width]
	InBias   *tensor.Tensor `weight:"in_proj_bias"`   // [3·width]
	Out      *Linear        `weight:"out_proj"`

	Heads  int
	Causal bool // a token attends only to itself and earlier tokens
}

// NewMultiheadAttention declares the attention between tokens with width channels.
func NewMultiheadAttention(width, heads int) *MultiheadAttention {
	return &MultiheadAttention{
		InWeight: tensor.Declare(3*width, width),
		InBias:   tensor.Declare(3 * width),
		Out:      NewLinear(width, width),
		Heads:    heads,
	}
}

// Forward maps tokens [B, N, width] to [B, N, width].
func (m *MultiheadAttention) Forward(x *graph.Value) *graph.Value {
	in := Linear{Weight: m.InWeight, Bias: m.InBias}
	op := graph.Attention{Heads: m.Heads, Causal: m.Causal, Packed: graph.PackedQKV}
	return m.Out.Forward(graph.Apply(op, in.Forward(x)))
}
