package models

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// MatchParts gives n the optional parts that src has weights for, and takes those
// away that src lacks: the head of a ViT, Swin or ResNet; the layer before the head,
// the second token and its head of a ViT; the norm of the patches of a Swin; the
// biases of queries, keys and values; shortcuts of a ResNet. It sets the epsilon
// that is usual in the layout of src. Names are those that weights.Bind takes.
// MatchParts does nothing if src is of another network.
func MatchParts(n Network, src weights.Source) {
	switch m := n.(type) {
	case *ViT:
		m.match(src)
	case *MAE:
		s := shapesOf(weights.Canonical(m, src))
		m.trim(s, "")
		if isTransformersViT(src) {
			m.SetEps(transformersEps)
		}
	case *ViTDetector:
		m.Backbone.trim(shapesOf(weights.Canonical(m, src)), "backbone.")
	case *Swin:
		m.match(shapesOf(weights.Canonical(m, src)))
	case *ResNet:
		s := shapesOf(weights.Canonical(m, src))
		m.matchShortcuts(s)
		if s["layer4.0.conv1.weight"] != nil && s["fc.weight"] == nil {
			m.FC = nil
		}
	}
}

// Contradicts reports whether src tells the windows of a Swin, and n has others. src has
// the names of a published file, with tensors that follow from the config.
func Contradicts(n Network, src weights.Source) bool {
	m, ok := n.(*Swin)
	if !ok {
		return false
	}
	raw := shapesOf(weights.Rename(src, SwinName))
	for i, stage := range m.Layers {
		for j, b := range stage.Blocks {
			window := raw.window(fmt.Sprintf("layers.%d.blocks.%d.attn.", i, j))
			mask := raw[fmt.Sprintf("layers.%d.blocks.%d.attn_mask", i, j)]
			if len(mask) == 3 && mask[1] == mask[2] {
				window = graph.Both(root(mask[1]))
			}
			if window != (graph.Pair{}) && window != b.Attn.Op.Window {
				return true
			}
		}
	}
	return false
}

// Headless reports whether n is a ViT, Swin or ResNet without a head. Its result are
// features.
func Headless(n Network) bool {
	switch m := n.(type) {
	case *ViT:
		return m.Head == nil
	case *Swin:
		return m.Head == nil
	case *ResNet:
		return m.FC == nil
	}
	return false
}

func (m *ViT) match(src weights.Source) {
	s := shapesOf(weights.Canonical(m, src))
	if s["cls_token"] == nil || s["blocks.0.norm1.weight"] == nil {
		return
	}
	dim := m.ClassToken.Shape[2]
	if s["dist_token"] != nil && m.DistToken == nil {
		m.DistToken = tensor.Declare(1, 1, dim)
		m.PosEmbed.Shape[1]++
	}
	if m.Head != nil && s["head.weight"] == nil {
		m.Head = nil
	}
	pre := s["pre_logits.fc.weight"]
	if len(pre) == 2 && pre[0] > 0 {
		m.PreLogits = layers.NewLinear(dim, pre[0])
		if m.Head != nil {
			m.Head.Weight.Shape[1] = pre[0]
		}
	}
	if m.Head != nil && m.DistToken != nil && s["head_dist.weight"] != nil {
		m.HeadDist = layers.NewLinear(dim, m.Head.Weight.Shape[0])
	}
	m.trim(s, "")
	if isTransformersViT(src) {
		m.SetEps(transformersEps)
	}
}

func (m *Swin) match(s shapes) {
	if s["patch_embed.proj.weight"] == nil || s["layers.0.blocks.0.attn.qkv.weight"] == nil {
		return
	}
	if s["patch_embed.norm.weight"] == nil {
		m.PatchEmbed.Norm = nil
	}
	if s["head.weight"] == nil {
		m.Head = nil
	}
	for i, stage := range m.Layers {
		for j, b := range stage.Blocks {
			qkv := fmt.Sprintf("layers.%d.blocks.%d.attn.qkv.", i, j)
			if s[qkv+"weight"] != nil && s[qkv+"bias"] == nil {
				b.Attn.QKV.NoBias()
			}
		}
	}
}
