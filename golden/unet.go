package golden

import (
	"fmt"

	"github.com/vertebra/vertebra/models"
)

func uNet(f *file) (Case, error) {
	var a struct {
		Channels int `json:"n_channels"`
		Classes  int `json:"n_classes"`
		Bilinear bool
	}
	if err := f.decode(&a); err != nil {
		return Case{}, err
	}
	return f.fitted(models.NewUNet(models.UNetConfig{Channels: a.Channels, Classes: a.Classes, Bilinear: a.Bilinear}))
}

// uNetPP is the case of U-Net++ or of the plain U-Net of the same blocks.
func uNetPP(plain bool) func(*file) (Case, error) {
	return func(f *file) (Case, error) {
		var a struct {
			Channels int  `json:"input_channels"`
			Classes  int  `json:"num_classes"`
			Deep     bool `json:"deep_supervision"`
		}
		if err := f.decode(&a); err != nil {
			return Case{}, err
		}
		return f.fitted(models.NewUNetPP(models.UNetPPConfig{
			Channels: a.Channels, Classes: a.Classes, DeepSupervision: a.Deep, Plain: plain,
		}))
	}
}

// uNet3P is the case of U-Net 3+ in one of its forms.
func uNet3P(deep, guided bool) func(*file) (Case, error) {
	return func(f *file) (Case, error) {
		var a struct {
			Classes int  `json:"n_classes"`
			Align   bool `json:"upsample_align_corners"`
			Last    string
		}
		if err := f.decode(&a); err != nil {
			return Case{}, err
		}
		if a.Align || a.Last != "" && a.Last != "sigmoid" {
			return Case{}, fmt.Errorf("upsample_align_corners %v, last %q: want false, sigmoid", a.Align, a.Last)
		}
		return f.fitted(models.NewUNet3P(models.UNet3PConfig{Classes: a.Classes, DeepSupervision: deep, ClassGuided: guided}))
	}
}

func uNetV2(f *file) (Case, error) {
	var a struct {
		Dims    [4]int `json:"embed_dims"`
		Depths  [4]int
		Heads   [4]int `json:"num_heads"`
		MLP     [4]int `json:"mlp_ratios"`
		SR      [4]int `json:"sr_ratios"`
		Classes int    `json:"n_classes"`
		Channel int
		Deep    bool `json:"deep_supervision"`
	}
	if err := f.decode(&a); err != nil {
		return Case{}, err
	}
	return f.fitted(models.NewUNetV2(models.UNetV2Config{
		Encoder:  models.PVTv2Config{EmbedDims: a.Dims, Depths: a.Depths, Heads: a.Heads, MLPRatios: a.MLP, SRRatios: a.SR},
		Channels: a.Channel, Classes: a.Classes, DeepSupervision: a.Deep,
	}))
}
