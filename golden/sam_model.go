package golden

import (
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// samConfig is what the config of a file of SAM says.
type samConfig struct {
	Img, Patch, Dim, Depth, Heads, Ws, Chans int
	Glob                                     []int
	DecoderDepth                             int `json:"transformer_depth"`
	DecoderHeads                             int `json:"dec_heads"`
	DecoderMLP                               int `json:"dec_mlp_dim"`
	IoUHidden                                int `json:"iou_head_hidden"`
	IoULayers                                int `json:"iou_head_depth"`
	MaskChannels                             int `json:"mask_in_chans"`
	Downsample                               int `json:"attention_downsample_rate"`
}

// samOf reads the config. Files that do not tell the decoder's sizes have those
// of the small reference model.
func samOf(f *file) (models.SAMConfig, error) {
	a := samConfig{DecoderDepth: 2, DecoderHeads: 2, DecoderMLP: 32, IoUHidden: 16, IoULayers: 3, MaskChannels: 8}
	if err := f.decode(&a); err != nil {
		return models.SAMConfig{}, err
	}
	return models.SAMConfig{
		Size: a.Img, Patch: a.Patch, Width: a.Dim, Depth: a.Depth, Heads: a.Heads, Window: a.Ws, Global: a.Glob,
		Channels: a.Chans, DecoderDepth: a.DecoderDepth, DecoderHeads: a.DecoderHeads, DecoderMLP: a.DecoderMLP,
		Downsample: a.Downsample, IoUHidden: a.IoUHidden, IoULayers: a.IoULayers, MaskChannels: a.MaskChannels,
	}, nil
}

// samCases tells the files of SAM apart.
func samCases(f *file) ([]Case, error) {
	switch kind := f.Metadata["model"]; {
	case strings.HasSuffix(kind, "_image_encoder"):
		c, err := samEncoder(f)
		return []Case{c}, err
	case kind == "sam_amg":
		return samEverything(f)
	case kind == "sam_predictor":
		return samPredictor(f)
	case strings.HasPrefix(kind, "sam_vit_"):
		return samPrompts(f)
	default:
		return nil, fmt.Errorf("%q: %w", kind, ErrUnknown)
	}
}

// samEncoder is the image encoder alone. Before the neck the file is channels
// last.
func samEncoder(f *file) (Case, error) {
	config, err := samOf(f)
	if err != nil {
		return Case{}, err
	}
	m := models.NewSAMEncoder(config)
	if err := weights.Bind(m, f.group("weight")); err != nil {
		return Case{}, err
	}
	c, err := f.imagesOf(m, channelsLast(f.tensor("input/x")), "out")
	for i, s := range c.Stages {
		if !strings.HasPrefix(s.Name, "neck.") {
			c.Stages[i] = f.raw("stage/", s.Name)
		}
		if strings.HasSuffix(s.Name, ".attn") && c.Stages[i].Shape[1] == config.Window { // in windows
			grid := graph.WindowReverse{Size: graph.Both(config.Size / config.Patch)}
			c.Stages[i] = grid.Eval([]*tensor.Tensor{c.Stages[i]})
			c.Stages[i].Name = s.Name
		}
	}
	return c, err
}

// raw reads a stage or result as it is.
func (f *file) raw(prefix, name string) *tensor.Tensor {
	t := f.tensor(prefix + name)
	t.Name = name
	return t
}

// samDecoder is the mask decoder alone, all four masks of it.
func samDecoder(f *file) ([]Case, error) {
	config, err := samOf(f)
	if err != nil {
		return nil, err
	}
	m := models.NewSAMDecoder(config)
	if err := weights.Bind(m, f.group("weight")); err != nil {
		return nil, err
	}
	inputs := []*tensor.Tensor{
		channelsLast(f.tensor("input/image_embeddings")), channelsLast(f.tensor("input/image_pe")),
		f.tensor("input/sparse"), channelsLast(f.tensor("input/dense")),
	}
	g, err := graph.Trace(func(g *graph.Graph) {
		var in []*graph.Value
		for i, name := range []string{"image", "position", "sparse", "dense"} {
			in = append(in, g.Input(name, inputs[i].Shape...))
		}
		masks, iou := m.Forward(in[0], in[1], in[2], in[3])
		g.Output("masks", masks)
		g.Output("iou", iou)
	})
	if err != nil {
		return nil, err
	}
	c := Case{Graph: g, Inputs: inputs, Tolerance: ModelTolerance}
	c.Want = []*tensor.Tensor{f.raw("output/", "masks"), f.raw("output/", "iou")}
	for _, s := range g.Stages {
		c.Stages = append(c.Stages, f.named("stage/", s.Name))
	}
	return []Case{c}, nil
}
