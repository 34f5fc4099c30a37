package vision

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/internal/onnxfile"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

type (
	ports = []onnxfile.Port
	nodes = []onnxfile.Node
)

// node is a node with one output.
func node(op, in, out string, attributes map[string]any) onnxfile.Node {
	return onnxfile.Node{Op: op, Inputs: strings.Fields(in), Outputs: []string{out}, Attributes: attributes}
}

// writeONNX writes a file to a folder of its own, with a model.json unless that is "".
func writeONNX(t *testing.T, f onnxfile.File, json string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "model.onnx")
	err := os.WriteFile(path, f.Encode(), 0o644)
	if err == nil && json != "" {
		err = os.WriteFile(filepath.Join(dir, "model.json"), []byte(json), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// means is a network whose classes are the mean of red, green and blue.
func means(batch any) onnxfile.File {
	return onnxfile.File{
		Inputs:  ports{{Name: "picture", Shape: []any{batch, 3, 4, 8}}},
		Nodes:   nodes{node("GlobalAveragePool", "picture", "mean", nil), node("Flatten", "mean", "flat", nil)},
		Outputs: ports{{Name: "flat", Shape: []any{batch, 3}}},
	}
}

func plain(name string, width, height int, c color.RGBA) Input {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.Set(x, y, c)
		}
	}
	return Image(name, m)
}

// unit is the input 0 to 1.
var unit = zoo.ONNXOptions{Input: zoo.ModelInput{Range: []float64{0, 1}}}

// TestONNXClassify classifies in batches, with preprocessing from options and from a
// model.json, and from scores and probabilities.
func TestONNXClassify(t *testing.T) {
	pictures := []Input{plain("a", 8, 4, color.RGBA{255, 51, 0, 255}), plain("b", 30, 20, color.RGBA{0, 0, 102, 255}), plain("c", 1, 1, color.RGBA{0, 204, 0, 255})}
	soft := means("N")
	soft.Nodes = append(soft.Nodes, node("Softmax", "flat", "probabilities", map[string]any{"axis": 1}))
	soft.Outputs[0].Name = "probabilities"
	for name, c := range map[string]struct {
		file   onnxfile.File
		json   string
		o      Options
		logits [][3]float64 // without a constant
		names  string
	}{
		"options": {file: means("N"), o: Options{Batch: 2, ONNX: unit}, logits: [][3]float64{{1, 0.2, 0}, {0, 0, 0.4}, {0, 0.8, 0}}},
		"fixed batch": {file: means(2), o: Options{ONNX: unit, Labels: []string{"r", "g", "b"}},
			logits: [][3]float64{{1, 0.2, 0}, {0, 0, 0.4}, {0, 0.8, 0}}, names: "rbg"},
		"probabilities": {file: soft, o: Options{Batch: 3, ONNX: unit}, logits: [][3]float64{{1, 0.2, 0}, {0, 0, 0.4}, {0, 0.8, 0}}},
		"model.json below options": { // (v - mean) / std of model.json, with v from -1 to 1 of the options
			file: means("N"), json: `{"inputs": [{"range": [0, 255], "mean": [0.5, 0, 0], "std": [2]}]}`,
			o:      Options{ONNX: zoo.ONNXOptions{Input: zoo.ModelInput{Range: []float64{-1, 1}}}},
			logits: [][3]float64{{0.25, -0.3, -0.5}, {-0.75, -0.5, -0.1}, {-0.75, 0.3, -0.5}},
		},
		"the largest sample as 255": {file: means("N"), json: `{"inputs": [{"peak": true, "mean": [0.5, 0, 0]}]}`, o: Options{Batch: 3},
			logits: [][3]float64{{0.5, 0.2, 0}, {-0.5, 0, 1}, {-0.5, 1, 0}}},
		"the decoder's authors'": {file: means("N"), json: `{"decode": "yolox", "inputs": [{"fit": "stretch"}]}`,
			logits: [][3]float64{{0, 51, 255}, {102, 0, 0}, {0, 204, 0}}},
		"model.json": {
			file:   means("N"),
			json:   `{"task": "classification", "labels": ["x", "y", "z"], "inputs": [{"range": [0, 255], "mean": [51, 0, 0], "std": 204, "channels": "bgr"}]}`,
			logits: [][3]float64{{-0.25, 0.25, 1.25}, {0.25, 0, 0}, {-0.25, 1, 0}}, names: "zxy",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Device = "cpu"
			if name == "options" {
				c.o.Device = "" // on the device once
			}
			m, err := Open(writeONNX(t, c.file, c.json), c.o)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			if m.Task != zoo.Classify || m.For(zoo.Segment) == nil {
				t.Errorf("the task is %v", m.Task)
			}
			i := 0
			for r, err := range m.Classify(context.Background(), pictures...) {
				if err != nil {
					t.Fatal(err)
				}
				all := r.Probabilities()
				sum := math.Exp(c.logits[i][0]) + math.Exp(c.logits[i][1]) + math.Exp(c.logits[i][2])
				for k, p := range all {
					if math.Abs(p-math.Exp(c.logits[i][k])/sum) > 1e-6 {
						t.Errorf("%s: probabilities %v, want those of %v", r.Name, all, c.logits[i])
					}
				}
				if c.names != "" && r.Top(1)[0].Name != c.names[i:i+1] {
					t.Errorf("%s is of class %q", r.Name, r.Top(1)[0].Name)
				}
				i++
			}
			if i != len(pictures) {
				t.Errorf("%d results", i)
			}
		})
	}
}

