package golden

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
)

// swin is the case of a Swin of either version, in torchvision's form or in
// Microsoft's.
func swin(v2, microsoft bool) func(*file) (Case, error) {
	return func(f *file) (Case, error) {
		a := struct {
			Patch      extent  `json:"patch_size"`
			Image      extent  `json:"img_size"`
			Dim        int     `json:"embed_dim"`
			Depths     []int   `json:"depths"`
			Heads      []int   `json:"num_heads"`
			Window     extent  `json:"window_size"`
			Pretrained []int   `json:"pretrained_window_sizes"`
			Ratio      float64 `json:"mlp_ratio"`
			Classes    int     `json:"num_classes"`
			APE        bool
			Eps        float64 `json:"ln_eps"`
			PatchNorm  bool    `json:"patch_norm"`
			QKVBias    bool    `json:"qkv_bias"`
		}{Patch: extent{4, 4}, Eps: 1e-5, PatchNorm: true, QKVBias: true}
		if err := f.decode(&a); err != nil {
			return Case{}, err
		}
		if a.Eps != 1e-5 || a.Patch[0] != a.Patch[1] || len(a.Depths) != len(a.Heads) || !a.PatchNorm || !a.QKVBias {
			return Case{}, fmt.Errorf("ln_eps %v, patch_size %v, depths %v, num_heads %v, patch_norm %v, qkv_bias %v: "+
				"want 1e-05, a square, as many, true, true", a.Eps, a.Patch, a.Depths, a.Heads, a.PatchNorm, a.QKVBias)
		}
		c := models.SwinConfig{
			Dim: a.Dim, Depths: a.Depths, Heads: a.Heads, Window: graph.Pair(a.Window), V2: v2,
			Patch: a.Patch[0], Ratio: a.Ratio, Classes: a.Classes,
			AbsolutePositions: a.APE, Pretrained: a.Pretrained,
		}
		if microsoft {
			c.Image = graph.Pair(a.Image)
		}
		return f.images(models.NewSwin(c))
	}
}
