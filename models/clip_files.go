package models

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/weights"
)

// LoadCLIP makes the network whose weights src has, in OpenAI's or in Hugging
// Face's layout, and binds it. Its sizes are those of the weights. The heads and
// the activation, which weights do not tell, are those of more unless that is
// zero.
func LoadCLIP(src weights.Source, more CLIPConfig) (*CLIP, error) {
	c, err := CLIPConfigOf(src)
	if err != nil {
		return nil, err
	}
	c.Heads, c.TextHeads, c.Act = more.Heads, more.TextHeads, more.Act
	if c.Patch > 0 && c.Heads == 0 && c.Width%64 != 0 || c.TextHeads == 0 && c.TextWidth%64 != 0 {
		return nil, fmt.Errorf("models: towers of %d and %d channels are no number of heads of 64 each", c.Width, c.TextWidth)
	}
	for _, tower := range []struct{ width, heads int }{{c.Width, c.Heads}, {c.TextWidth, c.TextHeads}} {
		if tower.heads < 0 || tower.heads > 0 && tower.width%tower.heads != 0 {
			return nil, fmt.Errorf("models: %d heads of a tower of %d channels", tower.heads, tower.width)
		}
	}
	m := NewCLIP(c)
	if err := weights.Bind(m, clipCanonical(src)); err != nil {
		return nil, err
	}
	return m, nil
}

// Canonical is src under OpenAI's names: Hugging Face's layout is arranged, and
// what is no weight left out.
func (m *CLIP) Canonical(src weights.Source) weights.Source { return clipCanonical(src) }

func clipCanonical(src weights.Source) weights.Source {
	if isHFCLIP(src) {
		return weights.Arrange(src, hfCLIPPlace)
	}
	return weights.Rename(src, func(name string) string {
		switch name {
		case "input_resolution", "context_length", "vocab_size":
			return ""
		}
		return name
	})
}

// isHFCLIP says whether src has Hugging Face's layout.
func isHFCLIP(src weights.Source) bool {
	return slices.Contains(src.Names(), "vision_model.embeddings.class_embedding")
}

// CLIPConfigOf reads the sizes off the shapes of the weights, in either layout.
// They do not tell the heads and the activation.
func CLIPConfigOf(src weights.Source) (CLIPConfig, error) {
	s := shapesOf(clipCanonical(src))
	var c CLIPConfig
	err := s.require("CLIP", map[string]int{
		"text_projection": 2, "positional_embedding": 2, "token_embedding.weight": 2, "visual.conv1.weight": 4,
	})
	if err != nil {
		return c, err
	}
	c.Embedding = s["text_projection"][1]
	c.Context = s["positional_embedding"][0]
	c.Vocabulary, c.TextWidth = s["token_embedding.weight"][0], s["token_embedding.weight"][1]
	c.TextLayers = s.count("transformer.resblocks.")
	position := s["visual.positional_embedding"]
	if _, ok := s["visual.proj"]; ok {
		conv := s["visual.conv1.weight"]
		c.Width, c.Patch = conv[0], conv[3]
		c.Layers = s.count("visual.transformer.resblocks.")
	} else {
		for i := range c.Blocks {
			c.Blocks[i] = s.count(fmt.Sprintf("visual.layer%d.", i+1))
		}
		c.Width = 2 * s["visual.conv1.weight"][0]
		position = s["visual.attnpool.positional_embedding"]
	}
	if len(position) != 2 || position[0] < 2 || c.Width < 2 || c.TextWidth < 1 {
		return c, fmt.Errorf("models: no weights of CLIP: image positions are %v", position)
	}
	c.Size = or(c.Patch, 32) * int(math.Sqrt(float64(position[0]-1)))
	return c, nil
}

// hfCLIPPlace places the tensors of Hugging Face's files.
func hfCLIPPlace(name string) weights.Place {
	if strings.HasSuffix(name, ".position_ids") {
		return weights.Place{}
	}
	switch name {
	case "visual_projection.weight":
		return weights.Place{Name: "visual.proj", Transpose: true}
	case "text_projection.weight":
		return weights.Place{Name: "text_projection", Transpose: true}
	}
	part := 0
	for i, p := range []string{".q_proj.", ".k_proj.", ".v_proj."} {
		if strings.Contains(name, p) {
			name, part = strings.Replace(name, p, ".in_proj_", 1), i
		}
	}
	p := weights.Place{Name: hfCLIPNames.Replace(name)}
	if strings.Contains(name, ".in_proj_") {
		p.Part, p.Of = part, 3
	}
	return p
}

var hfCLIPNames = strings.NewReplacer(
	"vision_model.embeddings.class_embedding", "visual.class_embedding",
	"vision_model.embeddings.patch_embedding.", "visual.conv1.",
	"vision_model.embeddings.position_embedding.weight", "visual.positional_embedding",
	"vision_model.pre_layrnorm.", "visual.ln_pre.",
	"vision_model.post_layernorm.", "visual.ln_post.",
	"vision_model.encoder.layers.", "visual.transformer.resblocks.",
	"text_model.embeddings.token_embedding.", "token_embedding.",
	"text_model.embeddings.position_embedding.weight", "positional_embedding",
	"text_model.final_layer_norm.", "ln_final.",
	"text_model.encoder.layers.", "transformer.resblocks.",
	".self_attn.", ".attn.",
	".layer_norm1.", ".ln_1.",
	".layer_norm2.", ".ln_2.",
	".mlp.fc1.", ".mlp.c_fc.",
	".mlp.fc2.", ".mlp.c_proj.",
)
