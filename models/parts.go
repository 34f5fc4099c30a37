package models

import (
	"fmt"

	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/weights"
)

// MatchParts gives n the optional parts that src has weights for, and takes those
// away that src lacks: the layer before the head of a ViT (see ViTConfig), and the
// norm of the patches and the biases of queries, keys and values of a Swin. Names
// are those that weights.Bind takes.
func MatchParts(n Network, src weights.Source) {
	switch m := n.(type) {
	case *ViT:
		s := shapesOf(weights.Canonical(m, src))
		pre := s["pre_logits.fc.weight"]
		if len(pre) == 2 && pre[0] > 0 && m.Head != nil {
			m.PreLogits = layers.NewLinear(m.ClassToken.Shape[2], pre[0])
			m.Head.Weight.Shape[1] = pre[0]
		}
	case *Swin:
		s := shapesOf(weights.Canonical(m, src))
		if s["patch_embed.proj.weight"] != nil && s["patch_embed.norm.weight"] == nil {
			m.PatchEmbed.Norm = nil
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
}
