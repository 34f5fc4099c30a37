package zoo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
)

// tune sets what the transformers library's config.json says of a network and what its
// weights do not tell. What is different in the formulas is an error.
func (b beside) tune(network models.Network) error {
	c := b.transformers
	if c.values == nil {
		return nil
	}
	switch n := network.(type) {
	case *models.ViT:
		c.kind("vit", "deit")
		c.only("hidden_act", "gelu")
		c.heads("num_attention_heads", 12, n.ClassToken.Shape[2], func(heads int) {
			for _, block := range n.Blocks {
				block.Attn.Heads = heads
			}
		})
		n.SetEps(c.eps(1e-12))
	case *models.MAE:
		c.kind("vit_mae", "vit")
		c.only("hidden_act", "gelu")
		c.heads("num_attention_heads", 12, n.ClassToken.Shape[2], func(heads int) {
			for _, block := range n.Blocks {
				block.Attn.Heads = heads
			}
		})
		if n.DecoderEmbed != nil {
			c.heads("decoder_num_attention_heads", 16, n.DecoderEmbed.Weight.Shape[0], func(heads int) {
				for _, block := range n.DecoderBlocks {
					block.Attn.Heads = heads
				}
			})
		}
		n.SetEps(c.eps(1e-12))
	case *models.Swin:
		c.tuneSwin(n)
	case *models.ResNet:
		c.kind("resnet")
		c.only("hidden_act", "relu")
		n.Strides(c.flag("downsample_in_bottleneck"), c.flag("downsample_in_first_stage"))
	default:
		c.kind()
	}
	return c.err()
}

// kind checks the kind of model.
func (c config) kind(want ...string) {
	if kind := c.text("model_type"); kind != "" && !slices.Contains(want, kind) {
		if len(want) == 0 {
			want = []string{"another config: these weights are of no model of the library"}
		}
		c.wrong("model_type", strings.Join(want, " or "))
	}
}

// heads passes a number of heads to set. It must divide width.
func (c config) heads(key string, usual, width int, set func(int)) {
	heads := c.integer(key, usual, 1, 1<<16)
	switch {
	case width%heads == 0:
		set(heads)
	case c.has(key):
		c.wrong(key, fmt.Sprintf("a divisor of %d channels", width))
	}
}

func (c config) eps(usual float64) float64 { return c.number("layer_norm_eps", usual, 0, 1) }

// tuneSwin is tune for a Swin, whose windows must be those of the config.
func (c config) tuneSwin(n *models.Swin) {
	c.kind("swin", "swinv2")
	c.only("hidden_act", "gelu")
	n.SetEps(c.eps(1e-5))
	trained := c.integers("pretrained_window_sizes", 0, 1<<16)
	window := c.integer("window_size", 7, 1, 1<<16)
	if side := n.Image[0] / n.Patch; side > 0 {
		window = min(window, side)
	}
	for i, stage := range n.Layers {
		for _, block := range stage.Blocks {
			if have := block.Attn.Op.Window; i == 0 && have != graph.Both(window) {
				c.wrong("window_size", fmt.Sprintf("%d as in the model", have[0]))
			}
			if i < len(trained) && trained[i] > 0 {
				block.Attn.Pretrained = graph.Both(trained[i])
			}
		}
	}
}

// vit returns what the configs tell of a vision transformer and what its weights do not.
func (b beside) vit() models.ViTConfig {
	c := models.ViTConfig{}
	if b.transformers.values != nil {
		c.Heads, c.Image = b.transformers.integer("num_attention_heads", 12, 1, 1<<16), b.transformers.side("image_size")
	}
	if b.timm != nil {
		c.Heads, c.Image = b.timm.args.integer("num_heads", 0, 1, 1<<16), b.timm.args.side("img_size")
	}
	return c
}

// mae is vit for a masked autoencoder.
func (b beside) mae() models.MAEConfig {
	c := models.MAEConfig{Encoder: b.vit(), NormPix: true}
	if b.transformers.values != nil {
		c.DecoderHeads = b.transformers.integer("decoder_num_attention_heads", 16, 1, 1<<16)
	}
	if b.timm != nil {
		c.DecoderHeads = b.timm.args.integer("decoder_num_heads", 0, 1, 1<<16)
	}
	return c
}

// swin is vit for a Swin.
func (b beside) swin() models.SwinConfig {
	c := models.SwinConfig{}
	if t := b.transformers; t.values != nil {
		c.Image, c.Window = t.side("image_size"), graph.Both(t.integer("window_size", 7, 1, 1<<16))
	}
	if b.timm != nil {
		if named, err := models.SwinVariant(timmSwin(b.timm.architecture)); err == nil {
			c.Image, c.Window, c.Pretrained = named.Image, named.Window, named.Pretrained
		}
		if size := b.timm.args.side("img_size"); size != (graph.Pair{}) {
			c.Image = size
		}
		if window := b.timm.args.side("window_size"); window != (graph.Pair{}) {
			c.Window = window
		}
	}
	return c
}

// timmSwin returns Microsoft's name for a Swin of timm, whose V2 models lack the patch.
func timmSwin(architecture string) string {
	if rest, ok := strings.CutPrefix(architecture, "swinv2_"); ok && !strings.Contains(rest, "patch") {
		size, window, _ := strings.Cut(rest, "_")
		return "swinv2_" + size + "_patch4_" + window
	}
	return architecture
}

// side returns a height and a width: one number for both, or two.
func (c config) side(key string) graph.Pair {
	switch all := c.integers(key, 1, maxSide); len(all) {
	case 1:
		return graph.Both(all[0])
	case 2:
		return graph.Pair{all[0], all[1]}
	}
	return graph.Pair{}
}
