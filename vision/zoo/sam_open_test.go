package zoo

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// TestSAMNames checks that Canonical gives the tensors of Hugging Face's files
// exactly the official names. Hugging Face's files have the positions twice.
func TestSAMNames(t *testing.T) {
	manifests := readManifests(t)
	for _, size := range []string{"b", "l", "h"} {
		hf, official := manifests["hf_sam_vit_"+size], manifests["sam_vit_"+size]
		if got, want := len(hf.names), len(official.names)+1; got != want {
			t.Errorf("vit_%s: %d names, want %d", size, got, want)
		}
		canonical := (&models.SAM{}).Canonical(hf)
		if got, want := len(canonical.Names()), len(official.names); got != want {
			t.Errorf("vit_%s: %d official names, want %d", size, got, want)
		}
		for _, name := range canonical.Names() {
			have, err := weights.ShapeOf(canonical, name)
			want, ok := official.entries[name]
			if err != nil || !ok || !have.Equal(want.Shape) {
				t.Errorf("vit_%s: %s is %v, want %v; %v", size, name, have, want.Shape, err)
			}
		}
	}
}

// TestReadSAM reads a small model from a folder in Hugging Face's layout.
func TestReadSAM(t *testing.T) {
	m := models.NewSAM(models.SAMConfig{
		Size: 32, Patch: 8, Width: 8, Depth: 2, Heads: 2, Window: 3, Global: []int{1}, Channels: 16,
		DecoderHeads: 2, DecoderMLP: 8, IoUHidden: 8, MaskChannels: 4,
	})
	weights.Random(m, 1)
	var official, hf []*tensor.Tensor
	weights.Walk(m, func(name string, w *tensor.Tensor) {
		official = append(official, w)
		hf = append(hf, &tensor.Tensor{Name: asHFSAM(name), Shape: w.Shape, Data: w.Data})
	})
	folder := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := weights.WriteSafetensors(filepath.Join(folder, "model.safetensors"), nil, hf...); err != nil {
		t.Fatal(err)
	}
	write("config.json", `{"model_type": "sam", "mask_decoder_config": {"num_attention_heads": 2, "hidden_act": "relu"}}`)
	write("preprocessor_config.json", `{"size": {"longest_edge": 32}, "pad_size": 32, "image_mean": [0.5, 0.5, 0.5]}`)
	for _, path := range []string{folder, filepath.Join(folder, "model.safetensors")} {
		read, err := ReadSAM(path)
		if err != nil {
			t.Fatal(err)
		}
		got := read.Network
		i := 0
		weights.Walk(got, func(_ string, w *tensor.Tensor) {
			if d, err := tensor.Diff(w, official[i]); err != nil || d.Max != 0 {
				t.Errorf("%s: %v, %v", w.Name, d, err)
			}
			i++
		})
		if heads := got.Decoder.FinalAttn.Heads; heads != 2 {
			t.Errorf("%d heads of the decoder, want 2", heads)
		}
		if p := read.Preprocess; p.Mean != [3]float32{127.5, 127.5, 127.5} || p.Long != 32 || p.Pad != [2]int{32, 32} {
			t.Errorf("pictures become %+v", p)
		}
	}
	for _, c := range []struct{ config, want string }{
		{`{"model_type": "sam2"}`, `config.json: model_type: "sam2", want sam`},
		{`{"vision_config": {"hidden_act": "relu"}}`, `vision_config.hidden_act: "relu", want gelu`},
		{`{"mask_decoder_config": {"num_attention_heads": 3}}`, "a decoder whose attention has 8 channels cannot have 3 heads"},
		{`[]`, "config.json: "},
	} {
		write("config.json", c.config)
		if _, err := ReadSAM(folder); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.config, err, c.want)
		}
	}
}

// asHFSAM converts a name from the official layout to Hugging Face's.
func asHFSAM(name string) string {
	if name == "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix" {
		return "shared_image_embedding.positional_embedding"
	}
	if mlp := regexp.MustCompile(`^(mask_decoder\.(?:iou_prediction_head|output_hypernetworks_mlps\.\d))\.layers\.(\d)\.`).FindStringSubmatch(name); mlp != nil {
		layer := map[string]string{"0": "proj_in", "1": "layers.0", "2": "proj_out"}[mlp[2]]
		return mlp[1] + "." + layer + "." + strings.TrimPrefix(name, mlp[0])
	}
	if strings.HasPrefix(name, "mask_decoder.transformer.") {
		name = strings.Replace(name, ".norm_final", ".layer_norm_final", 1)
		return strings.Replace(name, ".norm", ".layer_norm", 1)
	}
	return strings.NewReplacer(
		"image_encoder.blocks.", "vision_encoder.layers.", ".norm1.", ".layer_norm1.", ".norm2.", ".layer_norm2.",
		"image_encoder.patch_embed.proj.", "vision_encoder.patch_embed.projection.",
		"image_encoder.neck.0.", "vision_encoder.neck.conv1.", "image_encoder.neck.1.", "vision_encoder.neck.layer_norm1.",
		"image_encoder.neck.2.", "vision_encoder.neck.conv2.", "image_encoder.neck.3.", "vision_encoder.neck.layer_norm2.",
		"image_encoder.pos_embed", "vision_encoder.pos_embed",
		".point_embeddings.", ".point_embed.",
		".mask_downscaling.0.", ".mask_embed.conv1.", ".mask_downscaling.1.", ".mask_embed.layer_norm1.",
		".mask_downscaling.3.", ".mask_embed.conv2.", ".mask_downscaling.4.", ".mask_embed.layer_norm2.",
		".mask_downscaling.6.", ".mask_embed.conv3.",
		".output_upscaling.0.", ".upscale_conv1.", ".output_upscaling.1.", ".upscale_layer_norm.", ".output_upscaling.3.", ".upscale_conv2.",
	).Replace(name)
}
