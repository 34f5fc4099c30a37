package models

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/weights"
)

// LoadViT makes the vision transformer whose weights src has, in any layout that
// ViT knows, and binds it. Its sizes are those of the weights. Of more are its
// Heads, AlignCorners, and the Image if that is not square; Heads of 0 are those
// that are usual for so many channels.
func LoadViT(src weights.Source, more ViTConfig) (*ViT, error) {
	src = weights.Canonical(&ViT{}, src)
	s := shapesOf(src)
	c, err := s.vit("", more)
	if err != nil {
		return nil, err
	}
	m := NewViT(c)
	m.trim(s, "")
	weights.Adopt(m, src)
	return m, weights.Bind(m, src)
}

// LoadViTDetector is LoadViT for a detector. Its classes are those of the
// weights, too.
func LoadViTDetector(src weights.Source, more ViTConfig) (*ViTDetector, error) {
	src = weights.Canonical(&ViTDetector{}, src)
	s := shapesOf(src)
	c, err := s.vit("backbone.", more)
	if err == nil {
		err = s.require("a detector", map[string]int{"cls_head.weight": 2})
	}
	if err != nil {
		return nil, err
	}
	c.Classes = s["cls_head.weight"][0]
	m := NewViTDetector(c)
	m.Backbone.trim(s, "backbone.")
	weights.Adopt(m, src)
	return m, weights.Bind(m, src)
}

// LoadMAE is LoadViT for a masked autoencoder, with its decoder if the weights
// have one. Of more are also what is usual if it is 0: MaskRatio, NormPix and
// DecoderHeads.
func LoadMAE(src weights.Source, more MAEConfig) (*MAE, error) {
	src = weights.Canonical(&MAE{}, src)
	s, c := shapesOf(src), more
	var err error
	if c.Encoder, err = s.vit("", more.Encoder); err != nil {
		return nil, err
	}
	_, decoder := s["decoder_pred.weight"]
	if c.EncoderOnly = !decoder; decoder {
		if err := s.require("a masked autoencoder's decoder", map[string]int{"decoder_embed.weight": 2}); err != nil {
			return nil, err
		}
		c.DecoderDim, c.DecoderDepth = s["decoder_embed.weight"][0], s.count("decoder_blocks.")
		if heads := or(c.DecoderHeads, 16); heads < 1 || c.DecoderDim%heads != 0 {
			return nil, fmt.Errorf("models: %d heads of a decoder of %d channels", heads, c.DecoderDim)
		}
	}
	m := NewMAE(c)
	m.trim(s, "")
	weights.Adopt(m, src)
	return m, weights.Bind(m, src)
}

// vit reads the sizes of a vision transformer off the shapes of its weights,
// whose names begin with prefix.
func (s shapes) vit(prefix string, more ViTConfig) (ViTConfig, error) {
	c := more
	err := s.require("a vision transformer", map[string]int{
		prefix + "cls_token": 3, prefix + "pos_embed": 3, prefix + "patch_embed.proj.weight": 4,
		prefix + "blocks.0.mlp.fc1.weight": 2,
	})
	if err != nil {
		return c, err
	}
	patch, patches := s[prefix+"patch_embed.proj.weight"], s[prefix+"pos_embed"][1]-1
	if patch[2] != patch[3] {
		return c, fmt.Errorf("models: patches of %d×%d pixels are no squares", patch[2], patch[3])
	}
	c.Dim, c.Patch, c.Depth = s[prefix+"cls_token"][2], patch[2], s.count(prefix+"blocks.")
	c.Hidden = s[prefix+"blocks.0.mlp.fc1.weight"][0]
	if c.Image, err = imageOf(more.Image, c.Patch, patches); err != nil {
		return c, err
	}
	if c.Heads == 0 {
		c.Heads = usualHeads[c.Dim]
	}
	if c.Heads < 1 || c.Dim%c.Heads != 0 {
		return c, fmt.Errorf("models: %d heads (num_heads) of a vision transformer of %d channels; weights do not tell them", c.Heads, c.Dim)
	}
	_, c.GlobalPool = s[prefix+"fc_norm.weight"]
	if pre := s[prefix+"pre_logits.fc.weight"]; len(pre) == 2 {
		c.PreLogits = pre[0]
	}
	c.Classes = -1
	if head := s[prefix+"head.weight"]; len(head) == 2 {
		c.Classes = head[0]
	}
	return c, nil
}

// usualHeads are the heads of the vision transformers of the papers by their
// channels: one for each 64, and in ViT-Huge one for each 80.
var usualHeads = map[int]int{192: 3, 384: 6, 768: 12, 1024: 16, 1280: 16}

// imageOf is the size of the image that makes a number of patches: the one that
// is given if that is not zero, and else a square.
func imageOf(given graph.Pair, patch, patches int) (graph.Pair, error) {
	if given == (graph.Pair{}) {
		side := int(math.Round(math.Sqrt(float64(patches))))
		if side*side != patches || side == 0 {
			return given, fmt.Errorf("models: positions of %d patches are those of no square image: its size (img_size) is needed", patches)
		}
		return graph.Both(side * patch), nil
	}
	if given[0] < 1 || given[1] < 1 || given[0]/patch*(given[1]/patch) != patches {
		return given, fmt.Errorf("models: an image of %d×%d pixels has not the %d patches that the weights have positions of",
			given[0], given[1], patches)
	}
	return given, nil
}

// trim takes away the biases of queries, keys and values that are not among the
// weights.
func (m *ViT) trim(s shapes, prefix string) {
	for i, b := range m.Blocks {
		if _, ok := s[fmt.Sprintf("%sblocks.%d.attn.qkv.bias", prefix, i)]; !ok {
			b.Attn.QKV.NoBias()
		}
	}
}
