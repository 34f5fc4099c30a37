package bench

import (
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// imageTower is CLIP's image tower without the text tower's weights.
type imageTower struct {
	Visual models.Network `weight:"visual"`
}

// Forward maps images [B, H, W, 3] to embeddings [B, embedding].
func (t *imageTower) Forward(x *graph.Value) *graph.Value { return t.Visual.Forward(x) }

// Canonical keeps only the tower's weights of a checkpoint.
func (t *imageTower) Canonical(src weights.Source) weights.Source {
	return towerWeights(src, func(name string) bool { return strings.HasPrefix(name, "visual.") })
}

// textTower is CLIP's text tower without the image tower's weights.
type textTower struct {
	models.CLIPText
}

// Forward maps token ids [B, N] to embeddings [B, embedding].
func (t *textTower) Forward(ids *graph.Value) *graph.Value {
	c := models.CLIP{CLIPText: t.CLIPText}
	return c.ForwardText(ids)
}

// Canonical keeps only the tower's weights of a checkpoint.
func (t *textTower) Canonical(src weights.Source) weights.Source {
	return towerWeights(src, func(name string) bool {
		return !strings.HasPrefix(name, "visual.") && name != "logit_scale"
	})
}

func towerWeights(src weights.Source, own func(name string) bool) weights.Source {
	return weights.Rename(weights.Canonical(&models.CLIP{}, src), func(name string) string {
		if !own(name) {
			return ""
		}
		return name
	})
}

// tokens returns batch texts of random ids [B, N], as long as the tower allows.
func (t *textTower) tokens(batch int) *tensor.Tensor {
	n, vocabulary := t.Position.Shape[0], t.Token.Shape[0]
	ids := tensor.New(batch, n)
	for i := range ids.Data {
		ids.Data[i] = float32((7919*i + 1) % (vocabulary - 1))
		if i%n == n-1 {
			ids.Data[i] = float32(vocabulary - 1) // the end
		}
	}
	return ids
}
