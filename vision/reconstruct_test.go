package vision

import (
	"context"
	"image"
	"math"
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

// smallViT is a vision transformer small enough for plain Go.
var smallViT = models.ViTConfig{Image: graph.Both(64), Patch: 8, Dim: 24, Depth: 2, Heads: 3, Classes: 5}

// smallModel is a model with a given network and random weights.
func smallModel(name string, task zoo.Task, network func() models.Network) zoo.Model {
	return zoo.Model{
		Name: name, Task: task, Size: 64, Channels: 3, New: network,
		Preprocess: zoo.Preprocess{Size: [2]int{64, 64}, Mean: models.ImageNetMean, Std: models.ImageNetStd},
		Weights: func() (weights.Source, error) {
			m := network()
			weights.Random(m, 3)
			return tensors(m), nil
		},
	}
}

// tensors are the weights of a network as a source.
func tensors(m models.Network) weights.Source {
	all := weights.Map{}
	weights.Walk(m, func(name string, w *tensor.Tensor) { all[name] = w })
	return all
}

func smallMAE() zoo.Model {
	return smallModel("mae_small", zoo.Reconstruct, func() models.Network {
		return models.NewMAE(models.MAEConfig{Encoder: smallViT, DecoderDim: 16, DecoderDepth: 1, DecoderHeads: 2, NormPix: true})
	})
}

// TestReconstruct checks that a seed selects the patches, and that the GPU and plain
// Go give the same pictures.
func TestReconstruct(t *testing.T) {
	ctx, in := context.Background(), Image("in", pattern(90, 70, 3).Image())
	m := opened(t, smallMAE(), Options{Device: "cpu"})
	of := func(m *Model, o ReconstructOptions) *Reconstruction {
		t.Helper()
		r, err := m.Reconstruct(ctx, o, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range r.Panels() {
			if p.Picture.Width != 64 || p.Picture.Height != 64 {
				t.Errorf("%s is %v", p.Caption, p.Picture)
			}
		}
		return r
	}
	first, again, other := of(m, ReconstructOptions{Ratio: 0.6}), of(m, ReconstructOptions{Ratio: 0.6}), of(m, ReconstructOptions{Ratio: 0.6, Seed: 1})
	if first.Name != "in" || first.Patches != 64 || first.Hidden != 39 || !(first.Loss > 0) {
		t.Errorf("%+v", first)
	}
	if !slices.Equal(first.Pasted.Pix, again.Pasted.Pix) || slices.Equal(first.Masked.Pix, other.Masked.Pix) {
		t.Error("the seed does not select the patches")
	}
	if usual := of(m, ReconstructOptions{}); usual.Hidden != 48 {
		t.Errorf("%d patches are hidden", usual.Hidden)
	}
	if all := of(m, ReconstructOptions{Ratio: -1}); all.Hidden != 0 || !math.IsNaN(all.Loss) || !slices.Equal(all.Masked.Pix, all.Original.Pix) {
		t.Errorf("nothing is hidden: %+v", all)
	}
	if pixels := of(m, ReconstructOptions{Ratio: 0.6, Pixels: true}); slices.Equal(pixels.Reconstructed.Pix, first.Reconstructed.Pix) || pixels.Loss == first.Loss {
		t.Error("Pixels makes no difference")
	}
	// The network's Outputs compute the loss with the noise as a constant.
	own := *m.Network.(*models.MAE)
	own.MaskRatio = 0.6
	g, err := models.Trace(&own, 1, 64, 64, 3)
	if err != nil {
		t.Fatal(err)
	}
	want, err := g.Eval(ctx, m.prepare(ctx, in).input)
	if err != nil {
		t.Fatal(err)
	}
	if last := want[len(want)-1]; last.Name != "loss" || math.Abs(float64(last.Data[0])-first.Loss) > 1e-6 {
		t.Errorf("loss is %v, want %v", first.Loss, last.Data)
	}
	fast := of(opened(t, smallMAE(), Options{}), ReconstructOptions{Ratio: 0.6})
	if !slices.Equal(fast.Masked.Pix, first.Masked.Pix) || math.Abs(fast.Loss-first.Loss) > 1e-4 {
		t.Errorf("on the GPU the loss is %v, want %v", fast.Loss, first.Loss)
	}
	for i, v := range fast.Reconstructed.Pix {
		if d := int(v) - int(first.Reconstructed.Pix[i]); d < -1 || d > 1 {
			t.Fatalf("sample %d is %d on the GPU, want %d", i, v, first.Reconstructed.Pix[i])
		}
	}
}

func TestReconstructErrors(t *testing.T) {
	ctx, in := context.Background(), Image("in", image.NewGray(image.Rect(0, 0, 9, 9)))
	m := opened(t, smallMAE(), Options{Device: "cpu"})
	odd := opened(t, smallMAE(), Options{Device: "cpu", Size: [2]int{60, 64}})
	for _, c := range []struct {
		m    *Model
		o    ReconstructOptions
		in   Input
		want string
	}{
		{m, ReconstructOptions{Ratio: 1}, in, "the ratio of hidden patches is 1, want"},
		{m, ReconstructOptions{Ratio: math.NaN()}, in, "patches is NaN"},
		{m, ReconstructOptions{Ratio: 0.999}, in, "in: a ratio of 0.999 hides all 64 patches"},
		{odd, ReconstructOptions{}, in, "in: the model's input is 64×60 pixels, want multiples of 8"},
		{m, ReconstructOptions{}, File("none.png"), "none.png: no such file"},
	} {
		if _, err := c.m.Reconstruct(ctx, c.o, c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want %q", err, c.want)
		}
	}
}

// TestPaint gives paint the picture's own normalised patches as the prediction. The
// result must be the picture.
func TestPaint(t *testing.T) {
	pre := smallMAE().Preprocess
	x, _, err := pre.Apply(pattern(64, 64, 3))
	if err != nil {
		t.Fatal(err)
	}
	pred, mask := tensor.New(1, 64, 192), tensor.New(1, 64)
	for i := range 64 {
		mask.Data[i] = float32(i % 2)
		at := func(k int) float64 {
			return float64(x.Data[((i/8*8+k/24)*64+i%8*8)*3+k%24])
		}
		mean, squares := 0.0, 0.0
		for k := range 192 {
			mean += at(k) / 192
		}
		for k := range 192 {
			squares += (at(k) - mean) * (at(k) - mean)
		}
		for k := range 192 {
			pred.Data[i*192+k] = float32((at(k) - mean) / math.Sqrt(squares/191+1e-6))
		}
	}
	var r Reconstruction
	if err := r.paint(pre, x, 8, false, pred, mask); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*picture.Image{r.Reconstructed, r.Pasted} {
		if !slices.Equal(m.Pix, r.Original.Pix) {
			t.Error("the painted picture is not the original")
		}
	}
	for i, v := range r.Masked.Pix {
		hidden := i/3%64/8%2 == 1
		if want := r.Original.Pix[i]; !hidden && v != want || hidden && (v < 127 || v > 128) {
			t.Fatalf("masked: sample %d is %d", i, v)
		}
	}
}
