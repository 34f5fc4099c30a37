// Package golden reads reference results of the official implementations and
// turns them into cases: a graph, its inputs, and what must come out.
//
// A file is a safetensors file with tensors "input/NAME", "weight/NAME",
// "stage/NAME" and "output/NAME" in PyTorch's layouts, and metadata "model",
// "config" (JSON) and "source". Files of operations hold many sub-cases, whose
// id stands between: "input/ID/x". Inputs, weights and outputs are needed;
// stages that are there are compared, too. Sizes that the config does not state
// are those of the weights.
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

	// Graph with its Inputs, in the graph's layout.
	Graph  *graph.Graph
	Inputs []*tensor.Tensor

	// Host computes what by design never runs on a GPU (resizing of pictures,
	// run lengths, …); Graph is then nil.
	Host func() ([]*tensor.Tensor, error)

	// Run computes what takes more graphs than one, which it has compiled; Graph
	// is then nil, too.
	Run func(ctx context.Context, compile vision.Compiler) ([]*tensor.Tensor, error)

	Want      []*tensor.Tensor // one for each output, named, in the graph's layout
	Tolerance float64          // of the difference over the largest wanted value

	// Stages are what a model must have at the graph's stages of these names,
	// in the order of computation.
	Stages []*tensor.Tensor

	stages     int  // how many of Want are stages
	mayBeEmpty bool // results without elements are results
}

// Staged returns the case with its stages as outputs before the others, so
// that the first one that differs says where a model goes wrong. Nothing is
// fused across a stage then: that, too, the case itself must be run for.
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

// Diff compares output i with what is wanted. Some files hold only the first
// channels of a stage, or what becomes of the first images: then only those are
// compared.
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

// The tolerances of DESIGN: of one op, and of a whole model.
const (
	OpTolerance    = 1e-5
	ModelTolerance = 1e-4
)
