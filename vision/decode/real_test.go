package decode_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/vertebra/vertebra/onnx"
	"github.com/vertebra/vertebra/onnx/cases"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/decode"
)

// real are outputs of trained networks, and their boxes as a script in JavaScript decoded
// what ONNX Runtime 1.30.0 computed.
var real = []struct {
	folder, set, decoder string
	size                 [2]int
	guessed              bool
	want                 []decode.Box
}{
	{"yolox_nano_416", "0", "yolox", [2]int{416, 416}, false, []decode.Box{
		{Bounds: [4]float32{112.068, 10.509, 292.91, 205.055}, Class: 41, Score: 0.89602},
		{Bounds: [4]float32{0.131, 0.208, 414.346, 276.716}, Class: 60, Score: 0.74973},
	}},
	{"ultraface_rfb_320", "0", "ultraface", [2]int{240, 320}, true, []decode.Box{{Bounds: [4]float32{112.287, 28.853, 167.439, 81.353}, Score: 1}}},
	{"blazeface_front_128", "0", "blazeface", [2]int{128, 128}, true, []decode.Box{
		{Bounds: [4]float32{44.314, 20.155, 67.97, 43.811}, Score: 0.92067, Points: points(50.814, 25.248, 61.84, 27.06, 55.392, 31.225, 54.674, 36.441, 44.335, 27.392, 67.658, 31.074)},
	}},
	{"yunet_2026may", "0", "yunet", [2]int{320, 320}, true, []decode.Box{
		{Bounds: [4]float32{112.113, 39.233, 168.038, 109.216}, Score: 0.93842, Points: points(127.071, 63.53, 153.137, 63.63, 139.351, 78.146, 127.207, 90.2, 150.102, 88.983)},
	}},
	{"yunet_2026may", "1", "yunet", [2]int{224, 256}, true, []decode.Box{
		{Bounds: [4]float32{91.137, 29.664, 134.048, 78.512}, Score: 0.93585, Points: points(101.449, 47.09, 120.203, 47.241, 109.643, 56.701, 102.399, 63.762, 118.296, 64.224)},
	}},
}

func points(xy ...float32) []decode.Point {
	var all []decode.Point
	for i := 0; i < len(xy); i += 2 {
		all = append(all, decode.Point{X: xy[i], Y: xy[i+1], Score: 1})
	}
	return all
}

// arrays reads tensors of a set of data in the folder real of the one that VERTEBRA_ONNX
// names.
func arrays(t *testing.T, folder, set, kind string) []*tensor.Tensor {
	t.Helper()
	list, err := cases.Arrays(filepath.Join(os.Getenv("VERTEBRA_ONNX"), "real", folder, "test_data_set_"+set), kind)
	if err != nil {
		t.Fatal(err)
	}
	var all []*tensor.Tensor
	for _, a := range list {
		x, err := a.Tensor()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	return all
}

// TestReal decodes the outputs of trained networks if VERTEBRA_ONNX names the folder that
// has them.
func TestReal(t *testing.T) {
	root := os.Getenv("VERTEBRA_ONNX")
	if root == "" {
		return
	}
	for _, c := range real {
		m, err := onnx.Open(filepath.Join(root, "real", c.folder, "model.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		outputs, shapes := map[string]*tensor.Tensor{}, map[string]tensor.Shape{}
		for i, x := range arrays(t, c.folder, c.set, "output") {
			outputs[m.Graph.Outputs[i].Name], shapes[m.Graph.Outputs[i].Name] = x, x.Shape
		}
		if name, err := decode.Guess(shapes, c.size); (err == nil) != c.guessed || err == nil && name != c.decoder {
			t.Errorf("%s: %s is guessed: %v", c.folder, name, err)
		}
		got, err := decode.Boxes(c.decoder, outputs, decode.Options{Size: c.size})
		if err != nil {
			t.Errorf("%s: %v", c.folder, err)
			continue
		}
		near := len(got) == len(c.want)
		for i := 0; near && i < len(got); i++ {
			near = got[i].Class == c.want[i].Class && math.Abs(float64(got[i].Score-c.want[i].Score)) < 1e-4
			for k, v := range got[i].Bounds {
				near = near && math.Abs(float64(v-c.want[i].Bounds[k])) < 1e-2
			}
			near = near && len(got[i].Points) == len(c.want[i].Points)
			for k := 0; near && k < len(got[i].Points); k++ {
				p, q := got[i].Points[k], c.want[i].Points[k]
				near = math.Hypot(float64(p.X-q.X), float64(p.Y-q.Y)) < 1e-2
			}
		}
		if !near {
			t.Errorf("%s, set %s: %v, want %v", c.folder, c.set, got, c.want)
		}
	}
}

// TestSuppression selects the same boxes as a graph of ONNX operators that is published
// for the outputs of YOLOv8. That has no classes: boxes suppress those of any class.
func TestSuppression(t *testing.T) {
	if os.Getenv("VERTEBRA_ONNX") == "" {
		return
	}
	for _, set := range []string{"0", "1"} {
		in, want := arrays(t, "yolov8_nms_graph", set, "input"), arrays(t, "yolov8_nms_graph", set, "output")[0]
		config := in[1].Data // classes, most, IoU, score
		got, err := decode.Boxes("yolov8", map[string]*tensor.Tensor{"detection": in[0]}, decode.Options{
			Size: [2]int{640, 640}, AnyClass: true, Most: int(config[1]), IoU: float64(config[2]), Score: float64(config[3]),
		})
		if err != nil || len(got) != want.Shape[1] || len(got) < 10 {
			t.Fatalf("%d boxes, want %v: %v", len(got), want.Shape, err)
		}
		for i, b := range got {
			row := want.Data[i*want.Shape[2]:]
			x, y := (b.Bounds[0]+b.Bounds[2])/2, (b.Bounds[1]+b.Bounds[3])/2
			if math.Hypot(float64(x-row[0]), float64(y-row[1])) > 1e-3 || row[4+b.Class] != b.Score {
				t.Errorf("set %s, box %d: %v, want %v", set, i, b, row[:4])
			}
		}
	}
}
