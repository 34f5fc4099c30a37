package models

import (
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// declared returns the weights of a model, filled with seeded numbers.
func declared(m any) weights.Map {
	weights.Random(m, 1)
	all := weights.Map{}
	weights.Walk(m, func(name string, w *tensor.Tensor) { all[name] = w })
	return all
}

// loads makes a network from weights, without being told the sizes.
type loads func(src weights.Source) (Network, error)

func loadViT(more ViTConfig) loads {
	return func(src weights.Source) (Network, error) { return LoadViT(src, more) }
}

func loadSwin(more SwinConfig) loads {
	return func(src weights.Source) (Network, error) { return LoadSwin(src, more) }
}

func loadESPCN(src weights.Source) (Network, error) { return LoadESPCN(src, 0) }

func loadResNet(src weights.Source) (Network, error) { return LoadResNet(src, ResNetConfig{}) }

// TestLoad reads the sizes of networks from their weights.
func TestLoad(t *testing.T) {
	vit := ViTConfig{Image: graph.Both(32), Patch: 8, Dim: 16, Depth: 2, Heads: 4, Hidden: 24, Classes: 5}
	more, tall := ViTConfig{Heads: 4}, ViTConfig{Heads: 4, Image: graph.Pair{40, 32}}
	swin := SwinConfig{Dim: 8, Depths: []int{2, 1}, Heads: []int{2, 4}, Window: graph.Both(4), Ratio: 3, Classes: 5, Patch: 2}
	of := func(c ViTConfig, change func(*ViTConfig)) Network { change(&c); return NewViT(c) }
	swinOf := func(change func(*SwinConfig)) Network { c := swin; change(&c); return NewSwin(c) }
	noBias := NewViT(vit)
	for _, b := range noBias.Blocks {
		b.Attn.QKV.NoBias()
	}
	for name, c := range map[string]struct {
		network Network
		load    loads
	}{
		"resnet":            {NewResNet(ResNetConfig{Blocks: [4]int{1, 2, 1, 3}, Width: 4, Classes: 5}), loadResNet},
		"resnet bottleneck": {NewResNet(ResNetConfig{Blocks: [4]int{2, 1, 1, 1}, Width: 4, Classes: 5, Bottleneck: true}), loadResNet},
		"resnext": {NewResNet(ResNetConfig{Blocks: [4]int{1, 1, 2, 1}, Width: 8, Classes: 5, Bottleneck: true,
			Groups: 4, GroupWidth: 16}), loadResNet},
		"resnet depthwise": {NewResNet(ResNetConfig{Blocks: [4]int{1, 1, 1, 1}, Width: 8, Classes: 5, Bottleneck: true,
			Groups: 8, GroupWidth: 8}), loadResNet},
		"resnet wide": {NewResNet(ResNetConfig{Blocks: [4]int{1, 1, 1, 1}, Width: 4, Classes: 5, Bottleneck: true,
			GroupWidth: 192}), loadResNet},
		"espcn":           {NewESPCN(ESPCNConfig{Scale: 2}), loadESPCN},
		"espcn rgb":       {NewESPCN(ESPCNConfig{Scale: 3, Channels: 3, Widths: [2]int{7, 6}}), loadESPCN},
		"vit":             {NewViT(vit), loadViT(more)},
		"vit tall":        {of(vit, func(c *ViTConfig) { c.Image = tall.Image }), loadViT(tall)},
		"vit pre-logits":  {of(vit, func(c *ViTConfig) { c.PreLogits = 12 }), loadViT(more)},
		"vit global pool": {of(vit, func(c *ViTConfig) { c.GlobalPool, c.PreLogits = true, 9 }), loadViT(more)},
		"vit no head":     {of(vit, func(c *ViTConfig) { c.Classes = -1 }), loadViT(more)},
		"vit no bias":     {noBias, loadViT(more)},
		"vit detector": {NewViTDetector(vit), func(src weights.Source) (Network, error) {
			return LoadViTDetector(src, more)
		}},
		"mae": {NewMAE(MAEConfig{Encoder: vit, DecoderDim: 12, DecoderDepth: 1, DecoderHeads: 3}), func(src weights.Source) (Network, error) {
			return LoadMAE(src, MAEConfig{Encoder: more, DecoderHeads: 3})
		}},
		"mae encoder": {NewMAE(MAEConfig{Encoder: vit, EncoderOnly: true}), func(src weights.Source) (Network, error) {
			return LoadMAE(src, MAEConfig{Encoder: more})
		}},
		"swin":               {NewSwin(swin), loadSwin(SwinConfig{})},
		"swin bare":          {swinOf(func(c *SwinConfig) { c.NoPatchNorm, c.NoQKVBias = true, true }), loadSwin(SwinConfig{})},
		"swin no head":       {swinOf(func(c *SwinConfig) { c.Classes = -1 }), loadSwin(SwinConfig{})},
		"swin wide windows":  {swinOf(func(c *SwinConfig) { c.Window = graph.Pair{2, 4} }), loadSwin(SwinConfig{Window: graph.Pair{2, 4}})},
		"swin microsoft":     {swinOf(func(c *SwinConfig) { c.Image = graph.Both(12) }), loadSwin(SwinConfig{Image: graph.Both(12)})},
		"swin positions":     {swinOf(func(c *SwinConfig) { c.Image, c.AbsolutePositions = graph.Both(32), true }), loadSwin(SwinConfig{})},
		"swin v2":            {swinOf(func(c *SwinConfig) { c.V2 = true }), loadSwin(SwinConfig{Window: graph.Both(4)})},
		"swin v2 without":    {swinOf(func(c *SwinConfig) { c.V2, c.NoQKVBias = true, true }), loadSwin(SwinConfig{Window: graph.Both(4)})},
		"sam image encoder":  {NewSAMEncoder(smallSAM), func(src weights.Source) (Network, error) { return LoadSAMEncoder(src) }},
		"sam":                {NewSAM(smallSAM), func(src weights.Source) (Network, error) { return LoadSAM(src, 2) }},
		"clip odd resnet":    {clipOf(5), loadCLIP},
		"clip narrow resnet": {clipOf(6), loadCLIP},
	} {
		loaded, err := c.load(declared(c.network))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		x := picture(1, 32, 32)
		switch n := c.network.(type) {
		case *ESPCN:
			x = tensor.Of(x.Data[:3*4*5*n.Conv1.Weight.Shape[1]], 3, 4, 5, n.Conv1.Weight.Shape[1])
		case *ViT:
			x = picture(1, 8*n.Grid[0], 8*n.Grid[1])
		}
		got, want := evaluate(t, loaded, x), evaluate(t, c.network, x)
		for out, w := range want {
			if d, err := tensor.Diff(got[out], w); err != nil || d.Max != 0 {
				t.Errorf("%s: %s: %v, %v", name, out, d, err)
			}
		}
	}
}

var smallSAM = SAMConfig{
	Size: 32, Patch: 8, Width: 8, Depth: 2, Heads: 2, Window: 3, Global: []int{1}, Channels: 16,
	DecoderHeads: 2, DecoderMLP: 8, IoUHidden: 8, MaskChannels: 4,
}

// clipOf returns a CLIP with a residual network of the given width.
func clipOf(width int) *CLIP {
	return NewCLIP(CLIPConfig{
		Embedding: 7, Size: 32, Width: width, Blocks: [4]int{1, 1, 2, 1},
		Context: 5, Vocabulary: 9, TextWidth: 64, TextLayers: 1,
	})
}

func loadCLIP(src weights.Source) (Network, error) { return LoadCLIP(src, CLIPConfig{}) }

// TestLoadErrors checks that errors name the wrong tensor or number.
func TestLoadErrors(t *testing.T) {
	resNet := func() Network {
		return NewResNet(ResNetConfig{Blocks: [4]int{1, 1, 1, 1}, Width: 4, Classes: 5, Bottleneck: true})
	}
	espcn := func() Network { return NewESPCN(ESPCNConfig{Scale: 2}) }
	vit := func() Network {
		return NewViT(ViTConfig{Image: graph.Both(32), Dim: 16, Depth: 1, Heads: 4, Classes: 5})
	}
	swin := func() Network {
		return NewSwin(SwinConfig{Dim: 8, Depths: []int{1}, Heads: []int{2}, Window: graph.Both(4), V2: true, Classes: 5})
	}
	drop := func(name string) func(weights.Map) { return func(m weights.Map) { delete(m, name) } }
	set := func(name string, shape ...int) func(weights.Map) {
		return func(m weights.Map) { m[name] = tensor.New(shape...) }
	}
	for _, c := range []struct {
		want    string
		network func() Network
		load    loads
		change  func(weights.Map)
	}{
		{"conv1.weight is missing", resNet, loadResNet, drop("conv1.weight")},
		{"missing layer1.0.bn3.bias", resNet, loadResNet, drop("layer1.0.bn3.bias")},
		{"unused layer2.0.se.weight", resNet, loadResNet, set("layer2.0.se.weight", 1)},
		{"32 channels do not divide into groups of 3", resNet, loadResNet, set("layer4.0.conv2.weight", 32, 3, 3, 3)},
		{"fc.weight is [0, 128]", resNet, loadResNet, set("fc.weight", 0, 128)},
		{"layer3.0.conv1.weight is missing", resNet, loadResNet, func(m weights.Map) {
			for n := range m {
				if strings.HasPrefix(n, "layer3.") {
					delete(m, n)
				}
			}
		}},
		{"gives 5 channels, which is not 1 times the square of a scale", espcn, loadESPCN, set("conv3.weight", 5, 32, 3, 3)},
		{"conv2.weight is missing", espcn, loadESPCN, drop("conv2.weight")},
		{"cannot have 0 heads", vit, loadViT(ViTConfig{}), drop("")},
		{"cannot have 3 heads", vit, loadViT(ViTConfig{Heads: 3}), drop("")},
		{"3 patches do not make a square image", vit, loadViT(ViTConfig{Heads: 4}), set("pos_embed", 1, 4, 16)},
		{"positions for 4 patches, which an image of 64×32 pixels does not have", vit, loadViT(ViTConfig{Heads: 4, Image: graph.Pair{64, 32}}), drop("")},
		{"pos_embed is missing", vit, loadViT(ViTConfig{Heads: 4}), drop("pos_embed")},
		{"3 patches do not make a square image", vit, loadViT(ViTConfig{Heads: 4}), set("dist_token", 1, 1, 16)},
		{"do not tell the window of a Swin", swin, loadSwin(SwinConfig{}), drop("")},
		{"32 channels of the text tower are too few for heads of 64", func() Network {
			return NewCLIP(CLIPConfig{Size: 32, Width: 2, Blocks: [4]int{1, 1, 1, 1}, Heads: 1, Embedding: 3, Context: 3, Vocabulary: 4, TextWidth: 32, TextHeads: 1})
		}, loadCLIP, drop("")},
	} {
		all := declared(c.network())
		c.change(all)
		if _, err := c.load(all); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// TestMatchParts gives networks of a usual form the parts of a checkpoint.
func TestMatchParts(t *testing.T) {
	vit := ViTConfig{Image: graph.Both(32), Patch: 8, Dim: 16, Depth: 1, Heads: 4, Classes: 5}
	swin := SwinConfig{Dim: 8, Depths: []int{1, 1}, Heads: []int{2, 4}, Window: graph.Both(4), Classes: 5}
	old, bare := vit, swin
	old.PreLogits, bare.NoPatchNorm, bare.NoQKVBias = 12, true, true
	for name, c := range map[string]struct{ usual, theirs Network }{
		"vit":           {NewViT(vit), NewViT(old)},
		"vit as usual":  {NewViT(vit), NewViT(vit)},
		"swin":          {NewSwin(swin), NewSwin(bare)},
		"swin as usual": {NewSwin(swin), NewSwin(swin)},
	} {
		src := declared(c.theirs)
		MatchParts(c.usual, src)
		if err := weights.Bind(c.usual, src); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		x := picture(1, 32, 32)
		if d, err := tensor.Diff(evaluate(t, c.usual, x)["out"], evaluate(t, c.theirs, x)["out"]); err != nil || d.Max != 0 {
			t.Errorf("%s: %v, %v", name, d, err)
		}
	}
	m := NewSwin(swin)
	MatchParts(m, weights.Map{"other": tensor.New(1)})
	if m.PatchEmbed.Norm == nil || m.Layers[0].Blocks[0].Attn.QKV.Bias == nil {
		t.Error("weights of another network take parts away")
	}
}