// TestONNXLabels opens files with names of classes whose number fits or does not.
func TestONNXLabels(t *testing.T) {
	mask := onnxfile.File{
		Inputs: ports{{Name: "x", Shape: []any{1, 3, 4, 8}}}, Outputs: ports{{Name: "y"}},
		Nodes: nodes{node("ReduceMean", "x", "y", map[string]any{"axes": []int{1}, "keepdims": 1})},
	}
	numbers := mask
	numbers.Nodes = nodes{node("ArgMax", "x", "y", map[string]any{"axis": 1})}
	numbers.Outputs = ports{{Name: "y", Type: 7}}
	for name, c := range map[string]struct {
		file   onnxfile.File
		task   zoo.Task
		labels int
		ok     bool
	}{
		"classes":          {means("N"), zoo.Classify, 3, true},
		"too few":          {means("N"), zoo.Classify, 1, false},
		"an embedding":     {means("N"), zoo.Embed, 1, true},
		"mask":             {mask, zoo.Segment, 2, true},
		"mask, too many":   {mask, zoo.Segment, 3, false},
		"numbers, any":     {numbers, zoo.Segment, 7, true},
		"nothing is known": {means("N"), zoo.Classify, 0, true},
	} {
		path := writeONNX(t, c.file, "")
		o := zoo.Options{ONNX: unit, Labels: make([]string, c.labels)}
		if c.labels == 0 {
			o.Labels = nil
		}
		m, err := zoo.Open(path, o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := m.For(c.task); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		m.Network.(*zoo.ONNX).Close()
		o.ONNX.Task = c.task
		if m, err = zoo.Open(path, o); (err == nil) != c.ok {
			t.Errorf("%s, with its task: %v", name, err)
		}
		if err == nil {
			m.Network.(*zoo.ONNX).Close()
		}
	}
}

// halves is a picture whose left half is red and whose right half is green.
func halves() Input {
	m := image.NewRGBA(image.Rect(0, 0, 16, 8))
	for y := range 8 {
		for x := range 16 {
			c := color.RGBA{255, 0, 0, 255}
			if x >= 8 {
				c = color.RGBA{0, 255, 0, 255}
			}
			m.Set(x, y, c)
		}
	}
	return Image("halves", m)
}

// TestONNXSegment segments by scores, masks and numbers of classes, in both layouts and at
// other sizes than the picture's.
func TestONNXSegment(t *testing.T) {
	weight := onnxfile.Weight{Name: "w", Shape: []int{2, 3, 1, 1}, Data: []float32{4, -4, 0, -4, 4, 0}}
	one := onnxfile.Weight{Name: "w", Shape: []int{1, 3, 1, 1}, Data: []float32{-9, 9, 0}}
	share := onnxfile.Weight{Name: "w", Shape: []int{1, 3, 1, 1}, Data: []float32{0.2, 1.0001, 0}}
	axes := onnxfile.Weight{Name: "axes", Shape: []int{1}, Ints: []int{1}}
	nchw := func(h, w any) ports { return ports{{Name: "x", Shape: []any{"n", 3, h, w}}} }
	for name, c := range map[string]struct {
		file  onnxfile.File
		size  [2]int
		right uint8 // class of the right half
	}{
		"scores": {onnxfile.File{Inputs: nchw("h", "w"), Weights: []onnxfile.Weight{weight},
			Nodes: nodes{node("Conv", "x w", "y", nil)}, Outputs: ports{{Name: "y"}}}, [2]int{8, 16}, 1},
		"coarse scores": {onnxfile.File{Inputs: nchw(8, 16), Weights: []onnxfile.Weight{weight},
			Nodes:   nodes{node("AveragePool", "x", "p", map[string]any{"kernel_shape": []int{4, 4}, "strides": []int{4, 4}}), node("Conv", "p w", "y", nil)},
			Outputs: ports{{Name: "y"}}}, [2]int{}, 1},
		"mask": {onnxfile.File{Inputs: nchw(4, 8), Weights: []onnxfile.Weight{one, axes},
			Nodes: nodes{node("Conv", "x w", "a", nil), node("Sigmoid", "a", "b", nil), node("Squeeze", "b axes", "y", nil)}, Outputs: ports{{Name: "y"}}}, [2]int{}, 1},
		"mask that passes 1 by a little": {onnxfile.File{Inputs: nchw(4, 8), Weights: []onnxfile.Weight{share},
			Nodes: nodes{node("Conv", "x w", "y", nil)}, Outputs: ports{{Name: "y"}}}, [2]int{}, 1},
		"numbers": {onnxfile.File{Inputs: nchw(8, 16), Weights: []onnxfile.Weight{weight},
			Nodes: nodes{node("Conv", "x w", "a", nil), node("ArgMax", "a", "y", map[string]any{"axis": 1, "keepdims": 0})}, Outputs: ports{{Name: "y", Type: 7}}}, [2]int{}, 1},
		"channels last": {onnxfile.File{Inputs: ports{{Name: "x", Shape: []any{1, 8, 16, 3}}}, Weights: []onnxfile.Weight{weight},
			Nodes: nodes{node("Transpose", "x", "t", map[string]any{"perm": []int{0, 3, 1, 2}}), node("Conv", "t w", "a", nil),
				node("Transpose", "a", "y", map[string]any{"perm": []int{0, 2, 3, 1}})}, Outputs: ports{{Name: "y"}}}, [2]int{}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Device: "cpu", Size: c.size, ONNX: unit}
			o.ONNX.Task = zoo.Segment
			m, err := Open(writeONNX(t, c.file, ""), o)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			for r, err := range m.Segment(context.Background(), SegmentOptions{}, halves()) {
				if err != nil {
					t.Fatal(err)
				}
				for i, class := range r.Class {
					want := uint8(0)
					if i%16 >= 8 {
						want = c.right
					}
					if class != want || r.Width != 16 || r.Height != 8 {
						t.Fatalf("pixel %d, %d of %d×%d is of class %d", i%16, i/16, r.Width, r.Height, class)
					}
				}
			}
		})
	}
}

