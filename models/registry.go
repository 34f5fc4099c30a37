package models

import (
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// Model is a network from one image to one result; its weights are declared.
type Model interface {
	Forward(x *graph.Value) *graph.Value
}

// Entry is a model that can be had by name.
type Entry struct {
	Name       string
	Paper      string
	Size       int // height and width of the input that it is usually shown
	Channels   int // of the input
	Input      string
	Checkpoint string // where its weights are
	Licence    string // of the weights

	New     func() Model
	Weights func() (weights.Source, error) // those in this module; nil if none are
}

// Registry lists the models, in alphabetical order.
var Registry = []Entry{
	espcnEntry(2),
	espcnEntry(3),
	espcnEntry(4),
}

func espcnEntry(scale int) Entry {
	return Entry{
		Name:       fmt.Sprintf("espcn_x%d", scale),
		Paper:      "Shi et al., Real-Time Single Image and Video Super-Resolution, arXiv:1609.05158",
		Size:       256,
		Channels:   1,
		Input:      "luminance (Y of JFIF's YCbCr) in 0…1",
		Checkpoint: "built in",
		Licence:    "Apache-2.0",
		New:        func() Model { return NewESPCN(scale) },
		Weights:    func() (weights.Source, error) { return ESPCNWeights(scale) },
	}
}

// Lookup finds a model by name.
func Lookup(name string) (Entry, error) {
	var names []string
	for _, e := range Registry {
		if e.Name == name {
			return e, nil
		}
		names = append(names, e.Name)
	}
	return Entry{}, fmt.Errorf("models: no model %q; there are %s", name, strings.Join(names, ", "))
}

// Trace records m on an input of a shape. Its output is "out".
func Trace(m Model, shape ...int) (*graph.Graph, error) {
	weights.Walk(m, func(string, *tensor.Tensor) {}) // names the tensors, and so the layers
	return graph.Trace(func(g *graph.Graph) { g.Output("out", m.Forward(g.Input("x", shape...))) })
}
