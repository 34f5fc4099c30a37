package models

import (
	"fmt"
	"math"
	"strings"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// LoadCLIP makes the network whose weights src has, in OpenAI's or in Hugging
// Face's layout, and binds it. Its sizes are those of the weights. The heads and
// the activation, which weights do not tell, are those of more unless that is
// zero.
func LoadCLIP(src weights.Source, more CLIPConfig) (*CLIP, error) {
	s := shapesOf(src)
	if _, ok := s["vision_model.embeddings.class_embedding"]; ok {
		src = weights.Arrange(src, HFCLIP)
		s = shapesOf(src)
	}
	c, err := clipConfigOf(s)
	if err != nil {
		return nil, err
	}
	c.Heads, c.TextHeads, c.Act = more.Heads, more.TextHeads, more.Act
	m := NewCLIP(c)
	if err := weights.Bind(m, src, CLIPUnused...); err != nil {
		return nil, err
	}
	return m, nil
}

// CLIPUnused are names in OpenAI's files that are no weights.
var CLIPUnused = []string{"input_resolution", "context_length", "vocab_size"}

// clipConfigOf reads the sizes off the weights' shapes.
func clipConfigOf(s shapes) (CLIPConfig, error) {
	var c CLIPConfig
	for name, rank := range map[string]int{
		"text_projection": 2, "positional_embedding": 2, "token_embedding.weight": 2, "visual.conv1.weight": 4,
	} {
		if len(s[name]) != rank {
			return c, fmt.Errorf("models: no weights of CLIP: %s is %s, want %d dimensions", name, s.describe(name), rank)
		}
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

// HFCLIP places the tensors of Hugging Face's files of CLIP; see
// weights.Arrange.
func HFCLIP(name string) weights.Place {
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
	p := weights.Place{Name: hfCLIP.Replace(name)}
	if strings.Contains(name, ".in_proj_") {
		p.Part, p.Of = part, 3
	}
	return p
}

var hfCLIP = strings.NewReplacer(
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

// shapes are the shapes of a source's tensors by name.
type shapes map[string]tensor.Shape

func shapesOf(src weights.Source) shapes {
	s := shapes{}
	described, ok := src.(interface {
		Entry(string) (weights.Entry, bool)
	})
	for _, n := range src.Names() {
		if ok {
			if e, ok := described.Entry(n); ok {
				s[n] = e.Shape
				continue
			}
		}
		if t, err := src.Tensor(n); err == nil {
			s[n] = t.Shape
		}
	}
	return s
}

// count is the number of blocks whose names begin with prefix and a number.
func (s shapes) count(prefix string) int {
	seen := map[string]bool{}
	for n := range s {
		if rest, ok := strings.CutPrefix(n, prefix); ok {
			block, _, _ := strings.Cut(rest, ".")
			seen[block] = true
		}
	}
	return len(seen)
}

func (s shapes) describe(name string) string {
	if shape, ok := s[name]; ok {
		return shape.String()
	}
	return "missing"
}
