package layers

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// PReLU is x if x ≥ 0, else x times a slope of its channel.
type PReLU struct {
	Weight *tensor.Tensor `weight:"weight"` // [C]
}

// NewPReLU declares slopes for the given number of channels.
func NewPReLU(channels int) *PReLU { return &PReLU{tensor.Declare(channels)} }

// Forward maps [..., C] to [..., C].
func (p *PReLU) Forward(x *graph.Value) *graph.Value {
	return graph.Apply(graph.Binary{Kind: graph.PReLU}, with(x, p.Weight)...)
}
