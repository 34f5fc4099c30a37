package models

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// LoadCLIP makes the network for the weights in src and binds them. It knows
// OpenAI's and Hugging Face's layouts, and reads the sizes from the weights. The
// heads and the activation, which weights do not tell, come from more: zero means
// heads of 64 channels and QuickGELU.
func LoadCLIP(src weights.Source, more CLIPConfig) (*CLIP, error) {
	c, err := CLIPConfigOf(src)
	if err != nil {
		return nil, err
	}
	c.Act = more.Act
	width := c.Width // of the tokens
	if c.Patch == 0 {
		width = 32 * c.Width
	}
	if c.Heads, err = clipHeads("image", width, more.Heads); err != nil {
		return nil, err
	}
	if c.TextHeads, err = clipHeads("text", c.TextWidth, more.TextHeads); err != nil {
		return nil, err
	}
	m := NewCLIP(c)
	if err := weights.Bind(m, clipCanonical(src)); err != nil {
		return nil, err
	}
	return m, nil
}

// clipHeads returns the number of heads of a tower: given or, if that is 0, one
// for each 64 channels, rounded down as in OpenAI's code.
func clipHeads(tower string, width, given int) (int, error) {
	heads := or(given, width/64)
	switch {
	case heads == 0:
		return 0, fmt.Errorf("models: the %d channels of the %s tower are too few for heads of 64: the number of heads is needed",
			width, tower)
	case heads < 0 || width%heads != 0:
		return 0, fmt.Errorf("models: %d heads do not divide the %d channels of the %s tower", heads, width, tower)
	}
	return heads, nil
}

// Canonical presents src in OpenAI's layout, without tensors that are not
// weights. It knows OpenAI's and Hugging Face's layouts, and those of open_clip,
// where the names of the text tower may begin with "text.".
func (m *CLIP) Canonical(src weights.Source) weights.Source { return clipCanonical(src) }

func clipCanonical(src weights.Source) weights.Source {
	if isHFCLIP(src) {
		return weights.Arrange(src, hfCLIPPlace)
	}
	apart := slices.Contains(src.Names(), "text.token_embedding.weight")
	return weights.Rename(src, func(name string) string {
		if apart {
			name = strings.TrimPrefix(name, "text.")
		}
		switch name {
		case "input_resolution", "context_length", "vocab_size", "attn_mask":
			return ""
		}
		return name
	})
}

// isHFCLIP reports whether src has Hugging Face's layout.
func isHFCLIP(src weights.Source) bool {
	return slices.Contains(src.Names(), "vision_model.embeddings.class_embedding")
}

// CLIPConfigOf reads the sizes from the shapes of the weights, in either layout.
// It leaves the heads and the activation at zero, which shapes do not tell.
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
	c.TextHidden = hiddenUnless4(s["transformer.resblocks.0.mlp.c_fc.weight"], c.TextWidth)
	position := s["visual.positional_embedding"]
	if _, ok := s["visual.proj"]; ok {
		conv := s["visual.conv1.weight"]
		c.Width, c.Patch = conv[0], conv[3]
		c.Layers = s.count("visual.transformer.resblocks.")
		c.Hidden = hiddenUnless4(s["visual.transformer.resblocks.0.mlp.c_fc.weight"], c.Width)
	} else {
		for i := range c.Blocks {
			c.Blocks[i] = s.count(fmt.Sprintf("visual.layer%d.", i+1))
		}
		if err := s.require("CLIP", map[string]int{"visual.conv3.weight": 4}); err != nil {
			return c, err
		}
		c.Width = s["visual.conv3.weight"][0]
		position = s["visual.attnpool.positional_embedding"]
	}
	if len(position) != 2 || position[0] < 2 || c.Width < 2 || c.TextWidth < 1 {
		return c, fmt.Errorf("models: not a checkpoint of CLIP: image positions are %v", position)
	}
	c.Size = or(c.Patch, 32) * int(math.Sqrt(float64(position[0]-1)))
	return c, nil
}

// hiddenUnless4 returns the channels inside a perceptron whose first layer has a shape,
// or 0 if they are four times the width.
func hiddenUnless4(shape tensor.Shape, width int) int {
	if len(shape) != 2 || shape[0] == 4*width {
		return 0
	}
	return shape[0]
}

// hfCLIPPlace returns the place of a tensor of Hugging Face's files.
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
