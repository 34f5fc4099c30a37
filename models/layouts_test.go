package models

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// renaming turns a tensor's official name into another layout's. split is between the
// names of queries, keys and values if the layout keeps them apart.
type renaming struct {
	name func(string) string
	qkv  []string // what replaces "qkv" in the three parts
	drop string   // suffix of a name that the layout lacks
	add  []string // tensors that it has besides

	layer string // a layer with 16 channels that it has besides
}

// with also adds the weights of a layer of 16 channels.
func (r renaming) with(name string) renaming { r.layer = name; return r }

// of renames all weights.
func (r renaming) of(all weights.Map) weights.Map {
	out := weights.Map{}
	put := func(name string, t *tensor.Tensor) {
		if name = r.name(name); r.drop == "" || !strings.HasSuffix(name, r.drop) {
			out[name] = t
		}
	}
	for name, t := range all {
		before, after, split := strings.Cut(name, ".qkv.")
		if !split || r.qkv == nil {
			put(name, t)
			continue
		}
		rows, each := t.Shape[0]/3, len(t.Data)/3
		for i, part := range r.qkv {
			put(before+"."+part+"."+after, tensor.Of(t.Data[i*each:][:each], append([]int{rows}, t.Shape[1:]...)...))
		}
	}
	if r.layer != "" {
		out[r.layer+".weight"], out[r.layer+".bias"] = tensor.New(16, 16), tensor.New(16)
	}
	for _, name := range r.add {
		out[name] = tensor.New(3)
	}
	return out
}

// transformersViT gives the names of the transformers library.
func transformersViT(prefix string) func(string) string {
	return func(name string) string {
		switch head := strings.NewReplacer("head_dist.", "distillation_classifier.", "head.", "classifier."); {
		case strings.HasPrefix(name, "head"):
			return head.Replace(name)
		case strings.HasPrefix(name, "pre_logits.fc."):
			return prefix + strings.Replace(name, "pre_logits.fc.", "pooler.dense.", 1)
		case strings.HasPrefix(name, "norm."):
			return prefix + "layernorm." + name[len("norm."):]
		}
		return prefix + strings.NewReplacer(
			"cls_token", "embeddings.cls_token", "dist_token", "embeddings.distillation_token",
			"pos_embed", "embeddings.position_embeddings", "patch_embed.proj", "embeddings.patch_embeddings.projection",
			"blocks.", "encoder.layer.", "norm1", "layernorm_before", "norm2", "layernorm_after",
			"attn.proj", "attention.output.dense", "attn.", "attention.attention.",
			"mlp.fc1", "intermediate.dense", "mlp.fc2", "output.dense",
		).Replace(name)
	}
}

// deitTeacher gives the names of DeiT with two heads in the transformers library.
func deitTeacher(name string) string {
	if rest, ok := strings.CutPrefix(name, "head."); ok {
		return "cls_classifier." + rest
	}
	return transformersViT("deit.")(name)
}

// transformersSwin gives the names of the transformers library.
func transformersSwin(prefix string) func(string) string {
	return func(name string) string {
		switch {
		case strings.HasPrefix(name, "head."):
			return strings.Replace(name, "head.", "classifier.", 1)
		case strings.HasPrefix(name, "norm."):
			return prefix + "layernorm." + name[len("norm."):]
		}
		return prefix + strings.NewReplacer(
			"patch_embed.proj", "embeddings.patch_embeddings.projection", "patch_embed.norm", "embeddings.norm",
			"layers.", "encoder.layers.", "norm1", "layernorm_before", "norm2", "layernorm_after", "cpb_mlp", "continuous_position_bias_mlp",
			"attn.proj", "attention.output.dense", "attn.", "attention.self.",
			"mlp.fc1", "intermediate.dense", "mlp.fc2", "output.dense",
		).Replace(name)
	}
}

var residualWeight = regexp.MustCompile(`^layer(\d)\.(\d+)\.(conv|bn|downsample\.)(\d)\.(.*)$`)