// TestONNXUpscale enlarges by networks that repeat pixels: one of any size, one of a fixed
// size that takes BGR from -1 to 1, and one that nobody knows how far it looks.
func TestONNXUpscale(t *testing.T) {
	repeat := onnxfile.Weight{Name: "w", Shape: []int{12, 3, 1, 1}, Data: make([]float32, 36)}
	for i := range 12 {
		repeat.Data[i*3+i/4] = 1
	}
	build := func(h, w any, before ...onnxfile.Node) onnxfile.File {
		in := "x"
		if len(before) > 0 {
			in = before[len(before)-1].Outputs[0]
		}
		return onnxfile.File{Inputs: ports{{Name: "x", Shape: []any{1, 3, h, w}}}, Weights: []onnxfile.Weight{repeat},
			Nodes:   append(before, node("Conv", in+" w", "a", nil), node("DepthToSpace", "a", "y", map[string]any{"blocksize": 2, "mode": "CRD"})),
			Outputs: ports{{Name: "y"}}}
	}
	for name, c := range map[string]struct {
		file  onnxfile.File
		input zoo.ModelInput
		seams bool
	}{
		"free":    {build("h", "w"), zoo.ModelInput{Range: []float64{0, 1}}, false},
		"fixed":   {build(9, 12), zoo.ModelInput{Range: []float64{-1, 1}, Channels: "bgr"}, false},
		"unknown": {build(9, 12, node("MaxPool", "x", "p", map[string]any{"kernel_shape": []int{1, 1}})), zoo.ModelInput{Range: []float64{0, 255}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Device: "cpu", ONNX: zoo.ONNXOptions{Task: zoo.SuperResolve, Input: c.input}}
			m, err := Open(writeONNX(t, c.file, ""), o)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			in := image.NewRGBA(image.Rect(0, 0, 31, 7))
			for i := range in.Pix {
				if in.Pix[i] = uint8(i * 7); i%4 == 3 {
					in.Pix[i] = 255
				}
			}
			var file bytes.Buffer
			e, err := m.Upscale(context.Background(), UpscaleOptions{}, Image("in", in), &file)
			if err != nil {
				t.Fatal(err)
			}
			out, err := png.Decode(&file)
			if err != nil {
				t.Fatal(err)
			}
			if e.Scale != 2 || e.Seams != c.seams || out.Bounds() != image.Rect(0, 0, 62, 14) {
				t.Errorf("%+v of %v", e, out.Bounds())
			}
			got := picture.From(out)
			for y := range 14 {
				for x := range 62 {
					for k := range 3 {
						if g, w := got.Pix[(y*62+x)*3+k], in.Pix[in.PixOffset(x/2, y/2)+k]; g != w {
							t.Fatalf("pixel %d, %d has %d, want %d", x, y, g, w)
						}
					}
				}
			}
		})
	}
}

