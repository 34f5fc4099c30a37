package golden

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// architectures says how a file becomes a case, by the architecture that its
// config names, up to a comma or bracket, or else by its model.
var architectures = map[string]func(*file) (Case, error){
	"alexnet":             alexNet,
	"cifar resnet":        cifarResNet,
	"clip":                clip,
	"espcn":               espcn,
	"googlenet":           googLeNet,
	"LeNet-5":             lenetMNIST,
	"lenet5_d2l":          lenet5D2L,
	"lenet5_tutorial":     lenet5,
	"resnet101":           resNet,
	"resnet152":           resNet,
	"resnet18":            resNet,
	"resnet34":            resNet,
	"resnet50":            resNet,
	"resnext101_32x8d":    resNet,
	"resnext101_64x4d":    resNet,
	"resnext50_32x4d":     resNet,
	"wide_resnet101_2":    resNet,
	"wide_resnet50_2":     resNet,
	"op:preprocess_photo": photo,
	"unet3p":              uNet3P(false, false),
	"unet3p_deepsup":      uNet3P(true, false),
	"unet3p_deepsup_cgm":  uNet3P(true, true),
	"unet_4uiiurz1":       uNetPP(true),
	"unet_milesial":       uNet,
	"unet_v2":             uNetV2,
	"unetpp_4uiiurz1":     uNetPP(false),

	"mae":                              mae,
	"mae models_vit.VisionTransformer": vit(false),
	"swin_microsoft":                   swin(false, true),
	"swin_torchvision":                 swin(false, false),
	"swin_v2_microsoft":                swin(true, true),
	"swin_v2_torchvision":              swin(true, false),
	"vit_timm":                         vit(false),
	"vit_torchvision":                  vit(true),
	"vit_torchvision + linear detection head": detector,
}

// suites is architectures for files that hold more cases than one.
var suites = map[string]func(*file) ([]Case, error){
	"sam":              samCases,
	"sam mask decoder": samDecoder,
}

func espcn(f *file) (Case, error) {
	var a struct {
		Upscale          int
		Activation, Last string
	}
	if err := f.decode(&a); err != nil {
		return Case{}, err
	}
	m := models.NewESPCN(models.ESPCNConfig{Scale: a.Upscale})
	var err error
	if m.Act, err = activationOf(a.Activation); err != nil {
		return Case{}, err
	}
	if m.Last, err = activationOf(a.Last); err != nil {
		return Case{}, err
	}
	return f.images(m)
}

// activationOf finds an activation by its name.
func activationOf(name string) (graph.Activation, error) {
	for a := graph.None; a <= graph.ExpClamped; a++ {
		if a.String() == name {
			return a, nil
		}
	}
	return graph.None, fmt.Errorf("activation %q is unknown", name)
}

// images makes a case of a model from images to one result. Stages and results
// of four dimensions are NCHW in the file.
func (f *file) images(m models.Network) (Case, error) {
	if err := f.bind(m); err != nil {
		return Case{}, err
	}
	return f.imagesOf(m, channelsLast(f.tensor("input/x")), f.group("output").Names()...)
}

// imagesOf is images for a model that is bound and an input in the graph's
// layout. A single output has the first of these names in the file; several
// have their own.
func (f *file) imagesOf(m models.Network, x *tensor.Tensor, outputs ...string) (Case, error) {
	g, err := models.Trace(m, x.Shape...)
	if err != nil {
		return Case{}, err
	}
	return f.traced(g, []*tensor.Tensor{x}, outputs...)
}

// traced is imagesOf for a graph, whose stages get the file's names.
func (f *file) traced(g *graph.Graph, inputs []*tensor.Tensor, outputs ...string) (Case, error) {
	c := Case{Graph: g, Inputs: inputs, Tolerance: ModelTolerance}
	stages := f.stages()
	for i, s := range g.Stages {
		if name, ok := stages[s.Name]; ok {
			g.Stages[i].Name = name
			c.Stages = append(c.Stages, f.stage(name, s.Value.Shape))
		}
	}
	if len(outputs) > 0 && len(outputs) != len(g.Outputs) {
		return c, fmt.Errorf("outputs are %q, want %d", outputs, len(g.Outputs))
	}
	for i, o := range g.Outputs {
		name := o.Name
		if len(outputs) == 1 {
			name = outputs[i]
		}
		c.Want = append(c.Want, f.named("output/", name))
	}
	return c, nil
}

// weights are the file's, or those of the checkpoint beside it that its config
// names.
func (f *file) weights() (weights.Source, error) {
	var a struct{ Weights string }
	if err := f.decode(&a); err != nil || a.Weights == "" {
		return f.group("weight"), err
	}
	return f.beside(a.Weights)
}

// bind binds a model to the file's weights.
func (f *file) bind(m models.Network) error {
	src, err := f.weights()
	if err != nil {
		return err
	}
	return weights.Bind(m, src)
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

// stage reads a stage for a value of a shape: tokens [B, N, C] may be a map in
// the graph, and maps be channels last in the file.
func (f *file) stage(name string, shape tensor.Shape) *tensor.Tensor {
	t := f.tensor("stage/" + name)
	switch {
	case len(t.Shape) == 3 && len(shape) == 4 && t.Shape[1] == shape[1]*shape[2]:
		t = t.Reshape(t.Shape[0], shape[1], shape[2], t.Shape[2])
	case !mapsChannelsLast[f.arch]:
		t = channelsLast(t)
	}
	t.Name = name
	return t
}

// mapsChannelsLast are the architectures whose stages are [B, H, W, C].
var mapsChannelsLast = map[string]bool{"swin_torchvision": true, "swin_v2_torchvision": true}

// decode reads the model's config.
func (f *file) decode(to any) error {
	if err := json.Unmarshal([]byte(f.Metadata["config"]), to); err != nil {
		return fmt.Errorf("metadata config: %w", err)
	}
	return nil
}

// group is the tensors below a prefix, without it.
func (f *file) group(prefix string) weights.Source {
	return weights.Rename(f, func(name string) string {
		if rest, ok := strings.CutPrefix(name, prefix+"/"); ok {
			return rest
		}
		return ""
	})
}

func (f *file) tensor(name string) *tensor.Tensor {
	t, err := f.Tensor(name)
	if err != nil {
		panic(missing{err})
	}
	return t
}

// named reads a stage or result in the graph's layout.
func (f *file) named(prefix, name string) *tensor.Tensor {
	t := channelsLast(f.tensor(prefix + name))
	t.Name = name
	return t
}

// channelsLast turns NCHW to NHWC and leaves the rest.
func channelsLast(t *tensor.Tensor) *tensor.Tensor {
	if len(t.Shape) == 4 {
		return t.ToNHWC()
	}
	return t
}