// transformersResNet gives the names of the transformers library.
func transformersResNet(prefix string) func(string) string {
	return func(name string) string {
		if at := residualWeight.FindStringSubmatch(name); at != nil {
			part := "layer." + string(at[4][0]-1)
			kind := map[string]string{"conv": "convolution", "bn": "normalization", "downsample.": "convolution"}[at[3]]
			if at[3] == "downsample." {
				part = "shortcut"
			}
			if at[3]+at[4] == "downsample.1" {
				kind = "normalization"
			}
			return fmt.Sprintf("%sencoder.stages.%c.layers.%s.%s.%s.%s", prefix, at[1][0]-1, at[2], part, kind, at[5])
		}
		for _, r := range [][2]string{{"conv1.", prefix + "embedder.embedder.convolution."}, {"bn1.", prefix + "embedder.embedder.normalization."}, {"fc.", "classifier.1."}} {
			if rest, ok := strings.CutPrefix(name, r[0]); ok {
				return r[1] + rest
			}
		}
		return name
	}
}

// timmSwin gives timm's names since 0.8.
func timmSwin(name string) string {
	if rest, ok := strings.CutPrefix(name, "head."); ok {
		return "head.fc." + rest
	}
	if before, after, ok := strings.Cut(name, ".downsample."); ok {
		return fmt.Sprintf("layers.%c.downsample.%s", before[len(before)-1]+1, after)
	}
	return name
}