// TestONNXFeatures takes an embedding, and a value inside a file by its name.
func TestONNXFeatures(t *testing.T) {
	o := Options{Device: "cpu", Batch: 2, ONNX: unit}
	m, err := Open(writeONNX(t, means("N"), ""), o)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	in := []Input{plain("a", 8, 4, color.RGBA{255, 51, 0, 255}), plain("b", 8, 4, color.RGBA{0, 0, 102, 255})}
	var vectors [][]float32
	for e, err := range m.EmbedPictures(context.Background(), in...) {
		if err != nil {
			t.Fatal(err)
		}
		vectors = append(vectors, e.Vector)
	}
	if len(vectors) != 2 || vectors[0][0] != 1 || vectors[1][2] != 0.4 {
		t.Errorf("vectors %v", vectors)
	}
	stages, err := m.Stages()
	if err != nil || strings.Join(stages, " ") != "mean flat" {
		t.Fatalf("stages %v, %v", stages, err)
	}
	for f, err := range m.Features(context.Background(), []string{"mean"}, in...) {
		if err != nil {
			t.Fatal(err)
		}
		if s := f.Stages[0]; s.Name != "mean" || s.Shape.String() != "[1, 1, 1, 3]" {
			t.Errorf("%s is %v", s.Name, s.Shape)
		}
	}
}
