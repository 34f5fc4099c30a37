package golden

import (
	"encoding/json"
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// vitConfig is the config of a vision transformer from torchvision, timm or MAE: it
// has what the weights do not tell.
type vitConfig struct {
	ImageSize extent  `json:"image_size"`
	ImgSize   extent  `json:"img_size"`
	Patch     extent  `json:"patch_size"`
	Heads     int     `json:"num_heads"`
	Eps       float64 `json:"ln_eps"`
	GELU      string
}

// extent is a height and a width. In JSON it is one number or two.
type extent graph.Pair

// UnmarshalJSON reads one number for both, or a list of two.
func (e *extent) UnmarshalJSON(b []byte) error {
	var n int
	if json.Unmarshal(b, &n) == nil {
		*e = extent{n, n}
		return nil
	}
	return json.Unmarshal(b, (*graph.Pair)(e))
}

// config checks the values that the models fix and returns the others for LoadViT.
func (a vitConfig) config() (models.ViTConfig, error) {
	c := models.ViTConfig{Image: graph.Pair(a.ImgSize), Heads: a.Heads}
	if a.ImgSize == (extent{}) {
		c.Image = graph.Pair(a.ImageSize)
	}
	if a.Eps != 0 && a.Eps != 1e-6 || a.GELU != "" && a.GELU != "erf" || a.Patch[0] != a.Patch[1] {
		return c, fmt.Errorf("ln_eps %v, gelu %q, patch_size %v: want 1e-06, erf, a square", a.Eps, a.GELU, a.Patch)
	}
	return c, nil
}

// vit makes the case of a vision transformer; align says how its position embedding
// is interpolated.
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
		return f.network(func(src weights.Source) (models.Network, error) { return models.LoadViT(src, c) })
	}
}

// detector makes the case of a detection head on a vision transformer.
func detector(f *file) (Case, error) {
	var a vitConfig
	if err := f.decode(&a); err != nil {
		return Case{}, err
	}
	c, err := a.config()
	if err != nil {
		return Case{}, err
	}
	c.AlignCorners = true
	return f.network(func(src weights.Source) (models.Network, error) { return models.LoadViTDetector(src, c) })
}

// mae makes the case of one pre-training pass with noise from the file.
func mae(f *file) (Case, error) {
	var a struct {
		vitConfig
		MaskRatio    float64 `json:"mask_ratio"`
		NormPix      bool    `json:"norm_pix_loss"`
		DecoderHeads int     `json:"decoder_num_heads"`
	}
	if err := f.decode(&a); err != nil {
		return Case{}, err
	}
	c, err := a.config()
	if err != nil {
		return Case{}, err
	}
	if a.MaskRatio < 0 || a.MaskRatio >= 1 {
		return Case{}, fmt.Errorf("mask_ratio %v", a.MaskRatio)
	}
	src, err := f.weights()
	if err != nil {
		return Case{}, err
	}
	m, err := models.LoadMAE(src, models.MAEConfig{
		Encoder: c, DecoderHeads: a.DecoderHeads, MaskRatio: a.MaskRatio, NormPix: a.NormPix,
	})
	if err != nil {
		return Case{}, err
	}
	weights.Walk(m, func(string, *tensor.Tensor) {}) // names the layers
	x, noise := f.image("input/imgs"), f.ranked("input/noise", 2)
	g, err := graph.Trace(func(g *graph.Graph) {
		g.Outputs = m.Pretrain(g.Input("imgs", x.Shape...), g.Input("noise", noise.Shape...)).Outputs()
	})
	if err != nil {
		return Case{}, err
	}
	return f.traced(g, []*tensor.Tensor{x, noise}, "")
}
