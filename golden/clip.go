package golden

import (
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// clip is the case of both towers on some images and texts, and of their
// comparison. Sizes are the file's; its config tells the heads.
func clip(f *file) (Case, error) {
	var a struct {
		Heads     int    `json:"vision_heads"`
		TextHeads int    `json:"transformer_heads"`
		Act       string `json:"activation"`
	}
	if err := f.decode(&a); err != nil {
		return Case{}, err
	}
	act, err := activationOf(a.Act)
	if err != nil {
		return Case{}, err
	}
	src, err := f.weights()
	if err != nil {
		return Case{}, err
	}
	m, err := models.LoadCLIP(src, models.CLIPConfig{Heads: a.Heads, TextHeads: a.TextHeads, Act: act})
	if err != nil {
		return Case{}, err
	}
	weights.Walk(m, func(string, *tensor.Tensor) {}) // names the layers
	inputs := []*tensor.Tensor{channelsLast(f.tensor("input/image")), f.tensor("input/text")}
	g, err := graph.Trace(func(g *graph.Graph) {
		images := m.Forward(g.Input("image", inputs[0].Shape...))
		texts := m.ForwardText(g.Input("text", inputs[1].Shape...))
		logits := m.Logits(images, texts)
		g.Output("image_features", images)
		g.Output("text_features", texts)
		g.Output("logits_per_image", logits)
		g.Output("logits_per_text", logits.Permute(1, 0))
	})
	if err != nil {
		return Case{}, err
	}
	c := Case{Graph: g, Inputs: inputs, Tolerance: ModelTolerance}
	for _, o := range g.Outputs {
		c.Want = append(c.Want, f.named("output/", o.Name))
	}
	for _, s := range g.Stages {
		if _, ok := f.Entry("stage/" + s.Name); !ok {
			continue
		}
		want := f.named("stage/", s.Name)
		if strings.Contains(s.Name, ".resblocks.") { // [token, batch, width]
			want = want.Permute(1, 0, 2)
			want.Name = s.Name
		}
		c.Stages = append(c.Stages, want)
	}
	return c, nil
}
