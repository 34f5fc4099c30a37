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

// Several is a model with more results than one. Forward is its Outputs' main
// one.
type Several interface {
	Model
	Outputs(x *graph.Value) []graph.Output
}

// Entry is a model that can be had by name.
type Entry struct {
	Name       string
	Paper      string
	Size       int // height and width of the input that it is usually shown
	Channels   int // of the input
	Input      string
	Preprocess Preprocess // of pictures, as in training
	Checkpoint string     // where its weights are
	Hash       string     // "sha256:" or "md5:" and how the checkpoint's hash begins; "" if none is published
	Licence    string     // of the weights

	New     func() Model
	Weights func() (weights.Source, error) // those in this module; nil if none are
}

// Registry lists the models, in alphabetical order.
var Registry = []Entry{
	alexNetEntry,
	cifarResNetEntry(110),
	cifarResNetEntry(20),
	cifarResNetEntry(32),
	cifarResNetEntry(44),
	cifarResNetEntry(56),
	espcnEntry(2),
	espcnEntry(3),
	espcnEntry(4),
	googLeNetEntry("googlenet", true),
	googLeNetEntry("googlenet_noaux", false),
	lenet5Entry,
	lenet5ConvEntry,
	lenet5D2LEntry,
	lenet5RGBEntry,
	resNetEntry("resnet101", 101, 256, "63fe2227"),
	resNetEntry("resnet101_v2", 101, 232, "cd907fc2"),
	resNetEntry("resnet152", 152, 256, "394f9c45"),
	resNetEntry("resnet152_v2", 152, 232, "f82ba261"),
	resNetEntry("resnet18", 18, 256, "f37072fd"),
	resNetEntry("resnet34", 34, 256, "b627a593"),
	resNetEntry("resnet50", 50, 256, "0676ba61"),
	resNetEntry("resnet50_v2", 50, 232, "11ad3fa6"),
	uNetEntry("unet", false),
	uNet3PEntry("unet3p", UNet3PConfig{}),
	uNet3PEntry("unet3p_cgm", UNet3PConfig{ClassGuided: true}),
	uNet3PEntry("unet3p_deepsup", UNet3PConfig{DeepSupervision: true}),
	uNetEntry("unet_bilinear", true),
	uNetV2Entry("unet_v2", false),
	uNetV2Entry("unet_v2_deepsup", true),
	uNetValidEntry,
	uNetPPEntry("unetpp", false),
	uNetPPEntry("unetpp_deepsup", true),
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

// Trace records m on an input of a shape. Its output is "out", or those that it
// has Several of.
func Trace(m Model, shape ...int) (*graph.Graph, error) {
	weights.Walk(m, func(string, *tensor.Tensor) {}) // names the tensors, and so the layers
	return graph.Trace(func(g *graph.Graph) {
		x := g.Input("x", shape...)
		if s, ok := m.(Several); ok {
			g.Outputs = s.Outputs(x)
			return
		}
		g.Output("out", m.Forward(x))
	})
}
