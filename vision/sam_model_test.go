package vision

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// smallSAM writes a SAM with random weights.
func smallSAM(t *testing.T) string {
	m := models.NewSAM(models.SAMConfig{
		Size: 32, Patch: 8, Width: 8, Depth: 2, Heads: 2, Window: 3, Global: []int{1}, Channels: 16, DecoderMLP: 8, IoUHidden: 8, MaskChannels: 4,
	})
	weights.Random(m, 1)
	return saved(t, m)
}

// TestPredictor compares masks on the GPU with those in plain Go, with weights from a
// file.
func TestPredictor(t *testing.T) {
	ctx, photo := context.Background(), gradient(37, 22)
	path := smallSAM(t)
	prompts := []SAMPrompt{
		{Points: [][2]float32{{3, 20}}, Labels: []int{models.Foreground}},
		{Points: [][2]float32{{3, 20}}, Labels: []int{models.Background}, Box: &[4]float32{1, 2, 20, 21}, Single: true},
	}
	var want []*SAMMasks
	for _, o := range []Options{{Weights: path, Device: "cpu"}, {Weights: path}} {
		m := opened(t, zoo.SAM(), o)
		for range 2 { // the second predictor reuses the plans
			p, err := m.Predictor()
			if err != nil {
				t.Fatal(err)
			}
			if err := p.SetImage(ctx, photo); err != nil {
				t.Fatal(err)
			}
			for i, prompt := range prompts {
				got, err := p.Predict(ctx, prompt)
				if err != nil {
					t.Fatal(err)
				}
				if len(want) == i {
					want = append(want, got)
				}
				if d, err := tensor.Diff(got.Logits, want[i].Logits); err != nil || d.Relative > 1e-4 {
					t.Errorf("%+v: %v, %v", o, d, err)
				}
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
		if encoders, decoders := len(m.sam.encoder.all), len(m.sam.decoders.all); encoders != 1 || decoders != 2 {
			t.Errorf("%+v: %d encoders, %d decoders", o, encoders, decoders)
		}
	}
	if m := opened(t, zoo.ESPCN(2), Options{Device: "cpu"}); true {
		if _, err := m.Predictor(); err == nil || !strings.Contains(err.Error(), "sam_vit_b") {
			t.Errorf("ESPCN's predictor: %v", err)
		}
	}
}

// TestDecoders checks that decoders for many shapes of prompts do not pile up.
func TestDecoders(t *testing.T) {
	ctx, open := context.Background(), 0
	p := NewSAMPredictor(tinySAM(), zoo.Preprocess{}, func(g *graph.Graph) (Plan, error) {
		open++
		return counted{onCPU{g}, &open}, nil
	})
	if err := p.SetImage(ctx, gradient(10, 10)); err != nil {
		t.Fatal(err)
	}
	var prompt SAMPrompt
	for range 2 * mostPlans {
		prompt.Points, prompt.Labels = append(prompt.Points, [2]float32{1, 1}), append(prompt.Labels, models.Foreground)
		if _, err := p.Predict(ctx, prompt); err != nil {
			t.Fatal(err)
		}
		if open > 1+mostPlans {
			t.Fatalf("%d plans are open", open)
		}
	}
	if err := p.Close(); err != nil || open != 0 {
		t.Errorf("%d plans are left open: %v", open, err)
	}
}

// counted is a plan whose Close decrements a counter.
type counted struct {
	onCPU
	open *int
}

func (c counted) Close() error { *c.open--; return nil }

// TestSAMFiles saves an embedding and a mask, and loads them only for the same model
// and picture.
func TestSAMFiles(t *testing.T) {
	ctx, photo, dir := context.Background(), gradient(21, 45), t.TempDir()
	p := NewSAMPredictor(tinySAM(), zoo.Preprocess{}, Evaluate)
	defer p.Close()
	kept, logits := filepath.Join(dir, "e.sam"), filepath.Join(dir, "l.safetensors")
	if err := p.SaveEmbedding(ctx, kept); err == nil {
		t.Error("an embedding is saved without a picture")
	}
	if err := p.LoadEmbedding(kept, photo); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := p.SetImage(ctx, photo); err != nil {
		t.Fatal(err)
	}
	if err := p.SaveEmbedding(ctx, kept); err != nil {
		t.Fatal(err)
	}
	prompt := SAMPrompt{Points: [][2]float32{{3, 40}}, Labels: []int{models.Foreground}}
	want, err := p.Predict(ctx, prompt)
	if err != nil {
		t.Fatal(err)
	}
	if err := want.SaveLogits(logits, 2); err != nil {
		t.Fatal(err)
	}
	q := NewSAMPredictor(tinySAM(), zoo.Preprocess{}, Evaluate)
	defer q.Close()
	if err := q.LoadEmbedding(kept, photo); err != nil {
		t.Fatal(err)
	}
	if got, err := q.Predict(ctx, prompt); err != nil || !slices.Equal(got.Logits.Data, want.Logits.Data) {
		t.Errorf("the kept embedding gives other masks: %v", err)
	}
	mask, err := q.LoadMask(logits, photo)
	if err != nil || !slices.Equal(mask.Data, want.LowRes.Data[2*16*16:]) {
		t.Errorf("the kept mask is another: %v", err)
	}
	if err := q.LoadEmbedding(kept, gradient(21, 44)); err == nil || !strings.Contains(err.Error(), "belongs to another picture") {
		t.Errorf("another picture: %v", err)
	}
	other := zoo.SAMPreprocess(32)
	other.Mean[0]++
	if err := NewSAMPredictor(tinySAM(), other, Evaluate).LoadEmbedding(kept, photo); err == nil || !strings.Contains(err.Error(), "belongs to another model") {
		t.Errorf("another model: %v", err)
	}
	if err := q.LoadEmbedding(logits, photo); err == nil || !strings.Contains(err.Error(), "not the embedding of a picture") {
		t.Errorf("a mask: %v", err)
	}
	if _, err := q.LoadMask(kept, photo); err == nil {
		t.Error("an embedding is accepted as a mask")
	}
	if _, err := q.LoadMask("../cmd/vertebra/photo/cat.png", photo); err == nil || !strings.Contains(err.Error(), "the mask is 210×140, but the picture is 21×45") {
		t.Errorf("a mask of another size: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("files are %v", left)
	}
}

// TestStartMask turns a picture into logits: positive where it is white, and those of
// black outside its borders.
func TestStartMask(t *testing.T) {
	p := NewSAMPredictor(tinySAM(), zoo.Preprocess{}, Evaluate)
	defer p.Close()
	m := picture.New(32, 16, 1)
	for i := range m.Pix {
		if i%32 < 16 {
			m.Pix[i] = 255
		}
	}
	got := p.StartMask(m)
	for _, c := range []struct {
		row, column int
		want        float32
	}{{0, 0, 8}, {7, 6, 8}, {3, 12, -8}, {9, 0, -8}, {15, 15, -8}} {
		if v := got.Data[c.row*16+c.column]; v != c.want {
			t.Errorf("row %d, column %d: %v, want %v", c.row, c.column, v, c.want)
		}
	}
}
