package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// smallCLIP writes a CLIP with random weights. Beside it lie its config and a
// vocabulary of all bytes and one merge.
func smallCLIP(t *testing.T, seed uint64) string {
	t.Helper()
	m := models.NewCLIP(models.CLIPConfig{
		Embedding: 12, Size: 8, Width: 64, Patch: 4, Layers: 1, Context: 8, Vocabulary: 515, TextWidth: 64, TextLayers: 1,
	})
	weights.Random(m, seed)
	var all []*tensor.Tensor
	weights.Walk(m, func(_ string, w *tensor.Tensor) { all = append(all, w) })
	path := filepath.Join(t.TempDir(), "clip.safetensors")
	if err := weights.WriteSafetensors(path, nil, all...); err != nil {
		t.Fatal(err)
	}
	vocab := filepath.Join(filepath.Dir(path), "bpe_simple_vocab_16e6.txt")
	if err := os.WriteFile(vocab, []byte("#\na b</w>\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	config := `{"model_cfg": {"embed_dim": 12, "quick_gelu": true, "vision_cfg": {"image_size": 8, "layers": 1, "width": 64, "patch_size": 4}, "text_cfg": {"context_length": 8, "vocab_size": 515, "width": 64, "heads": 1, "layers": 1}}}`
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "open_clip_config.json"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestMatch compares probabilities with the cosines of the embeddings that embed writes.
func TestMatch(t *testing.T) {
	w, in := smallCLIP(t, 1), photograph(t, 20, 11)
	var r []matched
	if err := json.Unmarshal([]byte(ok(t, "match", in, in, "--batch", "2", "--text", "ab", "--text", "a c", "--weights", w, "--json")), &r); err != nil {
		t.Fatal(err)
	}
	if len(r) != 2 || len(r[0].Texts) != 2 || r[0].Texts[1].Text != "a c" {
		t.Fatalf("%+v", r)
	}
	path := filepath.Join(t.TempDir(), "e.safetensors")
	ok(t, "embed", in, "--text", "ab", "--text", "a c", "--weights", w, "--normalize", "-o", path)
	f, err := weights.OpenSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	image, err := f.Tensor("images")
	if err != nil {
		t.Fatal(err)
	}
	texts, err := f.Tensor("texts")
	if err != nil {
		t.Fatal(err)
	}
	if s := image.Shape.String() + texts.Shape.String(); s != "[1, 12][2, 12]" || f.Metadata["texts"] != `["ab","a c"]` {
		t.Errorf("%s, %v", s, f.Metadata)
	}
	sum := 0.0
	for i, m := range r[0].Texts {
		want := 0.0
		for j, v := range texts.Data[i*12:][:12] {
			want += float64(v) * float64(image.Data[j])
		}
		if math.Abs(m.Cosine-want) > 1e-5 {
			t.Errorf("cosine %v, want %v", m.Cosine, want)
		}
		sum += m.Probability
	}
	if math.Abs(sum-1) > 1e-9 {
		t.Errorf("probabilities add up to %v", sum)
	}
	if text := ok(t, "match", in, "--text", "ab", "--weights", w, "-q"); !strings.Contains(text, " 100.00 %  ") {
		t.Error(text)
	}
	npy := filepath.Join(t.TempDir(), "e.npy")
	ok(t, "embed", in, in, "--text", "ab", "--weights", w, "-o", npy)
	if b, err := os.ReadFile(npy); err != nil || !strings.Contains(string(b), "(3, 12,)") {
		t.Errorf("%q, %v", b, err)
	}
}

// TestCLIPErrors expects one clear line and nothing written.
func TestCLIPErrors(t *testing.T) {
	w, in, empty := smallCLIP(t, 1), photograph(t, 8, 8), t.TempDir()
	other := checkpoint(t, models.NewESPCN(models.ESPCNConfig{Scale: 2}))
	alone := filepath.Join(t.TempDir(), "clip.safetensors")
	data, err := os.ReadFile(w)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(alone, data, 0o644); err != nil {
		t.Fatal(err)
	}
	heads, act := []string{"--clip-heads", "1"}, []string{"--clip-activation", "gelu"}
	with := func(more ...[]string) []string {
		return append([]string{"match", in, "--text", "a", "--weights", alone}, slices.Concat(more...)...)
	}
	out := filepath.Join(t.TempDir(), "e.npy")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"match", in, "--text", " ", "--weights", w}, "text 1 of 1 is empty"},
		{[]string{"match", in, "--weights", w}, "match needs --text TEXT; see vertebra match --help"},
		{[]string{"match", in, "--text", "a", "--weights", "no-such.pt"}, "no-such.pt: no such file"},
		{[]string{"match", in, "--text", "a", "--weights", other}, "is a checkpoint of espcn_x2, not of clip"},
		{with(), "tell the number of heads and the activation of this CLIP: give --clip-heads N and --clip-activation quickgelu|gelu, or --model, such as ViT-H-14"},
		{with(heads), "tell the activation of this CLIP: give --clip-activation quickgelu|gelu, or --model"},
		{with(act), "tell the number of heads of this CLIP: give --clip-heads N, or --model"},
		{with([]string{"--model", "ViT-B-32"}), "these are not the weights of ViT-B-32: the image tower has 64 channels"},
		{with([]string{"--model", "ViT-B"}), `--model: models: no CLIP "ViT-B"; there are`},
		{with([]string{"--clip-activation", "relu"}), `--clip-activation "relu", want quickgelu or gelu`},
		{with([]string{"--clip-heads", "1,x"}), `--clip-heads "1,x", want one or two numbers`},
		{with([]string{"--clip-heads", "3"}, act), "3 heads do not divide the 64 channels of the image tower"},
		{with(heads, act), "no vocabulary lies beside it: give --vocab FILE"},
		{[]string{"match", in, "--text", "a", "--weights", w, "--vocab", "no-such.txt"}, "no-such.txt: no such file"},
		{[]string{"match", in, "--text", "one two three four", "--weights", w}, "8"},
		{[]string{"match", empty, "--text", "a", "--weights", w}, "no picture in this folder"},
		{[]string{"embed", "-o", out, "--weights", w}, "neither a picture nor a --text"},
		{[]string{"embed", in, "-o", out + ".txt", "--weights", w}, "want .npy or .safetensors"},
		{[]string{"search", empty, "a", "--weights", w}, "no picture in this folder"},
		{[]string{"search", in, "a", "--weights", w}, "not a folder"},
		{[]string{"search", empty, "", "--weights", w}, "the query is empty"},
	} {
		status, stdout, stderr := vertebra(c.args...)
		if status != 1 || stdout != "" || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("vertebra %v: status %d, %q, %q, want %q", c.args, status, stdout, stderr, c.want)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a file was written")
	}
}
