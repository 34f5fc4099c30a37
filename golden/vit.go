package golden

import (
	"encoding/json"
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
)

// vitConfig is the config of vision transformers of torchvision, of timm and of
// MAE.
type vitConfig struct {
	ImageSize extent `json:"image_size"`
	ImgSize   extent `json:"img_size"`
	Patch     extent `json:"patch_size"`
	NumLayers int    `json:"num_layers"`
	Depth     int
	Heads     int     `json:"num_heads"`
	HiddenDim int     `json:"hidden_dim"`
	EmbedDim  int     `json:"embed_dim"`
	MLPDim    int     `json:"mlp_dim"`
	MLPRatio  float64 `json:"mlp_ratio"`
	Classes   int     `json:"num_classes"`
	Eps       float64 `json:"ln_eps"`
	GELU      string

	GlobalPool bool `json:"global_pool"`
}

// extent is a height and a width, in JSON one number or two.
type extent graph.Pair

// UnmarshalJSON reads a number, for both, or a list of two.
func (e *extent) UnmarshalJSON(b []byte) error {
	var n int
	if json.Unmarshal(b, &n) == nil {
		*e = extent{n, n}
		return nil
	}
	return json.Unmarshal(b, (*graph.Pair)(e))
}

// config checks what the models have fixed and fills the model's config.
func (a vitConfig) config() (models.ViTConfig, error) {
	c := models.ViTConfig{
		Image:      graph.Pair(a.ImgSize),
		Patch:      a.Patch[0],
		Dim:        a.EmbedDim + a.HiddenDim,
		Depth:      a.Depth + a.NumLayers,
		Heads:      a.Heads,
		Hidden:     a.MLPDim,
		Classes:    a.Classes,
		GlobalPool: a.GlobalPool,
	}
	if a.ImgSize == (extent{}) {
		c.Image = graph.Pair(a.ImageSize)
	}
	if a.MLPRatio != 0 {
		c.Hidden = int(float64(c.Dim) * a.MLPRatio)
	}
	if a.Eps != 0 && a.Eps != 1e-6 || a.GELU != "" && a.GELU != "erf" || a.Patch[0] != a.Patch[1] {
		return c, fmt.Errorf("ln_eps %v, gelu %q, patch_size %v: want 1e-06, erf, a square", a.Eps, a.GELU, a.Patch)
	}
	return c, nil
}

// vit is the case of a vision transformer; align says how its position
// embedding is interpolated.
func vit(align bool) func(*file) (Case, error) {
	return func(f *file) (Case, error) {
		var a vitConfig
		if err := f.decode(&a); err != nil {
			return Case{}, err
		}
		c, err := a.config()
		if err != nil {
			return Case{}, err
		}
		c.AlignCorners = align
		return f.images(models.NewViT(c))
	}
}

// detector is the case of a detection head on a vision transformer.
func detector(f *file) (Case, error) {
	var a struct {
		vitConfig
		Objects int `json:"det_classes"`
	}
	if err := f.decode(&a); err != nil {
		return Case{}, err
	}
	c, err := a.config()
	if err != nil {
		return Case{}, err
	}
	c.Classes, c.AlignCorners = a.Objects, true
	return f.images(models.NewViTDetector(c))
}

// mae is the case of a pass of pre-training with noise from the file.
func mae(f *file) (Case, error) {
	var a struct {
		vitConfig
		MaskRatio    float64 `json:"mask_ratio"`
		NormPix      bool    `json:"norm_pix_loss"`
		DecoderDim   int     `json:"decoder_embed_dim"`
		DecoderDepth int     `json:"decoder_depth"`
		DecoderHeads int     `json:"decoder_num_heads"`
	}
	if err := f.decode(&a); err != nil {
		return Case{}, err
	}
	c, err := a.config()
	if err != nil {
		return Case{}, err
	}
	m := models.NewMAE(models.MAEConfig{
		Encoder: c, DecoderDim: a.DecoderDim, DecoderDepth: a.DecoderDepth, DecoderHeads: a.DecoderHeads,
		MaskRatio: a.MaskRatio, NormPix: a.NormPix,
	})
	if err := f.bind(m); err != nil {
		return Case{}, err
	}
	x, noise := channelsLast(f.tensor("input/imgs")), f.tensor("input/noise")
	g, err := graph.Trace(func(g *graph.Graph) {
		r := m.Pretrain(g.Input("imgs", x.Shape...), g.Input("noise", noise.Shape...))
		for _, o := range r.Outputs() {
			if _, ok := f.Entry("output/" + o.Name); ok {
				g.Outputs = append(g.Outputs, o)
			}
		}
	})
	if err != nil {
		return Case{}, err
	}
	return f.traced(g, []*tensor.Tensor{x, noise})
}
