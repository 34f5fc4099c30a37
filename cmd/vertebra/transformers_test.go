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
	"github.com/vertebra/vertebra/vision/zoo"
)

// small adds small transformers to the registry for a test.
func small(t *testing.T) (vit, mae, swin, det zoo.Model) {
	t.Helper()
	c := models.ViTConfig{Image: graph.Both(64), Patch: 8, Dim: 24, Depth: 2, Heads: 3, Classes: 5}
	entry := func(name string, task zoo.Task, m func() models.Network) zoo.Model {
		return zoo.Model{
			Name: name, Task: task, Size: 64, Channels: 3, New: m,
			Preprocess: zoo.Preprocess{Size: [2]int{64, 64}, Mean: models.ImageNetMean, Std: models.ImageNetStd},
		}
	}
	vit = entry("vit_small", zoo.Classify, func() models.Network { return models.NewViT(c) })
	mae = entry("mae_small", zoo.Reconstruct, func() models.Network {
		return models.NewMAE(models.MAEConfig{Encoder: c, DecoderDim: 16, DecoderDepth: 1, DecoderHeads: 2, NormPix: true})
	})
	swin = entry("swin_small", zoo.Classify, func() models.Network {
		return models.NewSwin(models.SwinConfig{Dim: 16, Depths: []int{2, 2}, Heads: []int{2, 4}, Window: graph.Both(7), Classes: 5})
	})
	det = entry("det_small", zoo.Detect, func() models.Network { return models.NewViTDetector(c) })
	before := zoo.Models
	zoo.Models = append(slices.Clone(before), vit, mae, swin, det)
	t.Cleanup(func() { zoo.Models = before })
	return vit, mae, swin, det
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
	_, mae, _, _ := small(t)
	path, in, dir := checkpoint(t, mae.New()), photograph(t, 90, 70), t.TempDir()
	var pictures [][]byte
	for _, seed := range []string{"1", "1", "2"} {
		out := filepath.Join(dir, "out.png")
		var r reconstructed
		if err := json.Unmarshal([]byte(ok(t, "reconstruct", in, "--weights", path, "--ratio", "0.6", "--seed", seed, "-o", out, "--json")), &r); err != nil {
			t.Fatal(err)
		}
		if r.Model != "mae_small" || r.Patches != 64 || r.Hidden != 39 || r.Loss == nil || !(*r.Loss > 0) {
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
	vit, mae, swin, _ := small(t)
	in, out := photograph(t, 90, 70), filepath.Join(t.TempDir(), "out.png")
	for _, e := range []zoo.Model{vit, mae} {
		path := checkpoint(t, e.New())
		for _, who := range [][]string{nil, {"--head", "2"}, {"--at", "0.2,1"}} {
			ok(t, append([]string{"attention", e.Name, in, "--weights", path, "--block", "1", "-o", out}, who...)...)
			side(t, out, 2, 384, 384)
		}
	}
	path := checkpoint(t, swin.New())
	for _, block := range []string{"0", "1", "3"} {
		text := ok(t, "attention", "swin_small", in, "--weights", path, "--block", block, "--at", "0,0.9", "-o", out, "--size", "70x90")
		if !strings.Contains(text, "window_attention") {
			t.Error(text)
		}
		side(t, out, 3, 360, 280)
	}
}

// TestDetect finds boxes inside the picture, in its own pixels.
func TestDetect(t *testing.T) {
	_, _, _, det := small(t)
	path, in, out := checkpoint(t, det.New()), photograph(t, 180, 35), filepath.Join(t.TempDir(), "out.png")
	args := []string{"detect", "det_small", in, "--weights", path, "--threshold", "0.4", "-o", out}
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
	if err := json.Unmarshal([]byte(ok(t, "detect", "det_small", in, "--weights", path, "--threshold", "0.999999", "--json")), &none); err != nil || none.Objects == nil {
		t.Errorf("%+v, %v", none, err)
	}
}

func TestTransformerErrors(t *testing.T) {
	vit, mae, swin, det := small(t)
	in := photograph(t, 8, 8)
	w := map[string]string{}
	for _, e := range []zoo.Model{vit, mae, swin, det} {
		w[e.Name] = checkpoint(t, e.New())
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"want a name that ends in .png", []string{"reconstruct", in, "--weights", w["mae_small"], "-o", "OUT.jpg"}},
		{"--ratio 1, want 0 to less", []string{"reconstruct", in, "--weights", w["mae_small"], "-o", "OUT.png", "--ratio", "1"}},
		{"--ratio NaN, want", []string{"reconstruct", in, "--weights", w["mae_small"], "-o", "OUT.png", "--ratio", "NaN"}},
		{"in.png: a ratio of 0.999 hides all 64", []string{"reconstruct", in, "--weights", w["mae_small"], "-o", "OUT.png", "--ratio", "0.999"}},
		{"reconstruct swin_small: it names what is in a picture; for reconstruction see mae_vit_base_patch16", []string{"reconstruct", in, "--weights", w["swin_small"], "-o", "OUT.png"}},
		{"reconstruct vit_small: it names what is in a picture; for reconstruction see mae_vit_base_patch16", []string{"reconstruct", in, "--weights", w["vit_small"], "--model", "vit_small", "-o", "OUT.png"}},
		{"none.pth: no such file", []string{"reconstruct", in, "--weights", "none.pth", "-o", "OUT.png"}},
		{"none.png: no such file", []string{"reconstruct", "none.png", "--weights", w["mae_small"], "-o", "OUT.png"}},
		{"reconstruct needs --weights FILE, such as https://", []string{"reconstruct", in, "-o", "OUT.png"}},
		{"in.png: the model's input is 60×60 pixels, want multiples of 8", []string{"reconstruct", in, "--weights", w["mae_small"], "-o", "OUT.png", "--size", "60x60"}},
		{"attention needs --block N", []string{"attention", "vit_small", in, "--weights", w["vit_small"], "-o", "OUT.png"}},
		{"vit_small: there is no block 2: blocks are 0 to 1", []string{"attention", "vit_small", in, "--weights", w["vit_small"], "--block", "2", "-o", "OUT.png"}},
		{"vit_small: there is no head 3: heads are 0 to 2", []string{"attention", "vit_small", in, "--weights", w["vit_small"], "--block", "1", "--head", "3", "-o", "OUT.png"}},
		{"--at 1.5,0, want two", []string{"attention", "vit_small", in, "--weights", w["vit_small"], "--block", "1", "--at", "1.5,0", "-o", "OUT.png"}},
		{"--at 0, want two", []string{"attention", "swin_small", in, "--weights", w["swin_small"], "--block", "1", "--at", "0", "-o", "OUT.png"}},
		{"attention lenet: only transformers have attention to draw", []string{"attention", "lenet", in, "--block", "1", "-o", "OUT.png"}},
		{"detect lenet: it names what is in a picture", []string{"detect", "lenet", in}},
		{"--threshold 0", []string{"detect", "det_small", in, "--weights", w["det_small"], "--threshold", "0"}},
		{"OUT.png: want a name that ends in .svg", []string{"bench", "scale", "-o", "OUT.png"}},
		{"--size \"0\"", []string{"bench", "scale", "--size", "0", "-o", "OUT.svg"}},
		{"lenet5 has no attention", []string{"bench", "scale", "--model", "lenet5", "--size", "32", "--runs", "1", "-o", "OUT.svg"}},
		{"measured on a GPU", []string{"bench", "scale", "--device", "cpu", "-o", "OUT.svg"}},
		{"--iou 2", []string{"detect", "det_small", in, "--weights", w["det_small"], "--iou", "2"}},
		{"want a name that ends in .png", []string{"detect", "det_small", in, "--weights", w["det_small"], "-o", "OUT.gif"}},
		{"of vit_small, not of det_small", []string{"detect", "det_small", in, "--weights", w["vit_small"], "-o", "OUT.png"}},
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
	small(t)
	plot := filepath.Join(t.TempDir(), "plot.svg")
	args := []string{"bench", "scale", "--model", "vit_small", "--model", "swin_small", "--size", "448,224", "--runs", "1", "-o", plot, "--quiet"}
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
