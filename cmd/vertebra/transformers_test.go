package main

import (
	"encoding/json"
	"encoding/xml"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/bench"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision/picture"
)

// small has the paths of checkpoints of small transformers with their configs.
type smallModels struct{ vit, mae, swin, det string }

// small writes checkpoints of small transformers. timm's config.json beside them says
// what their weights do not tell.
func small(t *testing.T) smallModels {
	t.Helper()
	c := models.ViTConfig{Image: graph.Both(64), Patch: 8, Dim: 24, Depth: 2, Heads: 3, Classes: 5}
	return smallModels{
		vit: configured(t, models.NewViT(c)),
		mae: configured(t, models.NewMAE(models.MAEConfig{Encoder: c, DecoderDim: 16, DecoderDepth: 1})),
		swin: configured(t, models.NewSwin(models.SwinConfig{
			Image: graph.Both(64), Dim: 16, Depths: []int{2, 2}, Heads: []int{2, 4}, Window: graph.Both(7), Classes: 5,
		})),
		det: configured(t, models.NewViTDetector(c)),
	}
}

// configured writes a checkpoint and timm's config of a model with three heads for
// pictures of 64×64 pixels.
func configured(t *testing.T, m models.Network) string {
	t.Helper()
	path := checkpoint(t, m)
	text := `{"architecture": "small", "model_args": {"num_heads": 3, "img_size": 64}, "pretrained_cfg": {"input_size": [3, 64, 64], "crop_mode": "squash", "crop_pct": 1, "interpolation": "bilinear"}}`
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "config.json"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// side checks that a file is a picture of a number of panels of a size, with room
// for captions.
func side(t *testing.T, path string, panels, w, h int) {
	t.Helper()
	least := image.Rect(0, 0, 8+panels*(w+8), 16+h+8)
	if got := decoded(t, path).Bounds(); !least.In(got) || got.Dx() > 2*least.Dx() || got.Dy() > 2*least.Dy() {
		t.Errorf("%s: %v", path, got)
	}
}

// TestReconstruct paints the same for the same seed, and another for another.
func TestReconstruct(t *testing.T) {
	path, in, dir := small(t).mae, photograph(t, 90, 70), t.TempDir()
	var pictures [][]byte
	for _, seed := range []string{"1", "1", "2"} {
		out := filepath.Join(dir, "out.png")
		var r reconstructed
		if err := json.Unmarshal([]byte(ok(t, "reconstruct", in, "--weights", path, "--ratio", "0.6", "--seed", seed, "-o", out, "--json")), &r); err != nil {
			t.Fatal(err)
		}
		if r.Model != "mae" || r.Patches != 64 || r.Hidden != 39 || r.Loss == nil || !(*r.Loss > 0) {
			t.Errorf("%+v", r)
		}
		side(t, out, 4, 64, 64)
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		pictures = append(pictures, data)
	}
	if !slices.Equal(pictures[0], pictures[1]) || slices.Equal(pictures[0], pictures[2]) {
		t.Error("the seed does not select the patches")
	}
}

func TestAttention(t *testing.T) {
	m := small(t)
	in, out := photograph(t, 90, 70), filepath.Join(t.TempDir(), "out.png")
	for _, path := range []string{m.vit, m.mae} {
		for _, who := range [][]string{nil, {"--head", "2"}, {"--at", "0.2,1"}} {
			ok(t, append([]string{"attention", path, in, "--block", "1", "-o", out}, who...)...)
			side(t, out, 2, 384, 384)
		}
	}
	for _, block := range []string{"0", "1", "3"} {
		text := ok(t, "attention", m.swin, in, "--block", block, "--at", "0,0.9", "-o", out, "--size", "70x90")
		if !strings.Contains(text, "window_attention") {
			t.Error(text)
		}
		side(t, out, 3, 360, 280)
	}
}

// TestDetect finds boxes inside the picture, in its own pixels.
func TestDetect(t *testing.T) {
	path, in, out := small(t).det, photograph(t, 180, 35), filepath.Join(t.TempDir(), "out.png")
	args := []string{"detect", path, in, "--threshold", "0.4", "-o", out}
	var r detected
	if err := json.Unmarshal([]byte(ok(t, append(args, "--json")...)), &r); err != nil {
		t.Fatal(err)
	}
	if r.Width != 180 || r.Height != 35 || len(r.Objects) == 0 {
		t.Fatalf("%+v", r)
	}
	for i, o := range r.Objects {
		b := o.Box
		if b[0] < 0 || b[1] < 0 || b[2] > 180 || b[3] > 35 || b[0] >= b[2] || b[1] >= b[3] || o.Score < 0.4 || o.Class > 4 || i > 0 && o.Score > r.Objects[i-1].Score {
			t.Errorf("object %d: %+v", i, o)
		}
	}
	if m, err := picture.Load(out); err != nil || m.Width != 360 || m.Height != 70 { // enlarged, to be drawn on
		t.Errorf("%v, %v", m, err)
	}
	if text := ok(t, args...); !strings.Contains(text, "objects") || !strings.Contains(text, "class ") {
		t.Error(text)
	}
	var none detected
	if err := json.Unmarshal([]byte(ok(t, "detect", path, in, "--threshold", "0.999999", "--json")), &none); err != nil || none.Objects == nil {
		t.Errorf("%+v, %v", none, err)
	}
}

func TestTransformerErrors(t *testing.T) {
	m := small(t)
	in := photograph(t, 8, 8)
	for _, c := range []struct {
		want string
		args []string
	}{
		{"want a name that ends in .png", []string{"reconstruct", in, "--weights", m.mae, "-o", "OUT.jpg"}},
		{"--ratio 1, want 0 to less", []string{"reconstruct", in, "--weights", m.mae, "-o", "OUT.png", "--ratio", "1"}},
		{"--ratio NaN, want", []string{"reconstruct", in, "--weights", m.mae, "-o", "OUT.png", "--ratio", "NaN"}},
		{"in.png: a ratio of 0.999 hides all 64", []string{"reconstruct", in, "--weights", m.mae, "-o", "OUT.png", "--ratio", "0.999"}},
		{"reconstruct swin: it names what is in a picture; for reconstruction see mae_vit_base_patch16", []string{"reconstruct", in, "--weights", m.swin, "-o", "OUT.png"}},
		{"reconstruct vit_b_16: it names what is in a picture; for reconstruction see mae_vit_base_patch16", []string{"reconstruct", in, "--weights", m.vit, "--model", "vit_b_16", "-o", "OUT.png"}},
		{"none.pth: no such file", []string{"reconstruct", in, "--weights", "none.pth", "-o", "OUT.png"}},
		{"none.png: no such file", []string{"reconstruct", "none.png", "--weights", m.mae, "-o", "OUT.png"}},
		{"reconstruct needs --weights FILE, such as https://", []string{"reconstruct", in, "-o", "OUT.png"}},
		{"in.png: the model's input is 60×60 pixels, want multiples of 8", []string{"reconstruct", in, "--weights", m.mae, "-o", "OUT.png", "--size", "60x60"}},
		{"attention needs --block N", []string{"attention", m.vit, in, "-o", "OUT.png"}},
		{"vit: there is no block 2: blocks are 0 to 1", []string{"attention", m.vit, in, "--block", "2", "-o", "OUT.png"}},
		{"vit: there is no head 3: heads are 0 to 2", []string{"attention", m.vit, in, "--block", "1", "--head", "3", "-o", "OUT.png"}},
		{"--at 1.5,0, want two", []string{"attention", m.vit, in, "--block", "1", "--at", "1.5,0", "-o", "OUT.png"}},
		{"--at 0, want two", []string{"attention", m.swin, in, "--block", "1", "--at", "0", "-o", "OUT.png"}},
		{"attention lenet: only transformers have attention to draw", []string{"attention", "lenet", in, "--block", "1", "-o", "OUT.png"}},
		{"detect lenet: it names what is in a picture", []string{"detect", "lenet", in}},
		{"--threshold 0", []string{"detect", m.det, in, "--threshold", "0"}},
		{"OUT.png: want a name that ends in .svg", []string{"bench", "scale", "-o", "OUT.png"}},
		{"--size \"0\"", []string{"bench", "scale", "--size", "0", "-o", "OUT.svg"}},
		{"lenet5 has no attention", []string{"bench", "scale", "--model", "lenet5", "--size", "32", "--runs", "1", "-o", "OUT.svg"}},
		{"measured on a GPU", []string{"bench", "scale", "--device", "cpu", "-o", "OUT.svg"}},
		{"--iou 2", []string{"detect", m.det, in, "--iou", "2"}},
		{"want a name that ends in .png", []string{"detect", m.det, in, "-o", "OUT.gif"}},
		{"detect vit: it names what is in a picture", []string{"detect", m.vit, in, "-o", "OUT.png"}},
	} {
		dir := t.TempDir()
		var args []string
		for _, a := range c.args {
			if strings.HasPrefix(a, "OUT") {
				a = filepath.Join(dir, a)
			}
			args = append(args, a)
		}
		status, _, stderr := vertebra(args...)
		if status != 1 || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("status %d, %q, want %q", status, stderr, c.want)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%q: left behind %v", c.want, left)
		}
	}
}