// TestLayouts binds the same weights under the names of several layouts. The results
// must be the same.
func TestLayouts(t *testing.T) {
	vit := ViTConfig{Image: graph.Both(32), Patch: 8, Dim: 16, Depth: 2, Heads: 4, Hidden: 24, Classes: 5}
	swin := SwinConfig{Image: graph.Both(32), Dim: 8, Depths: []int{2, 2, 1}, Heads: []int{2, 4, 4}, Window: graph.Both(4), Classes: 5, Patch: 2}
	vitOf := func(change func(*ViTConfig)) Network { c := vit; change(&c); return NewViT(c) }
	swinOf := func(change func(*SwinConfig)) Network { c := swin; change(&c); return NewSwin(c) }
	resNet := func(change func(*ResNetConfig)) Network {
		c := ResNetConfig{Blocks: [4]int{1, 2, 1, 1}, Width: 4, Classes: 5}
		change(&c)
		return NewResNet(c)
	}
	hf := func(c *ViTConfig) { c.Eps = 1e-12 }
	parts := []string{"query", "key", "value"}
	for name, c := range map[string]struct {
		official Network
		renaming renaming
		load     loads
	}{
		"hf vit":               {vitOf(hf), renaming{name: transformersViT("vit."), qkv: parts}, loadViT(ViTConfig{Heads: 4})},
		"hf vit no bias":       {unbiased(NewViT(ViTConfig{Image: graph.Both(32), Dim: 16, Depth: 2, Heads: 4, Eps: 1e-12})), renaming{name: transformersViT("vit."), qkv: parts}, loadViT(ViTConfig{Heads: 4})},
		"hf vit pretrain":      {vitOf(func(c *ViTConfig) { hf(c); c.Classes = -1 }), renaming{name: transformersViT("vit."), qkv: parts, add: []string{"vit.embeddings.mask_token", "decoder.0.weight", "decoder.0.bias"}}, loadViT(ViTConfig{Heads: 4})},
		"hf vit pooler":        {vitOf(func(c *ViTConfig) { hf(c); c.PreLogits, c.Classes = 16, -1 }), renaming{name: transformersViT(""), qkv: parts}, loadViT(ViTConfig{Heads: 4})},
		"hf vit + pooler":      {vitOf(func(c *ViTConfig) { hf(c); c.PreLogits, c.Classes = 16, -1 }), renaming{name: transformersViT("vit."), qkv: parts}, loadViT(ViTConfig{Heads: 4})},
		"hf vit head + pooler": {vitOf(hf), renaming{name: transformersViT("vit."), qkv: parts}.with("vit.pooler.dense"), loadViT(ViTConfig{Heads: 4})},
		"hf vit backbone":      {vitOf(func(c *ViTConfig) { hf(c); c.Classes = -1 }), renaming{name: transformersViT(""), qkv: parts}, loadViT(ViTConfig{Heads: 4})},
		"hf vit own eps":       {vitOf(func(c *ViTConfig) { c.Eps = 0.25 }), renaming{name: transformersViT("vit."), qkv: parts}, loadViT(ViTConfig{Heads: 4, Eps: 0.25})},
		"hf deit":              {vitOf(hf), renaming{name: transformersViT("deit."), qkv: parts}, loadViT(ViTConfig{Heads: 4})},
		"hf deit token":        {vitOf(func(c *ViTConfig) { hf(c); c.DistToken = true }), renaming{name: transformersViT("deit."), qkv: parts}, loadViT(ViTConfig{Heads: 4})},
		"hf deit teacher":      {vitOf(func(c *ViTConfig) { hf(c); c.DistToken, c.DistHead = true, true }), renaming{name: deitTeacher, qkv: parts}, loadViT(ViTConfig{Heads: 4})},
		"timm deit":            {vitOf(func(c *ViTConfig) { c.DistToken, c.DistHead = true, true }), renaming{name: strings.Clone}, loadViT(ViTConfig{Heads: 4})},
		"hf swin":              {swinOf(func(c *SwinConfig) {}), renaming{name: transformersSwin("swin."), qkv: parts}, loadSwin(SwinConfig{Image: graph.Both(32)})},
		"hf swin backbone":     {swinOf(func(c *SwinConfig) { c.Classes = -1 }), renaming{name: transformersSwin(""), qkv: parts, add: []string{"embeddings.mask_token"}}, loadSwin(SwinConfig{Image: graph.Both(32)})},
		"hf swin v2":           {swinOf(func(c *SwinConfig) { c.V2 = true }), renaming{name: transformersSwin("swinv2."), qkv: parts, drop: ".key.bias"}, loadSwin(SwinConfig{Image: graph.Both(32), Window: graph.Both(4)})},
		"hf swin v2 bare":      {swinOf(func(c *SwinConfig) { c.V2, c.Classes = true, -1 }), renaming{name: transformersSwin(""), qkv: parts, drop: ".key.bias"}, loadSwin(SwinConfig{Image: graph.Both(32), Window: graph.Both(4)})},
		"timm swin":            {swinOf(func(c *SwinConfig) {}), renaming{name: timmSwin, add: []string{"layers.0.blocks.1.attn_mask", "layers.0.blocks.0.attn.relative_position_index"}}, loadSwin(SwinConfig{Image: graph.Both(32)})},
		"timm swin v2":         {swinOf(func(c *SwinConfig) { c.V2 = true }), renaming{name: timmSwin}, loadSwin(SwinConfig{Image: graph.Both(32), Window: graph.Both(4)})},
		"hf resnet basic":      {resNet(func(c *ResNetConfig) {}), renaming{name: transformersResNet("resnet."), add: []string{"resnet.embedder.embedder.normalization.num_batches_tracked"}}, loadResNet},
		"hf resnet":            {resNet(func(c *ResNetConfig) { c.Bottleneck = true }), renaming{name: transformersResNet("resnet.")}, loadResNet},
		"hf resnet bare":       {resNet(func(c *ResNetConfig) { c.Bottleneck, c.Classes = true, -1 }), renaming{name: transformersResNet("")}, loadResNet},
		"hf resnet strides": {resNet(func(c *ResNetConfig) { c.Bottleneck, c.EarlyStride, c.HalveFirst = true, true, true }), renaming{name: transformersResNet("resnet.")},
			func(src weights.Source) (Network, error) {
				return LoadResNet(src, ResNetConfig{EarlyStride: true, HalveFirst: true})
			}},
		"resnet backbone": {resNet(func(c *ResNetConfig) { c.Classes = -1 }), renaming{name: strings.Clone}, loadResNet},
	} {
		official := declared(c.official)
		src := c.renaming.of(official)
		loaded, err := c.load(src)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		x := picture(1, 32, 32)
		got, want := evaluate(t, loaded, x)["out"], evaluate(t, c.official, x)["out"]
		if d, err := tensor.Diff(got, want); err != nil || d.Max != 0 {
			t.Errorf("%s: %v, %v", name, d, err)
		}
	}
}

// unbiased removes the biases of queries, keys and values.
func unbiased(m *ViT) *ViT {
	for _, b := range m.Blocks {
		b.Attn.QKV.NoBias()
	}
	return m
}
