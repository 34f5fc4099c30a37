package zoo

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

func newCLIP(name string) *models.CLIP {
	c, err := models.CLIPNamed(name)
	if err != nil {
		panic(err)
	}
	return models.NewCLIP(c)
}

func clipLayout(name string) layout { return layout{model: func() any { return newCLIP(name) }} }

// TestCLIPSizes checks that the shapes of a checkpoint tell which CLIP it is,
// in both layouts.
func TestCLIPSizes(t *testing.T) {
	manifests := readManifests(t)
	for file, name := range map[string]string{
		"clip_rn50": "RN50", "clip_rn101": "RN101", "clip_rn50x4": "RN50x4", "clip_rn50x16": "RN50x16",
		"clip_rn50x64": "RN50x64", "clip_vit_b16": "ViT-B/16", "clip_vit_b32": "ViT-B/32",
		"clip_vit_l14": "ViT-L/14", "clip_vit_l14_336px": "ViT-L/14@336px", "hf_clip_vit_l14_336px": "ViT-L/14@336px",
	} {
		c, err := models.CLIPConfigOf(manifests[file])
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if got, want := models.NewCLIP(c).Config(), newCLIP(name).Config(); got != want {
			t.Errorf("%s is %+v, want %+v", file, got, want)
		}
		if want, _ := models.CLIPNamed(name); want != c {
			t.Errorf("%s is %+v, want %+v", file, c, want)
		}
	}
}

// TestLoadCLIPErrors checks that other checkpoints are refused.
func TestLoadCLIPErrors(t *testing.T) {
	src := weights.Map{"conv1.weight": tensor.New(64, 3, 7, 7)}
	if _, err := models.LoadCLIP(src, models.CLIPConfig{}); err == nil || !strings.Contains(err.Error(), "not a checkpoint of CLIP") {
		t.Errorf("error is %v", err)
	}
}

// TestProjection checks a layer without and with a bias, and no layer.
func TestProjection(t *testing.T) {
	src := weights.Map{
		"p.weight": tensor.Of([]float32{1, 2, 3, 4, 5, 6}, 3, 2), "other": tensor.New(2),
		"q.weight": tensor.Of([]float32{1, 1}, 1, 2), "q.bias": tensor.Of([]float32{10}, 1),
	}
	for name, want := range map[string][]float32{"p": {3, 7, 11}, "q": {12}, "": {1, 1}} {
		p := &models.Projection{}
		if name != "" {
			var err error
			if p, err = models.LoadProjection(src, name); err != nil {
				t.Fatal(err)
			}
		}
		g, err := graph.Trace(func(g *graph.Graph) { g.Output("y", p.Forward(g.Input("x", 1, 2))) })
		if err != nil {
			t.Fatal(err)
		}
		y, err := g.Eval(context.Background(), tensor.Of([]float32{1, 1}, 1, 2))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(y[0].Data, want) {
			t.Errorf("%q gives %v, want %v", name, y[0].Data, want)
		}
	}
	if _, err := models.LoadProjection(src, "r"); err == nil {
		t.Error("LoadProjection finds a layer that does not exist")
	}
}
