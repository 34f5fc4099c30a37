package layers

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// Linear is a linear layer with its weights.
type Linear struct {
	Weight *tensor.Tensor `weight:"weight"` // [out, in]
	Bias   *tensor.Tensor `weight:"bias"`   // [out], or nil
}

// NewLinear declares a linear layer from in to out channels with a bias.
func NewLinear(in, out int) *Linear {
	return &Linear{Weight: tensor.Declare(out, in), Bias: tensor.Declare(out)}
}

// NoBias removes the bias and returns l.
func (l *Linear) NoBias() *Linear {
	l.Bias = nil
	return l
}

// Forward maps [..., in] to [..., out].
func (l *Linear) Forward(x *graph.Value) *graph.Value {
	op := graph.Linear{Epilogue: graph.Epilogue{Bias: l.Bias != nil}}
	return graph.Apply(op, with(x, l.Weight, l.Bias)...)
}
