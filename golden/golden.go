// Package golden reads reference results of the official implementations and
// turns them into cases: a graph, its inputs and the expected outputs.
//
// A file is a safetensors file with tensors "input/NAME", "weight/NAME",
// "stage/NAME" and "output/NAME" in PyTorch's layouts, and metadata "model",
// "config" (JSON) and "source". A file of operations holds many sub-cases, whose id
// is in the middle of a name: "input/ID/x". Inputs, weights and outputs are
// required. Stages are optional and are compared, too. Sizes that the config does
// not state come from the weights.
package golden

import (
	"context"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
)

// Case is one check.
type Case struct {
	Name string // file and sub-case: "op_conv2d/k3"

	// Graph and its Inputs, in the graph's layout.
	Graph  *graph.Graph
	Inputs []*tensor.Tensor

	// Host computes a case that never runs on a GPU, such as resizing of pictures or
	// run lengths. Graph is then nil.
	Host func() ([]*tensor.Tensor, error)

	// Run computes a case with several graphs and calls its argument to compile
	// each. Graph is then nil.
	Run func(ctx context.Context, compile vision.Compiler) ([]*tensor.Tensor, error)

	Want      []*tensor.Tensor // one for each output, named, in the graph's layout
	Tolerance float64          // largest allowed difference, relative to the largest wanted value

	// Stages are the expected values of the graph's stages with these names, in the
	// order of computation.
	Stages []*tensor.Tensor

	stages     int  // how many of Want are stages
	mayBeEmpty bool // results may have no elements
}

// Staged returns the case with its stages as additional outputs, before the others.
// The first output that differs shows where a model goes wrong. Stages prevent
// fusion across them. To check fused kernels, run the case itself, too.
func (c Case) Staged() Case {
	g := *c.Graph
	g.Outputs = nil
	for _, want := range c.Stages {
		for _, s := range g.Stages {
			if s.Name == want.Name {
				g.Outputs = append(g.Outputs, s)
				break
			}
		}
	}
	g.Outputs = append(g.Outputs, c.Graph.Outputs...)
	c.Graph = &g
	c.Want = append(append([]*tensor.Tensor{}, c.Stages...), c.Want...)
	c.stages, c.Stages = len(c.Stages), nil
	return c
}

// Diff compares output i with the wanted one. If a file holds only the first channels
// or the first images of a stage, Diff compares only those.
func (c Case) Diff(i int, got *tensor.Tensor) (tensor.Difference, error) {
	want := c.Want[i]
	n := len(got.Shape) - 1
	if i >= c.stages || n < 0 || len(want.Shape) != n+1 {
		return tensor.Diff(got, want)
	}
	if n > 0 && want.Shape[0] < got.Shape[0] {
		rows := got.Shape[1:].Len() * want.Shape[0]
		got = tensor.Of(got.Data[:rows], append([]int{want.Shape[0]}, got.Shape[1:]...)...)
	}
	if want.Shape[n] < got.Shape[n] {
		cut := tensor.New(append(got.Shape[:n:n], want.Shape[n])...)
		for at := 0; at < len(cut.Data); at += want.Shape[n] {
			copy(cut.Data[at:at+want.Shape[n]], got.Data[at/want.Shape[n]*got.Shape[n]:])
		}
		got = cut
	}
	return tensor.Diff(got, want)
}

// The tolerances for one op and for a whole model.
const (
	OpTolerance    = 1e-5
	ModelTolerance = 1e-4
)
