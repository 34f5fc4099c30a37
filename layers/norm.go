package layers

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// BatchNorm normalises each channel with the statistics from training.
type BatchNorm struct {
	Weight *tensor.Tensor `weight:"weight"`       // [C]
	Bias   *tensor.Tensor `weight:"bias"`         // [C]
	Mean   *tensor.Tensor `weight:"running_mean"` // [C]
	Var    *tensor.Tensor `weight:"running_var"`  // [C]
	Eps    float64        // 0 means 1e-5
}

// NewBatchNorm declares a batch norm for the given number of channels.
func NewBatchNorm(channels int) *BatchNorm {
	d := func() *tensor.Tensor { return tensor.Declare(channels) }
	return &BatchNorm{Weight: d(), Bias: d(), Mean: d(), Var: d()}
}

// Forward maps [..., C] to [..., C].
func (n *BatchNorm) Forward(x *graph.Value) *graph.Value {
	return graph.Apply(graph.BatchNorm{Eps: n.Eps, Affine: true}, with(x, n.Mean, n.Var, n.Weight, n.Bias)...)
}

// LayerNorm normalises each token or pixel over its channels.
type LayerNorm struct {
	Weight *tensor.Tensor `weight:"weight"` // [C]
	Bias   *tensor.Tensor `weight:"bias"`   // [C]
	Eps    float64        // 0 means 1e-5
}

// NewLayerNorm declares a layer norm over the given number of channels.
func NewLayerNorm(channels int) *LayerNorm {
	return &LayerNorm{Weight: tensor.Declare(channels), Bias: tensor.Declare(channels)}
}

// Forward maps [..., C] to [..., C].
func (n *LayerNorm) Forward(x *graph.Value) *graph.Value {
	op := graph.LayerNorm{Eps: n.Eps, Weight: n.Weight != nil, Bias: n.Bias != nil}
	return graph.Apply(op, with(x, n.Weight, n.Bias)...)
}
