package vision

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// writeCLIP writes a CLIP with random weights. Beside it lie its config and a
// vocabulary of all bytes and one merge.
func writeCLIP(t *testing.T) string {
	t.Helper()
	m := models.NewCLIP(models.CLIPConfig{
		Embedding: 12, Size: 8, Width: 64, Patch: 4, Layers: 1, Context: 20, Vocabulary: 515, TextWidth: 64, TextLayers: 1,
	})
	weights.Random(m, 1)
	m.LogitScale.Data[0] = 4 // as in a trained CLIP
	var all []*tensor.Tensor
	weights.Walk(m, func(_ string, w *tensor.Tensor) { all = append(all, w) })
	path := filepath.Join(t.TempDir(), "clip.safetensors")
	if err := weights.WriteSafetensors(path, nil, all...); err != nil {
		t.Fatal(err)
	}
	writeVocabulary(t, filepath.Join(filepath.Dir(path), "bpe_simple_vocab_16e6.txt"), "a b</w>")
	config := `{"model_cfg": {"embed_dim": 12, "quick_gelu": true, "vision_cfg": {"image_size": 8, "layers": 1, "width": 64, "patch_size": 4}, "text_cfg": {"context_length": 20, "vocab_size": 515, "width": 64, "heads": 1, "layers": 1}}}`
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "open_clip_config.json"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func writeVocabulary(t *testing.T, path string, merges ...string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("#\n"+strings.Join(merges, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func openCLIP(t *testing.T, o Options) *Model {
	t.Helper()
	m, err := Open(writeCLIP(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// near fails if two vectors differ by more than a tolerance.
func near(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i, v := range got {
		if !(math.Abs(float64(v-want[i])) <= tolerance) {
			t.Fatalf("%s: number %d is %v, want %v", what, i, v, want[i])
		}
	}
}

// only returns the first result of a task.
func only[T any](results iter.Seq2[T, error]) (r T, err error) {
	for r, err = range results {
		break
	}
	return r, err
}

// TestEmbedTexts compares vectors of batches of texts, on the GPU and in plain Go,
// with those of the text tower for each text alone.
func TestEmbedTexts(t *testing.T) {
	for _, device := range []string{"cpu", ""} {
		m := openCLIP(t, Options{Device: device})
		net := m.Network.(*models.CLIP)
		g, err := graph.Trace(func(g *graph.Graph) { g.Output("text", net.ForwardText(g.Input("ids", 1, 20))) })
		if err != nil {
			t.Fatal(err)
		}
		for _, count := range []int{1, 15, 16, 17, 40} {
			texts := make([]string, count)
			for i := range texts {
				texts[i] = strings.Repeat("ab ", 1+(i+count)%6) + strings.Repeat("c", i%9)
			}
			got, err := m.EmbedTexts(context.Background(), texts...)
			if err != nil || len(got) != count {
				t.Fatalf("%d of %d vectors, %v", len(got), count, err)
			}
			for i, text := range texts {
				ids, err := m.Tokenizer.Tokenize([]string{text}, 20, false)
				if err != nil {
					t.Fatal(err)
				}
				want, err := g.Eval(context.Background(), ids)
				if err != nil {
					t.Fatal(err)
				}
				near(t, fmt.Sprintf("%q, %d of %d", text, i, count), got[i], want[0].Data, 1e-5)
			}
		}
	}
}

// TestEmbedPictures compares vectors on the GPU with those in plain Go. One of the
// pictures is broken.
func TestEmbedPictures(t *testing.T) {
	ctx := context.Background()
	all := map[string][]float32{}
	for _, o := range []Options{{Device: "cpu"}, {Batch: 2}} {
		m := openCLIP(t, o)
		var names []string
		for e, err := range m.EmbedPictures(ctx, Image("a", seven(20)), Reader("broken", strings.NewReader("no picture")), Image("b", seven(31)), Image("c", seven(8))) {
			names = append(names, e.Name)
			var one *InputError
			if e.Name == "broken" {
				if !errors.As(err, &one) || e.Vector != nil {
					t.Errorf("broken: %v, %v", e.Vector, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if want, ok := all[e.Name]; ok {
				near(t, e.Name, e.Vector, want, 1e-5)
			}
			all[e.Name] = e.Vector
		}
		if fmt.Sprint(names) != "[a broken b c]" {
			t.Errorf("%v", names)
		}
	}
}

// TestMatch compares probabilities with the softmax of the embeddings' cosines, and
// checks the order of the results.
func TestMatch(t *testing.T) {
	ctx := context.Background()
	m := openCLIP(t, Options{Device: "cpu", Batch: 2})
	texts := []string{"ab", "a c", "c"}
	vectors, err := m.EmbedTexts(ctx, texts...)
	if err != nil {
		t.Fatal(err)
	}
	in := []Input{Image("a", seven(20)), File("none.png"), Image("b", seven(31))}
	var names []string
	for r, err := range m.Match(ctx, texts, in...) {
		names = append(names, r.Name)
		if r.Name == "none.png" {
			var one *InputError
			if !errors.As(err, &one) || r.Texts != nil {
				t.Errorf("none.png: %v, %v", r.Texts, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		picture, err := only(m.EmbedPictures(ctx, in[len(names)-1]))
		if err != nil {
			t.Fatal(err)
		}
		sum, weight := 0.0, make([]float64, len(texts))
		for i, got := range r.Texts {
			dot, a, b := 0.0, 0.0, 0.0
			for j, v := range vectors[i] {
				p := float64(picture.Vector[j])
				dot, a, b = dot+float64(v)*p, a+float64(v)*float64(v), b+p*p
			}
			cosine := dot / math.Sqrt(a*b)
			if got.Text != texts[i] || math.Abs(got.Cosine-cosine) > 1e-5 {
				t.Errorf("%+v, want %q with %v", got, texts[i], cosine)
			}
			weight[i] = math.Exp(cosine * math.Exp(4))
			sum += weight[i]
		}
		for i, got := range r.Texts {
			if math.Abs(got.Probability-weight[i]/sum) > 1e-3 {
				t.Errorf("%+v, want the probability %v", got, weight[i]/sum)
			}
		}
		best := r.Best()
		for i := range best[1:] {
			if best[i].Probability < best[i+1].Probability {
				t.Errorf("not in order: %v", best)
			}
		}
		if len(best) != 3 || r.Texts[0].Text != "ab" {
			t.Errorf("%v, %v", best, r.Texts)
		}
	}
	if fmt.Sprint(names) != "[a none.png b]" {
		t.Errorf("%v", names)
	}
}

// TestTextErrors expects the same error from EmbedTexts and from Match.
func TestTextErrors(t *testing.T) {
	path := writeCLIP(t)
	alone := filepath.Join(t.TempDir(), "clip.safetensors")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(alone, data, 0o644); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(t.TempDir(), "large.txt")
	writeVocabulary(t, large, "a b</w>", "c d</w>")
	for _, c := range []struct {
		name  string
		o     Options
		texts []string
		want  string
	}{
		{path, Options{}, []string{"ab", " "}, "text 2 of 2 is empty"},
		{path, Options{}, []string{"one two three four five six"}, "at most 20 fit"},
		{path, Options{Vocabulary: large}, []string{"ab"}, "the vocabulary belongs to another model: it has token 515, but " + path + " has only 515 tokens"},
		{alone, Options{}, []string{"ab"}, alone + ": no vocabulary lies beside it: download https://"},
		{alone, Options{}, nil, "no vocabulary lies beside it"},
		{"lenet", Options{}, []string{"ab"}, "clip_vit_b32"},
	} {
		c.o.Device, c.o.CLIP = "cpu", zoo.CLIPOptions{Heads: 1, Activation: "quickgelu"}
		m, err := Open(c.name, c.o)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if v, err := m.EmbedTexts(context.Background(), c.texts...); err == nil || v != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v, want %s", c.name, v, err, c.want)
		}
		steps := 0
		for r, err := range m.Match(context.Background(), c.texts, Image("a", seven(8))) {
			if steps++; err == nil || r.Texts != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, %v, want %s", c.name, r, err, c.want)
			}
		}
		if steps != 1 {
			t.Errorf("%s: %d results, want 1", c.name, steps)
		}
	}
	m := openCLIP(t, Options{Device: "cpu", Truncate: true})
	if v, err := m.EmbedTexts(context.Background(), "one two three four five six"); err != nil || len(v) != 1 {
		t.Errorf("cut: %v, %v", v, err)
	}
	if _, err := only(m.Match(context.Background(), nil, Image("a", seven(8)))); err == nil {
		t.Error("Match accepts no texts")
	}
}

// TestLazy checks that a lazy model opens its device at the first computation.
func TestLazy(t *testing.T) {
	ctx := context.Background()
	m := openCLIP(t, Options{Device: "cpu", Lazy: true})
	if _, err := m.EmbedTexts(ctx); err != nil || m.Device() != nil {
		t.Errorf("before: %v, %v", m.Device(), err)
	}
	if _, err := m.EmbedTexts(ctx, "ab"); err != nil || m.Device() == nil {
		t.Errorf("after: %v, %v", m.Device(), err)
	}
	m = openCLIP(t, Options{Device: "no such card", Lazy: true})
	for range 2 {
		if _, err := only(m.EmbedPictures(ctx, Image("a", seven(8)))); err == nil || !strings.Contains(err.Error(), "no such card") {
			t.Errorf("no such card: %v", err)
		}
	}
	if err := errors.Join(m.Close(), m.Close()); err != nil {
		t.Error(err)
	}
}

func TestUnit(t *testing.T) {
	v := []float32{3, -4}
	if err := Unit(v); err != nil {
		t.Fatal(err)
	}
	near(t, "3, -4", v, []float32{0.6, -0.8}, 1e-7)
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, bad := range [][]float32{nil, {0, 0}, {1, nan}, {inf, 1}} {
		if err := Unit(bad); err == nil {
			t.Errorf("Unit accepts %v", bad)
		}
	}
}

// TestEmbedBackbone embeds pictures by a network without a head.
func TestEmbedBackbone(t *testing.T) {
	n := models.NewResNet(models.ResNetConfig{Blocks: [4]int{1, 1, 1, 1}, Width: 4, Classes: -1})
	weights.Random(n, 1)
	var all []*tensor.Tensor
	weights.Walk(n, func(_ string, w *tensor.Tensor) { all = append(all, w) })
	path := filepath.Join(t.TempDir(), "backbone.safetensors")
	if err := weights.WriteSafetensors(path, nil, all...); err != nil {
		t.Fatal(err)
	}
	m, err := Open(path, Options{Device: "cpu", Size: [2]int{32, 32}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	e, err := only(m.EmbedPictures(context.Background(), Image("a", seven(20))))
	if err != nil || len(e.Vector) != 32 {
		t.Errorf("%v, %v", e, err)
	}
	if _, err := m.EmbedTexts(context.Background(), "a"); err == nil || !strings.Contains(err.Error(), "embeds pictures but not texts") {
		t.Errorf("error is %v", err)
	}
	if _, err := only(m.Classify(context.Background(), Image("a", seven(20)))); err == nil || !strings.Contains(err.Error(), "no classifier: fc.weight is missing") {
		t.Errorf("error is %v", err)
	}
}
