package models

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vertebra/vertebra/weights"
)

// LoadSAM makes the network for the weights in src and binds them. It knows the
// official and Hugging Face's layouts, and reads the sizes from the weights. They
// do not tell decoderHeads, where 0 means 8.
func LoadSAM(src weights.Source, decoderHeads int) (*SAM, error) {
	c, err := SAMConfigOf(src)
	if err != nil {
		return nil, err
	}
	if err := samHeads(c, decoderHeads); err != nil {
		return nil, err
	}
	c.DecoderHeads = decoderHeads
	m := NewSAM(c)
	weights.Adopt(m, src)
	return m, weights.Bind(m, src)
}

// SAMConfigOf reads the sizes from the shapes of the weights, in either layout. It
// leaves DecoderHeads at zero, which shapes do not tell.
func SAMConfigOf(src weights.Source) (SAMConfig, error) {
	s := shapesOf(samCanonical(src))
	c, err := s.samEncoder("image_encoder.")
	if err != nil {
		return c, err
	}
	d, err := s.samDecoder("mask_decoder.")
	if err != nil {
		return c, err
	}
	const mask = "prompt_encoder.mask_downscaling.3.weight"
	if err := s.require("SAM", map[string]int{mask: 4}); err != nil {
		return c, err
	}
	c.MaskChannels = s[mask][0]
	c.DecoderDepth, c.DecoderMLP, c.Downsample = d.DecoderDepth, d.DecoderMLP, d.Downsample
	c.IoUHidden, c.IoULayers = d.IoUHidden, d.IoULayers
	return c, nil
}

// samEncoder reads the image encoder's part of the config. Names begin with
// prefix. A block's table of relative positions tells its window.
func (s shapes) samEncoder(prefix string) (SAMConfig, error) {
	var c SAMConfig
	err := s.require("SAM", map[string]int{
		prefix + "pos_embed": 4, prefix + "patch_embed.proj.weight": 4, prefix + "neck.0.weight": 4,
		prefix + "blocks.0.attn.rel_pos_h": 2,
	})
	if err != nil {
		return c, err
	}
	position := s[prefix+"pos_embed"]
	c.Patch, c.Width = s[prefix+"patch_embed.proj.weight"][3], position[3]
	c.Size = c.Patch * position[1]
	c.Depth = s.count(prefix + "blocks.")
	for i := range c.Depth {
		table := s[fmt.Sprintf("%sblocks.%d.attn.rel_pos_h", prefix, i)]
		if len(table) != 2 || table[1] < 1 || table[1] > c.Width {
			return c, fmt.Errorf("models: not a checkpoint of SAM: relative positions of block %d are %v", i, table)
		}
		c.Heads = c.Width / table[1]
		if window := (table[0] + 1) / 2; window == position[1] {
			c.Global = append(c.Global, i)
		} else {
			c.Window = window
		}
	}
	c.Channels = s[prefix+"neck.0.weight"][0]
	return c, nil
}

// samDecoder reads the mask decoder's part of the config. Names begin with prefix.
func (s shapes) samDecoder(prefix string) (SAMConfig, error) {
	const first = "transformer.layers.0."
	var c SAMConfig
	err := s.require("SAM", map[string]int{
		prefix + "iou_token.weight":                                2,
		prefix + first + "mlp.lin1.weight":                         2,
		prefix + first + "cross_attn_token_to_image.q_proj.weight": 2,
		prefix + "iou_prediction_head.layers.0.weight":             2,
	})
	if err != nil {
		return c, err
	}
	c.Channels = s[prefix+"iou_token.weight"][1]
	c.DecoderDepth = s.count(prefix + "transformer.layers.")
	c.DecoderMLP = s[prefix+first+"mlp.lin1.weight"][0]
	c.Downsample = max(1, c.Channels/s[prefix+first+"cross_attn_token_to_image.q_proj.weight"][0])
	c.IoUHidden = s[prefix+"iou_prediction_head.layers.0.weight"][0]
	c.IoULayers = s.count(prefix + "iou_prediction_head.layers.")
	return c, nil
}

// samHeads checks the number of heads for the decoder of c; 0 means 8.
func samHeads(c SAMConfig, heads int) error {
	if inner := c.Channels / c.Downsample; heads < 0 || inner%or(heads, 8) != 0 {
		return fmt.Errorf("models: a decoder whose attention has %d channels cannot have %d heads", inner, or(heads, 8))
	}
	return nil
}

// LoadSAMEncoder is LoadSAM for only an image encoder, whose names have no prefix.
func LoadSAMEncoder(src weights.Source) (*SAMEncoder, error) {
	c, err := shapesOf(src).samEncoder("")
	if err != nil {
		return nil, err
	}
	m := NewSAMEncoder(c)
	weights.Adopt(m, src)
	return m, weights.Bind(m, src)
}

// LoadSAMDecoder is LoadSAM for only a mask decoder, whose names have no prefix.
func LoadSAMDecoder(src weights.Source, heads int) (*SAMDecoder, error) {
	c, err := shapesOf(src).samDecoder("")
	if err == nil {
		err = samHeads(c, heads)
	}
	if err != nil {
		return nil, err
	}
	c.DecoderHeads = heads
	m := NewSAMDecoder(c)
	weights.Adopt(m, src)
	return m, weights.Bind(m, src)
}

// Canonical presents src under the official names. It knows Hugging Face's names.
func (m *SAM) Canonical(src weights.Source) weights.Source { return samCanonical(src) }

func samCanonical(src weights.Source) weights.Source {
	if !slices.Contains(src.Names(), "vision_encoder.pos_embed") {
		return src
	}
	return weights.Rename(src, samNames(src.Names()))
}

// samNames returns the function that turns Hugging Face's names into the official
// ones. all lists the names in the file.
func samNames(all []string) func(string) string {
	inner := map[string]int{} // number of layers of an MLP between the first and the last
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

// cutMLP splits the name of a weight after the name of its MLP. ok is false if the
// weight does not belong to one of the decoder's MLPs.
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
