package vision

import (
	"context"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/vertebra/vertebra/internal/onnxfile"
	"github.com/vertebra/vertebra/onnx/cases"
	"github.com/vertebra/vertebra/vision/zoo"
)

// pictureIn returns the picture from which the input of a trained network was made, in the
// folder that VERTEBRA_ONNX names: width×height pixels, in the middle of twice as many rows
// if tall is set. low and high are what black and white became.
func pictureIn(t *testing.T, folder string, first, bgr bool, width, height int, low, high float64) image.Image {
	t.Helper()
	list, err := cases.Arrays(filepath.Join(os.Getenv("VERTEBRA_ONNX"), "real", folder, "test_data_set_0"), "input")
	if err != nil {
		t.Fatal(err)
	}
	x := func(c, i int) uint8 {
		if bgr {
			c = 2 - c
		}
		at := i*3 + c
		if first {
			at = c*width*height + i
		}
		return uint8(math.Round(255 * (list[0].At(at) - low) / (high - low)))
	}
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		m.Set(i%width, i/width, color.NRGBA{x(0, i), x(1, i), x(2, i), 255})
	}
	return m
}

// TestDetectReal finds what is in pictures with trained networks, in the folder that
// VERTEBRA_ONNX names. vision/decode has the same boxes, from ONNX Runtime's results.
func TestDetectReal(t *testing.T) {
	root := os.Getenv("VERTEBRA_ONNX")
	if root == "" {
		return
	}
	for _, c := range []struct {
		folder, decoder string
		first, bgr      bool
		width, height   int
		low, high       float64
		want            Object
		found, points   int
	}{
		{"yolox_nano_416", "yolox", true, true, 416, 416, 0, 255, Object{Box: [4]float32{112.068, 10.509, 292.91, 205.055}, Class: 41, ClassName: "cup", Score: 0.89602}, 2, 0},
		{"ultraface_rfb_320", "ultraface", true, false, 320, 240, -127. / 128, 1, Object{Box: [4]float32{112.287, 28.853, 167.439, 81.353}, ClassName: "face", Score: 1}, 1, 0},
		{"blazeface_front_128", "blazeface", false, false, 128, 128, -1, 1, Object{Box: [4]float32{44.314, 20.155, 67.97, 43.811}, ClassName: "face", Score: 0.92067}, 1, 6},
		{"yunet_2026may", "yunet", true, true, 320, 320, 0, 255, Object{Box: [4]float32{112.113, 39.233, 168.038, 109.216}, ClassName: "face", Score: 0.93842}, 1, 5},
	} {
		o := Options{ONNX: zoo.ONNXOptions{Task: zoo.Detect, Usual: DecoderInput(c.decoder)}}
		if c.folder == "yunet_2026may" {
			o.Size = [2]int{320, 320}
		}
		m, err := Open(filepath.Join(root, "real", c.folder, "model.onnx"), o)
		if err != nil {
			t.Errorf("%s: %v", c.folder, err)
			continue
		}
		defer m.Close()
		in := pictureIn(t, c.folder, c.first, c.bgr, c.width, c.height, c.low, c.high)
		for r, err := range m.Detect(context.Background(), DetectionFilter{Decoder: c.decoder}, Image("it", in)) {
			if err != nil || len(r.Found) != c.found {
				t.Errorf("%s: %+v, %v", c.folder, r.Found, err)
				continue
			}
			o := r.Found[0]
			near := o.Class == c.want.Class && o.ClassName == c.want.ClassName && len(o.Points) == c.points && math.Abs(float64(o.Score-c.want.Score)) < 1e-3
			for i, v := range o.Box {
				near = near && math.Abs(float64(v-c.want.Box[i])) < 0.05
			}
			if !near {
				t.Errorf("%s: %+v, want %+v", c.folder, o, c.want)
			}
		}
	}
}

// TestSharedOutputs finds two objects in each of three pictures, by files whose outputs do
// not follow the number of pictures though they may equal it.
func TestSharedOutputs(t *testing.T) {
	f := onnxfile.File{
		Inputs: ports{{Name: "x", Shape: []any{"N", 3, 4, 4}}},
		Nodes: nodes{
			node("ReduceMean", "x", "mean", map[string]any{"axes": []int{0, 1, 2, 3}, "keepdims": 0}), node("Mul", "mean zero", "none", nil),
			node("Add", "none b", "boxes", nil), node("Add", "none s", "scores", nil), node("Add", "none l", "labels", nil),
		},
		Weights: []onnxfile.Weight{
			{Name: "zero", Data: []float32{0}}, {Name: "b", Shape: []int{2, 4}, Data: []float32{0, 0, 1, 1, 2, 2, 3, 3}},
			{Name: "s", Shape: []int{2}, Data: []float32{0.9, 0.8}}, {Name: "l", Shape: []int{2}, Data: []float32{1, 2}},
		},
		Outputs: ports{{Name: "boxes"}, {Name: "scores"}, {Name: "labels"}},
	}
	black := plain("black", 4, 4, color.RGBA{A: 255})
	for batch := 1; batch <= 3; batch++ {
		m, err := Open(writeONNX(t, f, ""), Options{Device: "cpu", Batch: batch, ONNX: zoo.ONNXOptions{Task: zoo.Detect, Input: unit.Input}})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		count := 0
		for r, err := range m.Detect(context.Background(), DetectionFilter{}, black, black, black) {
			if count++; err != nil || len(r.Found) != 2 || r.Found[1].Class != 2 {
				t.Errorf("with a batch of %d: %+v, %v", batch, r.Found, err)
			}
		}
		if n := m.Network.(*zoo.ONNX); count != 3 || n.Shares(false, nil) {
			t.Errorf("%d results, and the outputs are shared out", count)
		}
	}
	m, err := Open(writeONNX(t, means("N"), ""), Options{Device: "cpu", Batch: 2, Lazy: true, ONNX: unit})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if n := m.most(true, nil, 3); n != 2 {
		t.Errorf("%d pictures at once, want 2: the output follows them", n)
	}
}