// TestBenchScale checks that attention's memory grows with the number of tokens,
// where its scores would grow with the square.
func TestBenchScale(t *testing.T) {
	m := small(t)
	plot := filepath.Join(t.TempDir(), "plot.svg")
	args := []string{"bench", "scale", "--model", m.vit, "--model", m.swin, "--size", "448,224", "--runs", "1", "-o", plot, "--quiet"}
	var r bench.Report[bench.ScaleResult]
	if err := json.Unmarshal([]byte(ok(t, append(args, "--json")...)), &r); err != nil || r.Kind != "scale" || r.Adapter == "" || len(r.Results) != 4 {
		t.Fatal(r, err)
	}
	all := r.Results
	for i, most := range []float64{16.2, 4.2} {
		a, b := all[2*i], all[2*i+1]
		memory, scores := float64(b.AttentionBytes)/float64(a.AttentionBytes), float64(b.ScoreBytes)/float64(a.ScoreBytes)
		if a.Size != 224 || b.Size != 448 || memory > 4.2 || scores > most || scores < most-1 || a.Median <= 0 || a.AttentionFLOPs >= a.FLOPs {
			t.Errorf("memory grows %.2f ×, scores %.2f ×: %+v", memory, scores, all[2*i:2*i+2])
		}
	}
	svg, err := os.ReadFile(plot)
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(svg, new(struct{})); err != nil || strings.Count(string(svg), "<polyline") != 6 {
		t.Errorf("%v\n%s", err, svg)
	}
}
