package models

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/weights"
)

// LoadViT makes the vision transformer for the weights in src, in any layout that
// ViT knows, and binds them. It reads the sizes from the weights. Heads and
// AlignCorners come from more, and so does Image if it is not square. If Heads is
// 0, it takes the usual number for the channels; if Eps is 0, the usual one for the
// layout.
func LoadViT(src weights.Source, more ViTConfig) (*ViT, error) { return bound(ViTFor, src, more) }

// ViTFor is LoadViT without binding. It reads only shapes.
func ViTFor(src weights.Source, more ViTConfig) (*ViT, error) {
	more = more.withEps(src)
	src = weights.Canonical(&ViT{}, src)
	s := shapesOf(src)
	c, err := s.vit("", more)
	if err != nil {
		return nil, err
	}
	m := NewViT(c)
	m.trim(s, "")
	weights.Adopt(m, src)
	return m, nil
}

// bound declares a network for src and binds it.
func bound[N Network, C any](declare func(weights.Source, C) (N, error), src weights.Source, more C) (N, error) {
	m, err := declare(src, more)
	if err != nil {
		return m, err
	}
	return m, weights.Bind(m, src)
}

// LoadViTDetector is LoadViT for a detector. It reads the number of classes from
// the weights, too.
func LoadViTDetector(src weights.Source, more ViTConfig) (*ViTDetector, error) {
	return bound(ViTDetectorFor, src, more)
}

// ViTDetectorFor is LoadViTDetector without binding. It reads only shapes.
func ViTDetectorFor(src weights.Source, more ViTConfig) (*ViTDetector, error) {
	more = more.withEps(src)
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
	return m, nil
}

// LoadMAE is LoadViT for a masked autoencoder, with a decoder if src has one.
// MaskRatio, NormPix and DecoderHeads come from more, too.
func LoadMAE(src weights.Source, more MAEConfig) (*MAE, error) { return bound(MAEFor, src, more) }

// MAEFor is LoadMAE without binding. It reads only shapes.
func MAEFor(src weights.Source, more MAEConfig) (*MAE, error) {
	more.Encoder = more.Encoder.withEps(src)
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
			return nil, fmt.Errorf("models: a decoder with %d channels cannot have %d heads", c.DecoderDim, heads)
		}
	}
	m := NewMAE(c)
	m.trim(s, "")
	weights.Adopt(m, src)
	return m, nil
}

// withEps returns c with the epsilon that is usual in the layout of src.
func (c ViTConfig) withEps(src weights.Source) ViTConfig {
	if c.Eps == 0 && isTransformersViT(src) {
		c.Eps = transformersEps
	}
	return c
}

// vit reads the sizes of a vision transformer from the shapes of its weights, whose
// names begin with prefix.
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
	_, c.DistHead = s[prefix+"head_dist.weight"]
	if _, c.DistToken = s[prefix+"dist_token"]; c.DistToken {
		patches--
	}
	if patch[2] != patch[3] {
		return c, fmt.Errorf("models: patches of %d×%d pixels are not square", patch[2], patch[3])
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
		return c, fmt.Errorf("models: a vision transformer with %d channels cannot have %d heads: "+
			"weights do not tell the number of heads (num_heads), a config beside them can", c.Dim, c.Heads)
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

// usualHeads gives the number of heads in the papers' vision transformers by their
// channels. A head has 64 channels, in ViT-Huge 80.
var usualHeads = map[int]int{192: 3, 384: 6, 768: 12, 1024: 16, 1280: 16}

// imageOf returns the size of the image that has the given number of patches: given
// if that is not zero, else a square.
func imageOf(given graph.Pair, patch, patches int) (graph.Pair, error) {
	if given == (graph.Pair{}) {
		side := int(math.Round(math.Sqrt(float64(patches))))
		if side*side != patches || side == 0 {
			return given, fmt.Errorf("models: %d patches do not make a square image: its size (img_size) is needed", patches)
		}
		return graph.Both(side * patch), nil
	}
	if given[0] < 1 || given[1] < 1 || given[0]/patch*(given[1]/patch) != patches {
		return given, fmt.Errorf("models: the weights have positions for %d patches, which an image of %d×%d pixels does not have",
			patches, given[0], given[1])
	}
	return given, nil
}

// trim removes the biases of queries, keys and values that are not among the
// weights.
func (m *ViT) trim(s shapes, prefix string) {
	for i, b := range m.Blocks {
		qkv := fmt.Sprintf("%sblocks.%d.attn.qkv.", prefix, i)
		if s[qkv+"weight"] != nil && s[qkv+"bias"] == nil {
			b.Attn.QKV.NoBias()
		}
	}
}
