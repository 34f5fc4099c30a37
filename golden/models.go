package golden

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// architectures holds the functions that make a case from a file. A key is the
// beginning of the architecture's name in the config, or else of the model's name.
// All residual networks have the key "resnet".
var architectures = map[string]func(*file) (Case, error){
	"alexnet":             alexNet,
	"cifar resnet":        cifarResNet,
	"clip":                clip,
	"espcn":               espcn,
	"googlenet":           googLeNet,
	"LeNet-5":             lenetMNIST,
	"lenet5_d2l":          lenet5D2L,
	"lenet5_tutorial":     lenet5,
	"resnet":              resNet,
	"op:preprocess_photo": photo,
	"srvggnetcompact":     srvgg,
	"unet3p":              uNet3P,
	"unet3p_deepsup":      uNet3P,
	"unet3p_deepsup_cgm":  uNet3P,
	"unet_4uiiurz1":       uNetPP,
	"unet_milesial":       uNet,
	"unet_v2":             uNetV2,
	"unetpp_4uiiurz1":     uNetPP,

	"mae":                              mae,
	"mae models_vit.VisionTransformer": vit(false),
	"swin_microsoft":                   swin(true),
	"swin_torchvision":                 swin(false),
	"swin_v2_microsoft":                swin(true),
	"swin_v2_torchvision":              swin(false),
	"vit_timm":                         vit(false),
	"vit_torchvision":                  vit(true),
	"vit_torchvision + linear detection head": detector,
}

// suites is like architectures, but for files with several cases, which these
// functions add.
var suites = map[string]func(*file) error{
	"sam":              samCases,
	"sam mask decoder": samDecoder,
}

// activationOf finds an activation by its name. An empty name means usual.
func activationOf(name string, usual graph.Activation) (graph.Activation, error) {
	switch name {
	case "":
		return usual, nil
	case "identity", "linear":
		return graph.None, nil
	}
	for a := graph.None; a <= graph.ExpClamped; a++ {
		if a.String() == name {
			return a, nil
		}
	}
	return graph.None, fmt.Errorf("activation %q is unknown", name)
}

// network makes a case from a network, which load makes from the weights. The images
// are "input/x". In the file, stages and results with four dimensions are NCHW.
func (f *file) network(load func(src weights.Source) (models.Network, error)) (Case, error) {
	src, err := f.weights()
	if err != nil {
		return Case{}, err
	}
	m, err := load(src)
	if err != nil {
		return Case{}, err
	}
	return f.imagesOf(m, f.image("input/x"), "")
}

// fitted is like network, but for a network declared in its usual size. Its channels
// and classes come from the weights.
func (f *file) fitted(m models.Network) (Case, error) {
	return f.network(func(src weights.Source) (models.Network, error) {
		weights.Adopt(m, src)
		return m, weights.Bind(m, src)
	})
}

// imagesOf makes a case from a network with bound weights and an input in the graph's
// layout. The argument result is the name of a single result in the file; see traced.
func (f *file) imagesOf(m models.Network, x *tensor.Tensor, result string) (Case, error) {
	g, err := models.Trace(m, x.Shape...)
	if err != nil {
		return Case{}, err
	}
	return f.traced(g, []*tensor.Tensor{x}, result)
}

// traced makes a case from a graph. It compares the stages that the file has, and
// likewise the outputs if the graph has several. A single output has the name result
// in the file. If result is empty, it has its name in the graph or is the file's only
// output.
func (f *file) traced(g *graph.Graph, inputs []*tensor.Tensor, result string) (Case, error) {
	c := Case{Graph: g, Inputs: inputs, Tolerance: ModelTolerance}
	stages := f.stages()
	for i, s := range g.Stages {
		if name, ok := stages[s.Name]; ok {
			g.Stages[i].Name = name
			c.Stages = append(c.Stages, f.stage(name, s.Value.Shape))
		}
	}
	have := f.group("output").Names()
	if len(have) == 0 {
		return c, errors.New("no output to compare")
	}
	if len(g.Outputs) > 1 {
		var names []string
		for _, o := range g.Outputs {
			names = append(names, o.Name)
		}
		g.Outputs = slices.DeleteFunc(g.Outputs, func(o graph.Output) bool { return !slices.Contains(have, o.Name) })
		if len(g.Outputs) == 0 {
			return c, fmt.Errorf("outputs are %s, want one of %s", files.Quote(strings.Join(have, ", ")), strings.Join(names, ", "))
		}
		for _, o := range g.Outputs {
			c.Want = append(c.Want, f.named("output/", o.Name))
		}
		return c, nil
	}
	switch {
	case result != "":
	case len(have) == 1:
		result = have[0]
	default:
		result = g.Outputs[0].Name
	}
	c.Want = append(c.Want, f.named("output/", result))
	return c, nil
}

// stages finds the file's stages by the names that the models give them.
func (f *file) stages() map[string]string {
	rename := stageNames[f.arch]
	stages := map[string]string{}
	for _, n := range f.Names() {
		if name, ok := strings.CutPrefix(n, "stage/"); ok {
			if rename != nil {
				name = rename(name)
			}
			stages[name] = strings.TrimPrefix(n, "stage/")
		}
	}
	return stages
}

// stageNames says what the models call the modules of some architectures.
var stageNames = map[string]func(string) string{
	"swin_torchvision":    models.SwinName,
	"swin_v2_torchvision": models.SwinName,
	"vit_torchvision":     models.ViTName,
	"vit_torchvision + linear detection head": func(name string) string {
		return models.ViTName(strings.TrimPrefix(name, "backbone."))
	},
}

// stage reads a stage for a value of the given shape. The file may have tokens
// [B, N, C] for a map of the graph, maps with channels last, or tokens [N, B, C].
// stage takes the first layout whose shape matches.
func (f *file) stage(name string, shape tensor.Shape) *tensor.Tensor {
	t := f.tensor("stage/" + name)
	layouts := []*tensor.Tensor{t}
	switch {
	case len(t.Shape) == 3 && len(shape) == 4 && t.Shape[1] == shape[1]*shape[2]:
		layouts[0] = t.Reshape(t.Shape[0], shape[1], shape[2], t.Shape[2])
	case len(t.Shape) == 4 && mapsChannelsLast[f.arch]:
		layouts = append(layouts, t.ToNHWC())
	case len(t.Shape) == 4:
		layouts = []*tensor.Tensor{t.ToNHWC(), t}
	case len(t.Shape) == 3 && f.arch == "clip" && strings.Contains(name, ".resblocks."):
		layouts = []*tensor.Tensor{t.Permute(1, 0, 2), t}
	}
	i := max(0, slices.IndexFunc(layouts, func(t *tensor.Tensor) bool { return within(t.Shape, shape) }))
	return named(name, layouts[i])
}

// within reports whether a is shape b, or b cut to its first images or channels.
func within(a, b tensor.Shape) bool {
	n := len(a) - 1
	return n >= 1 && len(b) == n+1 && a[0] <= b[0] && a[n] <= b[n] && a[1:n].Equal(b[1:n])
}

// mapsChannelsLast lists the architectures whose stages are [B, H, W, C].
var mapsChannelsLast = map[string]bool{"swin_torchvision": true, "swin_v2_torchvision": true}
