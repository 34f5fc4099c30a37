package golden

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/weights"
)

// swin makes the case of a Swin of either version, in torchvision's or Microsoft's
// form. If the config has no image size, Microsoft's form takes that of the input.
func swin(microsoft bool) func(*file) (Case, error) {
	return func(f *file) (Case, error) {
		a := struct {
			Patch      extent  `json:"patch_size"`
			Image      extent  `json:"img_size"`
			Window     extent  `json:"window_size"`
			Pretrained []int   `json:"pretrained_window_sizes"`
			Eps        float64 `json:"ln_eps"`
		}{Patch: extent{4, 4}, Eps: 1e-5}
		if err := f.decode(&a); err != nil {
			return Case{}, err
		}
		if a.Eps != 1e-5 || a.Patch[0] != a.Patch[1] {
			return Case{}, fmt.Errorf("ln_eps %v, patch_size %v: want 1e-05, a square", a.Eps, a.Patch)
		}
		c := models.SwinConfig{Window: graph.Pair(a.Window), Pretrained: a.Pretrained}
		if microsoft {
			if c.Image = graph.Pair(a.Image); c.Image == (graph.Pair{}) {
				x := f.image("input/x").Shape
				c.Image = graph.Pair{x[1], x[2]}
			}
		}
		return f.network(func(src weights.Source) (models.Network, error) { return models.LoadSwin(src, c) })
	}
}
