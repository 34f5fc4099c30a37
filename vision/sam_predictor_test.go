package vision

import (
	"context"
	"reflect"
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

// tinySAM is a SAM small enough for plain Go, with random weights.
func tinySAM() *models.SAM {
	m := models.NewSAM(models.SAMConfig{
		Size: 32, Patch: 8, Width: 8, Depth: 2, Heads: 2, Window: 3, Global: []int{1}, Channels: 8,
		DecoderHeads: 2, DecoderMLP: 8, IoUHidden: 8, MaskChannels: 4,
	})
	weights.Random(m, 1)
	return m
}

// gradient is a picture whose pixels all differ from their neighbours.
func gradient(width, height int) *picture.Image {
	m := picture.New(width, height, 3)
	for i := range m.Pix {
		m.Pix[i] = uint8(i * 7 / (i%5 + 1))
	}
	return m
}

// TestSAMPredictor checks that a predictor needs nothing of a picture but its
// embedding, and that a mask of one prompt can start the next.
func TestSAMPredictor(t *testing.T) {
	ctx, m := context.Background(), tinySAM()
	p := NewSAMPredictor(m, zoo.Preprocess{}, Evaluate)
	defer p.Close()
	if _, err := p.Predict(ctx, SAMPrompt{}); err == nil || err.Error() != "sam: no picture has been set" {
		t.Errorf("error is %v", err)
	}
	if err := p.SetImage(ctx, gradient(21, 45)); err != nil {
		t.Fatal(err)
	}
	prompt := SAMPrompt{Points: [][2]float32{{3, 40}, {20, 1}}, Labels: []int{models.Foreground, models.Background}, Box: &[4]float32{1, 2, 20, 44}}
	first, err := p.Predict(ctx, prompt)
	if err != nil {
		t.Fatal(err)
	}
	if s := first.Logits.Shape.String() + first.LowRes.Shape.String(); s != "[3, 45, 21][3, 16, 16]" || len(first.IoU) != 3 {
		t.Errorf("masks are %s with %d scores", s, len(first.IoU))
	}
	q := NewSAMPredictor(m, zoo.Preprocess{}, Evaluate)
	defer q.Close()
	e, err := p.Embedding(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.SetEmbedding(e); err != nil {
		t.Fatal(err)
	}
	again, err := q.Predict(ctx, prompt)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(again.Logits.Data, first.Logits.Data) || !slices.Equal(again.IoU, first.IoU) {
		t.Error("the embedding gives other masks than the picture")
	}
	side, best := first.LowRes.Shape[1], first.Best()
	refined := SAMPrompt{Single: true, Mask: tensor.Of(first.LowRes.Data[best*side*side:][:side*side], side, side)}
	one, err := q.Predict(ctx, refined)
	if err != nil {
		t.Fatal(err)
	}
	if s := one.Logits.Shape.String(); s != "[1, 45, 21]" {
		t.Errorf("a single mask is %s", s)
	}
}

func TestSAMPromptErrors(t *testing.T) {
	p := NewSAMPredictor(tinySAM(), zoo.Preprocess{}, Evaluate)
	defer p.Close()
	if err := p.SetImage(context.Background(), gradient(10, 20)); err != nil {
		t.Fatal(err)
	}
	point := [][2]float32{{11, 3}}
	for _, c := range []struct {
		prompt SAMPrompt
		want   string
	}{
		{SAMPrompt{}, "no point, box or mask"},
		{SAMPrompt{Points: point, Labels: []int{models.Foreground}}, "the point 11,3 is outside the picture of 10×20"},
		{SAMPrompt{Points: point}, "1 points have 0 labels"},
		{SAMPrompt{Points: [][2]float32{{1, 1}}, Labels: []int{2}}, "has label 2"},
		{SAMPrompt{Box: &[4]float32{5, 5, 5, 9}}, "is empty or outside"},
		{SAMPrompt{Box: &[4]float32{5, 5, 7, 29}}, "is empty or outside"},
		{SAMPrompt{Mask: tensor.New(8, 8)}, "the mask is [8, 8], want 16×16"},
	} {
		if _, err := p.Predict(context.Background(), c.prompt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want %q", err, c.want)
		}
	}
	if err := p.SetEmbedding(&SAMEmbedding{tensor.New(1, 2, 2, 8), 10, 20}); err == nil {
		t.Error("an embedding of another size is accepted")
	}
}

// TestEverything checks that the number of prompts decoded at once makes no
// difference.
func TestEverything(t *testing.T) {
	p := NewSAMPredictor(tinySAM(), zoo.Preprocess{}, Evaluate)
	defer p.Close()
	find := func(batch int) []SAMRegion {
		steps := 0
		o := SAMEverything{PointsPerSide: 4, PointsPerBatch: batch, PredictedIoU: -1, Stability: -1, CropLayers: 1, CropDownscale: 2}
		o.Progress = func(done, total int) {
			if steps++; done != steps || total != (16+batch-1)/batch+4*((4+batch-1)/batch) {
				t.Errorf("batch %d: step %d of %d", batch, done, total)
			}
		}
		found, err := p.Everything(context.Background(), gradient(50, 61), o)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := p.Embedding(context.Background()); err != nil || e.Width != 50 || e.Height != 61 {
			t.Errorf("the embedding is %+v, %v", e, err)
		}
		return found
	}
	want := find(16)
	if len(want) == 0 {
		t.Fatal("Everything finds nothing")
	}
	for _, r := range want {
		if r.Segmentation.Size != [2]int{61, 50} || r.Area != r.Segmentation.Area() {
			t.Errorf("found %+v", r)
		}
	}
	if got := find(3); !reflect.DeepEqual(got, want) {
		t.Errorf("in batches of 3: %v, want %v", got, want)
	}
	if _, err := p.Everything(context.Background(), gradient(50, 61), SAMEverything{CropLayers: 1, CropOverlap: 2}); err == nil {
		t.Error("an overlap of twice the picture is accepted")
	}
	if err := p.SetEmbedding(&SAMEmbedding{Width: 1, Height: 1}); err == nil {
		t.Error("an embedding without features is accepted")
	}
}

// TestUpscaleLogits compares the combined resize with two resizes one after the other.
func TestUpscaleLogits(t *testing.T) {
	low := tensor.New(2, 16, 16)
	for i := range low.Data {
		low.Data[i] = float32(i*i%37) - 18
	}
	for _, c := range []struct{ inside, picture [2]int }{
		{[2]int{64, 64}, [2]int{64, 64}}, {[2]int{43, 64}, [2]int{61, 90}}, {[2]int{64, 41}, [2]int{17, 11}}, {[2]int{64, 1}, [2]int{300, 2}},
	} {
		g, err := graph.Trace(func(g *graph.Graph) {
			x := g.Input("x", 2, 16, 16, 1).Resize(graph.Resize{Mode: graph.Bilinear, Size: graph.Both(64)})
			x = x.Slice(1, 0, c.inside[0]).Slice(2, 0, c.inside[1])
			g.Output("y", x.Resize(graph.Resize{Mode: graph.Bilinear, Size: c.picture}))
		})
		if err != nil {
			t.Fatal(err)
		}
		want, err := g.Eval(context.Background(), low.Reshape(2, 16, 16, 1))
		if err != nil {
			t.Fatal(err)
		}
		got := UpscaleLogits(low, 64, c.inside, c.picture)
		if d, err := tensor.Diff(got.Reshape(want[0].Shape...), want[0]); err != nil || d.Relative > 1e-6 {
			t.Errorf("%v: %v, %v", c, d, err)
		}
	}
}
