// Package layers holds graph ops together with their weights.
//
// A layer is a struct of tensors, tagged with their names in PyTorch's state
// dicts. Its constructor declares their shapes, and Forward applies the layer to
// a graph.Value. A network is a struct of layers with a Forward method of its
// own: weights.Bind fills it from a checkpoint, and models.Trace records its
// graph. The example ownmodel does all of this.
package layers

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// Conv2d is a convolution with its weights.
type Conv2d struct {
	Weight *tensor.Tensor `weight:"weight"` // [out, in/groups, kH, kW]
	Bias   *tensor.Tensor `weight:"bias"`   // [out], or nil
	Op     graph.Conv2d   // stride, padding, dilation and groups; Forward sets the epilogue
}

// NewConv2d declares a convolution from in to out channels with a bias.
func NewConv2d(in, out int, kernel graph.Pair, op graph.Conv2d) *Conv2d {
	return &Conv2d{
		Weight: tensor.Declare(out, in/max(op.Groups, 1), kernel[0], kernel[1]),
		Bias:   tensor.Declare(out),
		Op:     op,
	}
}

// NoBias removes the bias and returns c.
func (c *Conv2d) NoBias() *Conv2d {
	c.Bias = nil
	return c
}

// Forward maps [B, H, W, in] to [B, oH, oW, out].
func (c *Conv2d) Forward(x *graph.Value) *graph.Value {
	op := c.Op
	op.Epilogue = graph.Epilogue{Bias: c.Bias != nil}
	return graph.Apply(op, with(x, c.Weight, c.Bias)...)
}

// with returns x followed by the weights that are not nil.
func with(x *graph.Value, weights ...*tensor.Tensor) []*graph.Value {
	args := []*graph.Value{x}
	for _, w := range weights {
		if w != nil {
			args = append(args, x.Graph().Const(w))
		}
	}
	return args
}

// ConvTranspose2d is a transposed convolution with its weights.
type ConvTranspose2d struct {
	Weight *tensor.Tensor        `weight:"weight"` // [in, out/groups, kH, kW]
	Bias   *tensor.Tensor        `weight:"bias"`   // [out], or nil
	Op     graph.ConvTranspose2d // stride, padding, dilation and groups; Forward sets the epilogue
}

// NewConvTranspose2d declares a transposed convolution from in to out channels
// with a bias.
func NewConvTranspose2d(in, out int, kernel graph.Pair, op graph.ConvTranspose2d) *ConvTranspose2d {
	return &ConvTranspose2d{
		Weight: tensor.Declare(in, out/max(op.Groups, 1), kernel[0], kernel[1]),
		Bias:   tensor.Declare(out),
		Op:     op,
	}
}

// NoBias removes the bias and returns c.
func (c *ConvTranspose2d) NoBias() *ConvTranspose2d {
	c.Bias = nil
	return c
}

// Forward maps [B, H, W, in] to [B, oH, oW, out].
func (c *ConvTranspose2d) Forward(x *graph.Value) *graph.Value {
	op := c.Op
	op.Epilogue = graph.Epilogue{Bias: c.Bias != nil}
	return graph.Apply(op, with(x, c.Weight, c.Bias)...)
}
