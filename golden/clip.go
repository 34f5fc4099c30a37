package golden

import (
	"errors"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// clip makes the case of both towers, on images and texts, and of the comparison of
// their embeddings. It leaves out parts that the file does not have. Sizes come from
// the weights, and the number of heads from the config.
func clip(f *file) (Case, error) {
	var a struct {
		Heads     int    `json:"vision_heads"`
		TextHeads int    `json:"transformer_heads"`
		Act       string `json:"activation"`
	}
	if err := f.decode(&a); err != nil {
		return Case{}, err
	}
	act, err := activationOf(a.Act, graph.QuickGELU)
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
	has := func(name string) bool { return f.has("output/" + name) }
	compared := has("logits_per_image") || has("logits_per_text")
	withImage, withText := compared || has("image_features"), compared || has("text_features")
	if !withImage && !withText {
		return Case{}, errors.New("no output to compare")
	}
	var inputs []*tensor.Tensor
	if withImage {
		inputs = append(inputs, f.image("input/image"))
	}
	if withText {
		inputs = append(inputs, f.ranked("input/text", 2))
	}
	g, err := graph.Trace(func(g *graph.Graph) {
		var images, texts *graph.Value
		if withImage {
			images = m.Forward(g.Input("image", inputs[0].Shape...))
		}
		if withText {
			texts = m.ForwardText(g.Input("text", inputs[len(inputs)-1].Shape...))
		}
		output := func(name string, v *graph.Value) {
			if has(name) {
				g.Output(name, v)
			}
		}
		output("image_features", images)
		output("text_features", texts)
		if compared {
			logits := m.Logits(images, texts)
			output("logits_per_image", logits)
			output("logits_per_text", logits.Permute(1, 0))
		}
	})
	if err != nil {
		return Case{}, err
	}
	return f.traced(g, inputs, g.Outputs[0].Name)
}
