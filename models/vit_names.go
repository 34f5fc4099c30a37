package models

import (
	"slices"
	"strings"

	"github.com/vertebra/vertebra/weights"
)

// vitNames turns the names of weights and stages in torchvision and the
// transformers library into timm's.
var vitNames = strings.NewReplacer(
	"encoder.layers.encoder_layer_", "blocks.",
	"encoder.pos_embedding", "pos_embed",
	"encoder.ln", "norm",
	"class_token", "cls_token",
	"conv_proj", "patch_embed.proj",
	"heads.head", "head",
	"heads.pre_logits", "pre_logits.fc",
	"heads.act", "pre_logits.act",
	"ln_1", "norm1",
	"ln_2", "norm2",
	"self_attention.in_proj_", "attn.qkv.",
	"self_attention.out_proj", "attn.proj",
	"self_attention.0", "attn",
	"mlp.0", "mlp.fc1",
	"mlp.3", "mlp.fc2",
	"mlp.linear_1", "mlp.fc1", // torchvision's files are older than its code
	"mlp.linear_2", "mlp.fc2",

	"embeddings.cls_token", "cls_token",
	"embeddings.distillation_token", "dist_token",
	"embeddings.position_embeddings", "pos_embed",
	"embeddings.patch_embeddings.projection", "patch_embed.proj",
	"encoder.layer.", "blocks.",
	"layernorm.", "norm.",
	"pooler.dense", "pre_logits.fc",
	"decoder.decoder_layers.", "decoder_blocks.",
	"decoder.", "",
	"layernorm_before", "norm1",
	"layernorm_after", "norm2",
	"attention.attention.", "attn.",
	"attention.output.dense", "attn.proj",
	"intermediate.dense", "mlp.fc1",
	"output.dense", "mlp.fc2",
	"cls_classifier", "head",
	"distillation_classifier", "head_dist",
	"classifier", "head",
)

// ViTName returns timm's name for a weight or module of a vision transformer in
// torchvision or in the transformers library. Queries, keys and values keep names
// of their own.
func ViTName(name string) string {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "vit."), "deit.")
	if name == "layernorm" {
		return "norm"
	}
	return vitNames.Replace(name)
}

// Canonical presents src under timm's names. It knows the layouts of timm,
// torchvision and the transformers library, where ViT and DeiT may have a prefix.
// It drops what predicts masked pixels there, and the pooler beside a classifier, which
// does not use it.
func (m *ViT) Canonical(src weights.Source) weights.Source {
	classifier := slices.ContainsFunc(src.Names(), func(n string) bool { return n == "classifier.weight" || n == "cls_classifier.weight" })
	return weights.Arrange(src, func(name string) weights.Place {
		if maskedImage(name) || classifier && strings.Contains(name, "pooler.dense.") {
			return weights.Place{}
		}
		return partOfQKV(ViTName(name))
	})
}

// maskedImage reports whether a tensor only serves the prediction of masked pixels
// in the transformers library.
func maskedImage(name string) bool {
	return strings.HasPrefix(name, "decoder.0.") || strings.HasSuffix(name, "embeddings.mask_token")
}

// transformersEps is the usual epsilon of the norms of ViT, DeiT and MAE in the
// transformers library.
const transformersEps = 1e-12

// isTransformersViT reports whether src has the layout of the transformers library.
func isTransformersViT(src weights.Source) bool {
	return slices.ContainsFunc(src.Names(), func(n string) bool { return strings.Contains(n, ".layernorm_before.") })
}
