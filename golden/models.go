package golden

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// architectures says how a file becomes a case, by the beginning of the
// architecture that its config names, or else of its model. Residual networks
// are "resnet", whatever their number of layers.
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

// suites is architectures for files that hold more cases than one, which these
// functions add.
var suites = map[string]func(*file) error{
	"sam":              samCases,
	"sam mask decoder": samDecoder,
}

// activationOf finds an activation by its name. Without one it is the usual one.
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

// network makes a case of a network that load makes of the weights, on the
// images "input/x". Stages and results of four dimensions are NCHW in the file.
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

// fitted is network for one that is declared in its usual size. Its channels and
// classes are those of the weights.
func (f *file) fitted(m models.Network) (Case, error) {
	return f.network(func(src weights.Source) (models.Network, error) {
		weights.Adopt(m, src)
		return m, weights.Bind(m, src)
	})
}

// imagesOf makes a case of a network whose weights are bound, on an input in the
// graph's layout. A single result has this name in the file; see traced.
func (f *file) imagesOf(m models.Network, x *tensor.Tensor, result string) (Case, error) {
	g, err := models.Trace(m, x.Shape...)
	if err != nil {
		return Case{}, err
	}
	return f.traced(g, []*tensor.Tensor{x}, result)
}

// traced makes a case of a graph. Its stages are those that the file has, too.
// So are its outputs if there are several. A single one has the name result in
// the file, or if that is empty, the name that it has in the graph or the only
// one that there is.
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
			return c, fmt.Errorf("outputs are %s, want one of %s", strings.Join(have, ", "), strings.Join(names, ", "))
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

// stages finds the file's stages by the names that models give them.
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

// stage reads a stage for a value of a shape. Its layout is the first of those
// that it may have in the file whose shape goes with the value's: tokens
// [B, N, C] may be a map in the graph, maps may be channels last in the file, and
// tokens [N, B, C].
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

// within says whether a is the shape of a value of shape b, or of its first
// images or channels.
func within(a, b tensor.Shape) bool {
	n := len(a) - 1
	return n >= 1 && len(b) == n+1 && a[0] <= b[0] && a[n] <= b[n] && a[1:n].Equal(b[1:n])
}

// mapsChannelsLast are the architectures whose stages are [B, H, W, C].
var mapsChannelsLast = map[string]bool{"swin_torchvision": true, "swin_v2_torchvision": true}
