package zoo

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/weights"
)

// TestReadCLIP reads a small model from a file and from a folder in Hugging
// Face's layout.
func TestReadCLIP(t *testing.T) {
	c := models.CLIPConfig{Embedding: 3, Size: 8, Width: 8, Heads: 2, Patch: 4, Layers: 1, Context: 5, Vocabulary: 515, TextWidth: 8, TextHeads: 4, TextLayers: 2, Act: graph.GELU}
	m := models.NewCLIP(c)
	weights.Random(m, 1)
	official, hf := []*tensor.Tensor{}, []*tensor.Tensor{}
	weights.Walk(m, func(name string, w *tensor.Tensor) {
		official = append(official, w)
		hf = append(hf, asHFCLIP(name, w)...)
	})
	dir := t.TempDir()
	file := filepath.Join(dir, "clip.safetensors")
	folder := filepath.Join(dir, "hf")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, all := range map[string][]*tensor.Tensor{file: official, filepath.Join(folder, "model.safetensors"): hf} {
		if err := weights.WriteSafetensors(path, nil, all...); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"config.json":               `{"text_config": {"num_attention_heads": 4, "hidden_act": "gelu"}, "vision_config": {"num_attention_heads": 2, "hidden_act": "gelu"}}`,
		"bpe_simple_vocab_16e6.txt": "#\na b</w>\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	read, err := ReadCLIP(folder, CLIPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, tokens := read.Network, read.Tokenizer
	if got.Config() != c || tokens == nil || len(tokens.Encode("ab")) != 1 {
		t.Errorf("the folder has %+v and %v, want %+v", got.Config(), tokens, c)
	}
	var all []*tensor.Tensor
	weights.Walk(got, func(_ string, w *tensor.Tensor) { all = append(all, w) })
	for i, w := range all {
		if d, err := tensor.Diff(w, official[i]); err != nil || d.Max != 0 {
			t.Errorf("%s: %v, %v", w.Name, d, err)
		}
	}
	if read.Preprocess != CLIPPreprocess(8) {
		t.Errorf("without a preprocessor_config.json pictures become %+v", read.Preprocess)
	}
	testCLIPFolder(t, folder, hf)
	// The file does not tell the heads, and 8 channels are too few for one of 64.
	if _, err := ReadCLIP(file, CLIPOptions{}); err == nil {
		t.Error("heads of 64 channels are taken for 8 channels")
	}
	// The config of another model beside the file does not count.
	for _, name := range []string{"config.json", "preprocessor_config.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("not JSON"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ReadCLIP(file, CLIPOptions{}); err == nil || !strings.Contains(err.Error(), "tell the number of heads and the activation of this CLIP") {
		t.Errorf("error is %v", err)
	}
	if _, err := ReadCLIP(dir, CLIPOptions{}); err == nil || !strings.Contains(err.Error(), "neither model.safetensors nor") {
		t.Errorf("error is %v", err)
	}
}

// testCLIPFolder reads a folder with other preprocessing, a vocabulary that is only
// tokenizer.json, and weights in two files.
func testCLIPFolder(t *testing.T, from string, all []*tensor.Tensor) {
	t.Helper()
	folder := t.TempDir()
	config, err := os.ReadFile(filepath.Join(from, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	ab, err := ReadCLIPMerges(strings.NewReader("#\na b</w>\n"))
	if err != nil {
		t.Fatal(err)
	}
	vocabulary, err := json.Marshal(map[string]any{"model": map[string]any{"type": "BPE", "vocab": ab.ids, "merges": []string{"a b</w>"}}})
	if err != nil {
		t.Fatal(err)
	}
	index := map[string]string{}
	for i, part := range [][]*tensor.Tensor{all[:len(all)/2], all[len(all)/2:]} {
		name := []string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}[i]
		if err := weights.WriteSafetensors(filepath.Join(folder, name), nil, part...); err != nil {
			t.Fatal(err)
		}
		for _, w := range part {
			index[w.Name] = name
		}
	}
	list, err := json.Marshal(map[string]any{"weight_map": index})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"config.json": config, "tokenizer.json": vocabulary, "model.safetensors.index.json": list,
		"preprocessor_config.json": []byte(`{"size": {"height": 8, "width": 8}, "do_center_crop": false, "resample": 2}`),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m, err := ReadCLIP(folder, CLIPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Tokenizer.Encode("ab")) != 1 {
		t.Error("the tokenizer does not merge")
	}
	want := CLIPPreprocess(8)
	want.Short, want.Size, want.Crop, want.Filter = 0, [2]int{8, 8}, [2]int{}, picture.Bilinear
	if m.Preprocess != want {
		t.Errorf("pictures become %+v, want %+v", m.Preprocess, want)
	}
	if err := os.WriteFile(filepath.Join(folder, "preprocessor_config.json"), []byte(`{"crop_size": 7}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadCLIP(folder, CLIPOptions{}); err == nil || !strings.Contains(err.Error(), "preprocessor_config.json: pictures become 7×7, but the weights want 8×8") {
		t.Errorf("error is %v", err)
	}
}

// asHFCLIP converts a tensor from OpenAI's layout to Hugging Face's.
func asHFCLIP(name string, w *tensor.Tensor) []*tensor.Tensor {
	hf := strings.NewReplacer(
		"visual.class_embedding", "vision_model.embeddings.class_embedding",
		"visual.conv1", "vision_model.embeddings.patch_embedding",
		"visual.positional_embedding", "vision_model.embeddings.position_embedding.weight",
		"visual.ln_pre", "vision_model.pre_layrnorm", "visual.ln_post", "vision_model.post_layernorm",
		"visual.transformer.resblocks", "vision_model.encoder.layers", "visual.proj", "visual_projection.weight",
		"token_embedding", "text_model.embeddings.token_embedding",
		"positional_embedding", "text_model.embeddings.position_embedding.weight",
		"ln_final", "text_model.final_layer_norm", "transformer.resblocks", "text_model.encoder.layers",
		"text_projection", "text_projection.weight",
		".attn.", ".self_attn.", ".ln_1.", ".layer_norm1.", ".ln_2.", ".layer_norm2.", ".c_fc.", ".fc1.", ".c_proj.", ".fc2.",
	).Replace(name)
	if before, kind, ok := strings.Cut(hf, ".in_proj_"); ok {
		var parts []*tensor.Tensor
		n := w.Shape[0] / 3
		each := len(w.Data) / 3
		for i, p := range []string{".q_proj.", ".k_proj.", ".v_proj."} {
			part := tensor.Of(w.Data[i*each:][:each], append([]int{n}, w.Shape[1:]...)...)
			part.Name = before + p + kind
			parts = append(parts, part)
		}
		return parts
	}
	out := &tensor.Tensor{Shape: w.Shape, Data: w.Data}
	if strings.HasSuffix(hf, "_projection.weight") {
		out = w.Permute(1, 0)
	}
	out.Name = hf
	return []*tensor.Tensor{out}
}
