// Package models holds networks for computer vision, one file for each paper.
//
// Package vision opens a published model by its name and prepares its input; start
// there, as the example classify does. Use this package to build a network:
//
//   - a function such as ResNetNamed returns the config of a published model, and
//     NewResNet declares the network;
//   - weights.Bind fills it from a checkpoint, in any layout that it knows; or
//     LoadResNet does all of this with the sizes that the checkpoint has;
//   - Trace records its graph, which graph.Graph.Eval computes in plain Go and
//     package gpu compiles for a GPU;
//   - Summarize describes what it computes, and needs no weights.
//
// The example ownmodel traces and runs a network of its own.
package models

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// Network maps one input, usually images, to one result. Its weights are declared,
// and need not be bound to trace it.
type Network interface {
	Forward(x *graph.Value) *graph.Value
}

// MultiOutput is a network with several results. Forward returns the main one of
// Outputs.
type MultiOutput interface {
	Network
	Outputs(x *graph.Value) []graph.Output
}

// ImageNetMean and ImageNetStd are the mean and standard deviation of red, green
// and blue in ImageNet, in 0…1. Most models normalise images with them.
var (
	ImageNetMean = [3]float32{0.485, 0.456, 0.406}
	ImageNetStd  = [3]float32{0.229, 0.224, 0.225}
)

// Head holds the weights of a layer with one channel for each class. A network
// with more heads than its outputs show has a method AuxiliaryHeads.
type Head struct{ Weight, Bias *tensor.Tensor }

// Trace records the graph of m for one input "x" of the given shape. The output is
// "out", or the Outputs of a MultiOutput.
func Trace(m Network, shape ...int) (*graph.Graph, error) {
	weights.Walk(m, func(string, *tensor.Tensor) {}) // names the tensors, and with them the layers
	return trace(shape, func(g *graph.Graph) {
		x := g.Input("x", shape...)
		if s, ok := m.(MultiOutput); ok {
			g.Outputs = s.Outputs(x)
			return
		}
		g.Output("out", m.Forward(x))
	})
}

// TraceForward is Trace with only the main result, as "out".
func TraceForward(m Network, shape ...int) (*graph.Graph, error) {
	weights.Walk(m, func(string, *tensor.Tensor) {})
	return trace(shape, func(g *graph.Graph) { g.Output("out", m.Forward(g.Input("x", shape...))) })
}

// trace is graph.Trace. Errors name the shape of the network's input, because a
// wrong input often shows only in a later layer.
func trace(shape tensor.Shape, build func(*graph.Graph)) (*graph.Graph, error) {
	g, err := graph.Trace(build)
	if err != nil {
		return nil, fmt.Errorf("an input of shape %v: %w", shape, err)
	}
	return g, nil
}
