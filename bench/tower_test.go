package bench

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// TestTowers compares CLIP's towers with the whole model, with the weights of a
// reference file for both.
func TestTowers(t *testing.T) {
	c := models.CLIPConfig{Embedding: 8, Size: 8, Width: 64, Patch: 4, Layers: 1, Context: 5, Vocabulary: 11, TextWidth: 64, TextLayers: 2}
	whole := models.NewCLIP(c)
	weights.Random(whole, 1)
	var tensors []*tensor.Tensor
	weights.Walk(whole, func(name string, w *tensor.Tensor) {
		tensors = append(tensors, &tensor.Tensor{Name: "weight/" + name, Shape: w.Shape, Data: w.Data})
	})
	declared := models.NewCLIP(c)
	text := &textTower{declared.CLIPText}
	for name, tower := range map[string]struct {
		models.Network
		forward func(*graph.Value) *graph.Value
		input   *tensor.Tensor
	}{
		"image": {&imageTower{declared.Visual}, whole.Forward, RandomInput(1, 8, 8, 3)},
		"text":  {text, whole.ForwardText, text.tokens(2)},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := graph.Trace(func(g *graph.Graph) { g.Output("out", tower.forward(g.Input("x", tower.input.Shape...))) })
			if err != nil {
				t.Fatal(err)
			}
			want, err := g.Eval(context.Background(), tower.input)
			if err != nil {
				t.Fatal(err)
			}
			x := tower.input
			if name == "image" {
				x = x.ToNCHW()
			}
			path := filepath.Join(t.TempDir(), "data.safetensors")
			if err := weights.WriteSafetensors(path, nil, append(tensors,
				&tensor.Tensor{Name: "input/x", Shape: x.Shape, Data: x.Data},
				&tensor.Tensor{Name: "output/y", Shape: want[0].Shape, Data: want[0].Data})...); err != nil {
				t.Fatal(err)
			}
			o := ModelOptions{Model: tower.Network, Start: time.Now()}
			if o.Input, o.Want, err = ReadData(path, tower.Network); err != nil {
				t.Fatal(err)
			}
			r, err := Model(context.Background(), nil, o)
			if err != nil || *r.MaxAbsDiff > 1e-6 {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

func TestTokens(t *testing.T) {
	c, err := models.CLIPNamed("ViT-B/32")
	if err != nil {
		t.Fatal(err)
	}
	ids := (&textTower{models.NewCLIP(c).CLIPText}).tokens(3)
	if !ids.Shape.Equal(tensor.Shape{3, 77}) {
		t.Fatal(ids.Shape)
	}
	for i, id := range ids.Data {
		if last := i%77 == 76; id < 0 || last != (id == 49407) {
			t.Errorf("token %d is %v", i, id)
		}
	}
}
