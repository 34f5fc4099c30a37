package models

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// Network is a network from one image to one result; its weights are declared.
type Network interface {
	Forward(x *graph.Value) *graph.Value
}

// MultiOutput is a model with more results than one. Forward is its Outputs' main
// one.
type MultiOutput interface {
	Network
	Outputs(x *graph.Value) []graph.Output
}

// The mean and standard deviation of ImageNet's red, green and blue in 0…1, which
// most models normalise with.
var (
	ImageNetMean = [3]float32{0.485, 0.456, 0.406}
	ImageNetStd  = [3]float32{0.229, 0.224, 0.225}
)

// Head is the weights of a layer that has a channel for each class. A network
// whose outputs do not show all of them has a method AuxiliaryHeads.
type Head struct{ Weight, Bias *tensor.Tensor }

// Trace records m on an input of a shape. Its output is "out", or those that it
// has MultiOutput of.
func Trace(m Network, shape ...int) (*graph.Graph, error) {
	weights.Walk(m, func(string, *tensor.Tensor) {}) // names the tensors, and so the layers
	return graph.Trace(func(g *graph.Graph) {
		x := g.Input("x", shape...)
		if s, ok := m.(MultiOutput); ok {
			g.Outputs = s.Outputs(x)
			return
		}
		g.Output("out", m.Forward(x))
	})
}

// TraceForward is Trace with the main result alone.
func TraceForward(m Network, shape ...int) (*graph.Graph, error) {
	weights.Walk(m, func(string, *tensor.Tensor) {})
	return graph.Trace(func(g *graph.Graph) { g.Output("out", m.Forward(g.Input("x", shape...))) })
}
