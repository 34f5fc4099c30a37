package models

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/graph"
)

// CLIPVariant returns the configuration of a model with a name from open_clip, such
// as "ViT-H-14" or "ViT-B-32-quickgelu". Without the ending "-quickgelu" the
// activation is GELU. OpenAI's own names with a slash, such as "ViT-B/32", mean
// QuickGELU. A name that both use for different activations, such as "RN50", is an
// error.
func CLIPVariant(name string) (CLIPConfig, error) {
	if c, err := CLIPNamed(name); err == nil && strings.Contains(name, "/") {
		c.Act = graph.QuickGELU
		return c, nil
	}
	plain, quick := strings.CutSuffix(name, "-quickgelu")
	c, ok := clipVariants[plain]
	_, both := clipConfigs[name]
	switch {
	case !ok:
		return c, fmt.Errorf("models: no CLIP %q; there are %s, and each with -quickgelu",
			name, strings.Join(slices.Sorted(maps.Keys(clipVariants)), ", "))
	case both:
		return c, fmt.Errorf("models: %s has QuickGELU at OpenAI and GELU in open_clip: write %s-quickgelu, or say the activation", name, name)
	}
	c.Context, c.Vocabulary, c.Act = 77, 49408, graph.GELU
	if quick {
		c.Act = graph.QuickGELU
	}
	return c, nil
}

// CLIPVariants lists the names from open_clip that CLIPVariant knows, without RN50 and
// such.
func CLIPVariants() []string {
	var all []string
	for name := range clipVariants {
		if _, both := clipConfigs[name]; !both {
			all = append(all, name)
		}
		all = append(all, name+"-quickgelu")
	}
	slices.Sort(all)
	return all
}

