package models

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vertebra/vertebra/weights"
)

// LoadSAM makes the network whose weights src has, in the official or in Hugging
// Face's layout, and binds it. Its sizes are those of the weights; the heads of
// the decoder, which they do not tell, are 8 if decoderHeads is 0.
func LoadSAM(src weights.Source, decoderHeads int) (*SAM, error) {
	c, err := SAMConfigOf(src)
	if err != nil {
		return nil, err
	}
	c.DecoderHeads = decoderHeads
	if inner := c.Channels / c.Downsample; decoderHeads < 0 || inner%or(decoderHeads, 8) != 0 {
		return nil, fmt.Errorf("models: %d heads of a decoder whose attention has %d channels", or(decoderHeads, 8), inner)
	}
	m := NewSAM(c)
	if err := weights.Bind(m, samCanonical(src)); err != nil {
		return nil, err
	}
	return m, nil
}

// SAMConfigOf reads the sizes off the shapes of the weights, in either layout. A
// block's table of relative positions tells its window. They do not tell the
// heads of the decoder.
func SAMConfigOf(src weights.Source) (SAMConfig, error) {
	s := shapesOf(samCanonical(src))
	var c SAMConfig
	err := s.require("SAM", map[string]int{
		"image_encoder.pos_embed": 4, "image_encoder.patch_embed.proj.weight": 4, "image_encoder.neck.0.weight": 4,
		"image_encoder.blocks.0.attn.rel_pos_h":                                     2,
		"prompt_encoder.mask_downscaling.3.weight":                                  4,
		"mask_decoder.transformer.layers.0.mlp.lin1.weight":                         2,
		"mask_decoder.transformer.layers.0.cross_attn_token_to_image.q_proj.weight": 2,
		"mask_decoder.iou_prediction_head.layers.0.weight":                          2,
	})
	if err != nil {
		return c, err
	}
	position := s["image_encoder.pos_embed"]
	c.Patch, c.Width = s["image_encoder.patch_embed.proj.weight"][3], position[3]
	c.Size = c.Patch * position[1]
	c.Depth = s.count("image_encoder.blocks.")
	for i := range c.Depth {
		table := s[fmt.Sprintf("image_encoder.blocks.%d.attn.rel_pos_h", i)]
		if len(table) != 2 || table[1] < 1 || table[1] > c.Width {
			return c, fmt.Errorf("models: no weights of SAM: relative positions of block %d are %v", i, table)
		}
		c.Heads = c.Width / table[1]
		if window := (table[0] + 1) / 2; window == position[1] {
			c.Global = append(c.Global, i)
		} else {
			c.Window = window
		}
	}
	c.Channels = s["image_encoder.neck.0.weight"][0]
	c.MaskChannels = s["prompt_encoder.mask_downscaling.3.weight"][0]
	c.DecoderDepth = s.count("mask_decoder.transformer.layers.")
	c.DecoderMLP = s["mask_decoder.transformer.layers.0.mlp.lin1.weight"][0]
	c.Downsample = max(1, c.Channels/s["mask_decoder.transformer.layers.0.cross_attn_token_to_image.q_proj.weight"][0])
	c.IoUHidden = s["mask_decoder.iou_prediction_head.layers.0.weight"][0]
	c.IoULayers = s.count("mask_decoder.iou_prediction_head.layers.")
	return c, nil
}

// Canonical is src under the official names, also if it has Hugging Face's.
func (m *SAM) Canonical(src weights.Source) weights.Source { return samCanonical(src) }

func samCanonical(src weights.Source) weights.Source {
	if !slices.Contains(src.Names(), "vision_encoder.pos_embed") {
		return src
	}
	return weights.Rename(src, SAMNames(src.Names()))
}

// SAMNames turns the names of a file in Hugging Face's layout, which has all of
// them, into the official ones.
func SAMNames(all []string) func(string) string {
	inner := map[string]int{} // the layers of an MLP between the first and the last
	for _, n := range all {
		if mlp, rest, ok := cutMLP(n); ok && strings.HasPrefix(rest, "layers.") && strings.HasSuffix(rest, ".weight") {
			inner[mlp]++
		}
	}
	return func(name string) string {
		name = hfSAMNames.Replace(name)
		mlp, rest, ok := cutMLP(name)
		if !ok {
			return name
		}
		layer, tensor, _ := strings.Cut(strings.TrimPrefix(rest, "layers."), ".")
		switch i, err := strconv.Atoi(layer); {
		case layer == "proj_in":
			layer = "0"
		case layer == "proj_out":
			layer = strconv.Itoa(inner[mlp] + 1)
		case err == nil:
			layer = strconv.Itoa(i + 1)
		}
		return mlp + "layers." + layer + "." + tensor
	}
}

// cutMLP cuts the name of a weight of one of the decoder's MLPs after its
// own.
func cutMLP(name string) (mlp, rest string, ok bool) {
	const iou, hyper = "mask_decoder.iou_prediction_head.", "mask_decoder.output_hypernetworks_mlps."
	if rest, ok = strings.CutPrefix(name, iou); ok {
		return iou, rest, true
	}
	if rest, ok = strings.CutPrefix(name, hyper); ok {
		i, rest, ok := strings.Cut(rest, ".")
		return hyper + i + ".", rest, ok
	}
	return "", "", false
}

var hfSAMNames = strings.NewReplacer(
	"shared_image_embedding.positional_embedding", "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
	"shared_embedding.positional_embedding", "pe_layer.positional_encoding_gaussian_matrix",
	"vision_encoder.layers.", "image_encoder.blocks.",
	"vision_encoder.patch_embed.projection.", "image_encoder.patch_embed.proj.",
	"vision_encoder.neck.conv1.", "image_encoder.neck.0.",
	"vision_encoder.neck.layer_norm1.", "image_encoder.neck.1.",
	"vision_encoder.neck.conv2.", "image_encoder.neck.2.",
	"vision_encoder.neck.layer_norm2.", "image_encoder.neck.3.",
	"vision_encoder.", "image_encoder.",
	".mask_embed.conv1.", ".mask_downscaling.0.",
	".mask_embed.layer_norm1.", ".mask_downscaling.1.",
	".mask_embed.conv2.", ".mask_downscaling.3.",
	".mask_embed.layer_norm2.", ".mask_downscaling.4.",
	".mask_embed.conv3.", ".mask_downscaling.6.",
	".point_embed.", ".point_embeddings.",
	".upscale_conv1.", ".output_upscaling.0.",
	".upscale_layer_norm.", ".output_upscaling.1.",
	".upscale_conv2.", ".output_upscaling.3.",
	".layer_norm_final_attn.", ".norm_final_attn.",
	".layer_norm1.", ".norm1.",
	".layer_norm2.", ".norm2.",
	".layer_norm3.", ".norm3.",
	".layer_norm4.", ".norm4.",
)