// clipVariants has the models of open_clip with its own towers (src/open_clip/model_configs,
// MIT). A name with "-quickgelu" differs only in the activation.
var clipVariants = map[string]CLIPConfig{
	"RN101":             {Embedding: 512, Size: 224, Width: 64, Blocks: [4]int{3, 4, 23, 3}, TextWidth: 512, TextHeads: 8, TextLayers: 12},
	"RN50":              {Embedding: 1024, Size: 224, Width: 64, Blocks: [4]int{3, 4, 6, 3}, TextWidth: 512, TextHeads: 8, TextLayers: 12},
	"RN50x16":           {Embedding: 768, Size: 384, Width: 96, Blocks: [4]int{6, 8, 18, 8}, TextWidth: 768, TextHeads: 12, TextLayers: 12},
	"RN50x4":            {Embedding: 640, Size: 288, Width: 80, Blocks: [4]int{4, 6, 10, 6}, TextWidth: 640, TextHeads: 10, TextLayers: 12},
	"RN50x64":           {Embedding: 1024, Size: 448, Width: 128, Blocks: [4]int{3, 15, 36, 10}, TextWidth: 1024, TextHeads: 16, TextLayers: 12},
	"ViT-B-16-plus-240": {Embedding: 640, Size: 240, Width: 896, Heads: 14, Patch: 16, Layers: 12, TextWidth: 640, TextHeads: 10, TextLayers: 12},
	"ViT-B-16-plus":     {Embedding: 640, Size: 224, Width: 896, Heads: 14, Patch: 16, Layers: 12, TextWidth: 640, TextHeads: 10, TextLayers: 12},
	"ViT-B-16":          {Embedding: 512, Size: 224, Width: 768, Heads: 12, Patch: 16, Layers: 12, TextWidth: 512, TextHeads: 8, TextLayers: 12},
	"ViT-B-32-256":      {Embedding: 512, Size: 256, Width: 768, Heads: 12, Patch: 32, Layers: 12, TextWidth: 512, TextHeads: 8, TextLayers: 12},
	"ViT-B-32-plus-256": {Embedding: 640, Size: 256, Width: 896, Heads: 14, Patch: 32, Layers: 12, TextWidth: 640, TextHeads: 10, TextLayers: 12},
	"ViT-B-32":          {Embedding: 512, Size: 224, Width: 768, Heads: 12, Patch: 32, Layers: 12, TextWidth: 512, TextHeads: 8, TextLayers: 12},
	"ViT-H-14-378":      {Embedding: 1024, Size: 378, Width: 1280, Heads: 16, Patch: 14, Layers: 32, TextWidth: 1024, TextHeads: 16, TextLayers: 24},
	"ViT-H-14":          {Embedding: 1024, Size: 224, Width: 1280, Heads: 16, Patch: 14, Layers: 32, TextWidth: 1024, TextHeads: 16, TextLayers: 24},
	"ViT-H-16":          {Embedding: 1024, Size: 224, Width: 1280, Heads: 16, Patch: 16, Layers: 32, TextWidth: 1024, TextHeads: 16, TextLayers: 24},
	"ViT-L-14-280":      {Embedding: 768, Size: 280, Width: 1024, Heads: 16, Patch: 14, Layers: 24, TextWidth: 768, TextHeads: 12, TextLayers: 12},
	"ViT-L-14-336":      {Embedding: 768, Size: 336, Width: 1024, Heads: 16, Patch: 14, Layers: 24, TextWidth: 768, TextHeads: 12, TextLayers: 12},
	"ViT-L-14":          {Embedding: 768, Size: 224, Width: 1024, Heads: 16, Patch: 14, Layers: 24, TextWidth: 768, TextHeads: 12, TextLayers: 12},
	"ViT-L-16-320":      {Embedding: 768, Size: 320, Width: 1024, Heads: 16, Patch: 16, Layers: 24, TextWidth: 768, TextHeads: 12, TextLayers: 12},
	"ViT-L-16":          {Embedding: 768, Size: 224, Width: 1024, Heads: 16, Patch: 16, Layers: 24, TextWidth: 768, TextHeads: 12, TextLayers: 12},
	"ViT-M-16":          {Embedding: 512, Size: 224, Width: 512, Heads: 8, Patch: 16, Layers: 12, TextWidth: 512, TextHeads: 8, TextLayers: 12},
	"ViT-M-32-alt":      {Embedding: 384, Size: 224, Width: 512, Heads: 8, Patch: 32, Layers: 12, TextWidth: 384, TextHeads: 6, TextLayers: 12},
	"ViT-M-32":          {Embedding: 512, Size: 224, Width: 512, Heads: 8, Patch: 32, Layers: 12, TextWidth: 512, TextHeads: 8, TextLayers: 12},
	"ViT-S-16-alt":      {Embedding: 256, Size: 224, Width: 384, Heads: 6, Patch: 16, Layers: 12, TextWidth: 256, TextHeads: 4, TextLayers: 10},
	"ViT-S-16":          {Embedding: 384, Size: 224, Width: 384, Heads: 6, Patch: 16, Layers: 12, TextWidth: 384, TextHeads: 6, TextLayers: 12},
	"ViT-S-32-alt":      {Embedding: 256, Size: 224, Width: 384, Heads: 6, Patch: 32, Layers: 12, TextWidth: 256, TextHeads: 4, TextLayers: 10},
	"ViT-S-32":          {Embedding: 384, Size: 224, Width: 384, Heads: 6, Patch: 32, Layers: 12, TextWidth: 384, TextHeads: 6, TextLayers: 12},
	"ViT-bigG-14":       {Embedding: 1280, Size: 224, Width: 1664, Heads: 16, Patch: 14, Layers: 48, Hidden: 8192, TextWidth: 1280, TextHeads: 20, TextLayers: 32},
	"ViT-e-14":          {Embedding: 1280, Size: 224, Width: 1792, Heads: 16, Patch: 14, Layers: 56, Hidden: 15360, TextWidth: 1280, TextHeads: 20, TextLayers: 36},
	"ViT-g-14":          {Embedding: 1024, Size: 224, Width: 1408, Heads: 16, Patch: 14, Layers: 40, Hidden: 6144, TextWidth: 1024, TextHeads: 16, TextLayers: 24},
}
