package decode

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

type outputs = map[string]*tensor.Tensor

// of makes a tensor of zeros and sets elements by their index.
func of(set map[int]float32, shape ...int) *tensor.Tensor {
	t := tensor.New(shape...)
	for i, v := range set {
		t.Data[i] = v
	}
	return t
}

func logit(p float64) float32 { return float32(math.Log(p / (1 - p))) }

// same reports whether boxes are those wanted, within 1e-3.
func same(got, want []Box) bool {
	near := func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-3 }
	return slices.EqualFunc(got, want, func(g, w Box) bool {
		return g.Class == w.Class && near(g.Score, w.Score) && slices.EqualFunc(g.Bounds[:], w.Bounds[:], near) &&
			slices.EqualFunc(g.Points, w.Points, func(p, q Point) bool { return near(p.X, q.X) && near(p.Y, q.Y) && near(p.Score, q.Score) })
	})
}

// TestBoxes decodes outputs whose boxes are known, with each decoder.
func TestBoxes(t *testing.T) {
	for _, c := range []struct {
		name, decoder string
		outputs       outputs
		o             Options
		want          []Box
	}{
		{"two boxes of one class that overlap, and one of another", "yolov5", outputs{"out": tensor.Of([]float32{
			50, 40, 20, 10, 0.9, 0.1, 1,
			51, 40, 20, 10, 0.8, 0.1, 1,
			51, 40, 20, 10, 0.8, 1, 0.1,
			51, 40, 20, 10, 0.2, 1, 0.1,
		}, 1, 4, 7)}, Options{Size: [2]int{64, 96}}, []Box{
			{Bounds: [4]float32{40, 35, 60, 45}, Class: 1, Score: 0.9}, {Bounds: [4]float32{41, 35, 61, 45}, Class: 0, Score: 0.8},
		}},
		{"any class, shares of the size, the second image", "yolov7", outputs{"out": tensor.Of([]float32{
			0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
			0.5, 0.5, 0.25, 0.5, 0.9, 0.1, 1,
			0.5, 0.5, 0.25, 0.5, 0.8, 1, 0.1,
		}, 2, 2, 7)}, Options{Size: [2]int{64, 96}, Relative: true, AnyClass: true, Image: 1}, []Box{
			{Bounds: [4]float32{36, 16, 60, 48}, Class: 1, Score: 0.9},
		}},
		{"columns", "yolov8", outputs{"out": tensor.Of([]float32{
			50, 9, 9,
			40, 9, 9,
			20, 9, 0,
			10, 9, 9,
			0.1, 0.2, 0.9,
			0.7, 0.1, 0.9,
		}, 1, 6, 3)}, Options{Size: [2]int{64, 96}}, []Box{{Bounds: [4]float32{40, 35, 60, 45}, Class: 1, Score: 0.7}}},
		{"rows, as many as there are cells", "yolo11", outputs{"out": of(map[int]float32{10: 16, 11: 16, 12: 8, 13: 4, 14: 0.5}, 1, 21, 5)},
			Options{Size: [2]int{32, 32}}, []Box{{Bounds: [4]float32{12, 14, 20, 18}, Score: 0.5}}},
		{"key points", "yolov8", outputs{"out": tensor.Of([]float32{50, 40, 20, 10, 0.9, 45, 38, 0.5, 55, 42, 0.25}, 1, 11, 1)},
			Options{Size: [2]int{64, 96}, Points: 2}, []Box{{Bounds: [4]float32{40, 35, 60, 45}, Score: 0.9, Points: []Point{{45, 38, 0.5}, {55, 42, 0.25}}}}},
		{"selected rows may overlap", "yolov10", outputs{"out": tensor.Of([]float32{
			1, 2, 3, 4, 0.5, 7,
			1, 2, 3, 4, 0.9, 7,
			1, 2, 3, 4, 0.1, 7,
		}, 1, 3, 6)}, Options{Size: [2]int{64, 96}}, []Box{{Bounds: [4]float32{1, 2, 3, 4}, Class: 7, Score: 0.9}, {Bounds: [4]float32{1, 2, 3, 4}, Class: 7, Score: 0.5}}},
		{"rows that fill up", "yolov10", outputs{"out": tensor.Of([]float32{1, 2, 3, 4, 0.5, 7, 0, 0, 0, 0, 0, -1}, 1, 2, 6)},
			Options{Size: [2]int{64, 96}}, []Box{{Bounds: [4]float32{1, 2, 3, 4}, Class: 7, Score: 0.5}}},
		{"rows that fill up", "selected", outputs{
			"boxes": tensor.Of([]float32{1, 2, 3, 4, 0, 0, 0, 0}, 1, 2, 4), "labels": tensor.Of([]float32{3, -1}, 1, 2), "scores": tensor.Of([]float32{0.75, 0}, 1, 2),
		}, Options{Size: [2]int{64, 96}}, []Box{{Bounds: [4]float32{1, 2, 3, 4}, Class: 3, Score: 0.75}}},
		{"a cell of each grid", "yolox", outputs{"out": of(map[int]float32{
			// 64×32 pixels: 8×4, 4×2 and 2×1 cells. Row 9 is cell (1, 1) of stride 8, row 40 the last.
			9*6 + 0: 0.5, 9*6 + 1: 0.25, 9*6 + 2: float32(math.Log(2)), 9*6 + 4: 0.8, 9*6 + 5: 1,
			41*6 + 3: float32(math.Log(0.5)), 41*6 + 4: 0.5, 41*6 + 5: 0.8,
		}, 1, 42, 6)}, Options{Size: [2]int{32, 64}}, []Box{
			{Bounds: [4]float32{12 - 8, 10 - 4, 12 + 8, 10 + 4}, Score: 0.8}, {Bounds: [4]float32{32 - 16, -8, 32 + 16, 8}, Score: 0.4},
		}},
		{"corners without a background", "yolonas", outputs{"a": tensor.Of([]float32{1, 2, 3, 4}, 1, 1, 4), "b": tensor.Of([]float32{0.9, 0.1}, 1, 1, 2)},
			Options{Size: [2]int{64, 96}}, []Box{{Bounds: [4]float32{1, 2, 3, 4}, Score: 0.9}}},
		{"as many classes as corners", "ssd", outputs{
			"scores": tensor.Of([]float32{0.1, 0.2, 0, 0.7, 0.9, 0.1, 0, 0}, 1, 2, 4),
			"boxes":  tensor.Of([]float32{0.25, 0.25, 0.5, 0.75, 0.25, 0.25, 0.5, 0.75}, 1, 2, 4),
		}, Options{Size: [2]int{64, 96}}, []Box{{Bounds: [4]float32{24, 16, 48, 48}, Class: 3, Score: 0.7}}},
		{"logits", "ssd", outputs{"a": tensor.Of([]float32{0.25, 0.25, 0.5, 0.75}, 1, 1, 4), "b": tensor.Of([]float32{0, logit(0.75)}, 1, 1, 2)},
			Options{Size: [2]int{64, 96}}, []Box{{Bounds: [4]float32{24, 16, 48, 48}, Class: 1, Score: 0.75}}},
		{"priors", "ssd_priors", outputs{
			"loc": tensor.Of([]float32{1, -1, 0, float32(5 * math.Log(2))}, 1, 1, 4), "conf": tensor.Of([]float32{0.1, 0.9}, 1, 1, 2),
			"priors": tensor.Of([]float32{0.5, 0.5, 0.25, 0.25}, 1, 4),
		}, Options{Size: [2]int{100, 200}}, []Box{{Bounds: [4]float32{105 - 25, 47.5 - 25, 105 + 25, 47.5 + 25}, Class: 1, Score: 0.9}}},
		{"as many as are counted, beside outputs of other steps", "tf", outputs{
			"detection_boxes:0": tensor.Of([]float32{0.25, 0.5, 0.75, 1, 0, 0, 1, 1}, 1, 2, 4), "detection_scores:0": tensor.Of([]float32{0.9, 0.8}, 1, 2),
			"detection_classes:0": tensor.Of([]float32{18, 1}, 1, 2), "num_detections:0": tensor.Of([]float32{1}, 1),
			"raw_detection_boxes:0": tensor.New(1, 5, 4), "detection_anchor_indices:0": tensor.New(1, 2),
		}, Options{Size: [2]int{64, 96}}, []Box{{Bounds: [4]float32{48, 16, 96, 48}, Class: 18, Score: 0.9}}},
		{"without a batch, by roles", "torchvision", outputs{
			"5": tensor.Of([]float32{1, 2, 3, 4}, 1, 4), "6": tensor.Of([]float32{3}, 1), "7": tensor.Of([]float32{0.75}, 1),
		}, Options{Size: [2]int{64, 96}, Roles: map[string]string{"labels": "6", "scores": "7"}}, []Box{{Bounds: [4]float32{1, 2, 3, 4}, Class: 3, Score: 0.75}}},
		{"with a batch", "selected", outputs{
			"boxes": tensor.Of([]float32{1, 2, 3, 4, 5, 6, 7, 8}, 2, 1, 4), "labels": tensor.Of([]float32{3, 0}, 2, 1), "scores": tensor.Of([]float32{0.75, 0.5}, 2, 1),
		}, Options{Size: [2]int{64, 96}, Image: 1}, []Box{{Bounds: [4]float32{5, 6, 7, 8}, Score: 0.5}}},
		{"the last class is no object", "detr", outputs{
			"pred_boxes": tensor.Of([]float32{0.5, 0.5, 0.25, 0.5, 0.5, 0.5, 0.25, 0.5}, 1, 2, 4),
			"logits":     tensor.Of([]float32{float32(math.Log(3)), 0, -99, 0, 0, 9}, 1, 2, 3),
		}, Options{Size: [2]int{64, 96}}, []Box{{Bounds: [4]float32{36, 16, 60, 48}, Score: 0.75}}},
		{"a query with two classes", "rtdetr", outputs{
			"pred_boxes": tensor.Of([]float32{0.5, 0.5, 0.25, 0.5}, 1, 1, 4), "logits": tensor.Of([]float32{logit(0.6), -9, logit(0.7)}, 1, 1, 3),
		}, Options{Size: [2]int{64, 96}}, []Box{{Bounds: [4]float32{36, 16, 60, 48}, Class: 2, Score: 0.7}, {Bounds: [4]float32{36, 16, 60, 48}, Score: 0.6}}},
		{"one output", "rtdetr", outputs{"out": tensor.Of([]float32{0.5, 0.5, 0.25, 0.5, 0.1, 0.9}, 1, 1, 6)},
			Options{Size: [2]int{64, 96}}, []Box{{Bounds: [4]float32{36, 16, 60, 48}, Class: 1, Score: 0.9}}},
		{"a face", "ultraface", outputs{"scores": tensor.Of([]float32{0.1, 0.9}, 1, 1, 2), "boxes": tensor.Of([]float32{0.25, 0.25, 0.5, 0.75}, 1, 1, 4)},
			Options{Size: [2]int{64, 96}}, []Box{{Bounds: [4]float32{24, 16, 48, 48}, Score: 0.9}}},
	} {
		got, err := Boxes(c.decoder, c.outputs, c.o)
		if err != nil || !same(got, c.want) {
			t.Errorf("%s, %s: %v, want %v; %v", c.decoder, c.name, got, c.want, err)
		}
	}
}

// TestMasks adds up two masks for the box of a network with masks, inside the box.
func TestMasks(t *testing.T) {
	protos := tensor.New(1, 2, 4, 4)
	for i := range 16 {
		protos.Data[i], protos.Data[16+i] = 1, float32(i)
	}
	got, err := Boxes("yolov8", outputs{
		"output0": tensor.Of([]float32{16, 8, 16, 16, 0.9, 2, -0.5}, 1, 7, 1), "output1": protos,
	}, Options{Size: [2]int{32, 32}})
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	for i, v := range got[0].Mask.Data {
		x, y, want := i%4, i/4, float32(0)
		if x >= 1 && x < 3 && y < 2 {
			want = sigmoid(2 - 0.5*float32(i))
		}
		if v != want {
			t.Errorf("(%d, %d): %v, want %v", x, y, v, want)
		}
	}
}

// TestBlazeFace averages two anchors that find one face.
func TestBlazeFace(t *testing.T) {
	scores, offsets := of(nil, 1, 896, 1), of(nil, 1, 896, 16)
	for i := range scores.Data {
		scores.Data[i] = -9
	}
	// The anchors of place (1, 0) are in the middle of 8…16 and 0…8.
	for k, i := range []int{2, 3} {
		scores.Data[i] = logit([]float64{0.75, 0.5}[k])
		copy(offsets.Data[i*16:], []float32{float32(k), 0, 10, 20, 1, 2, 3, 4})
	}
	scores.Data[895] = logit(0.6) // the last of 8×8 places
	copy(offsets.Data[895*16:], []float32{0, 0, 4, 4})
	point := func(x, y float32) Point { return Point{x, y, 1} }
	want := []Box{
		{Bounds: [4]float32{7.4, -6, 17.4, 14}, Score: 0.75, Points: []Point{point(13, 6), point(15, 8), point(12, 4), point(12, 4), point(12, 4), point(12, 4)}},
		{Bounds: [4]float32{118, 118, 122, 122}, Score: 0.6, Points: slices.Repeat([]Point{point(120, 120)}, 6)},
	}
	parts := outputs{
		"a": tensor.Of(scores.Data[512:], 1, 384, 1), "b": tensor.Of(offsets.Data[:512*16], 1, 512, 16),
		"c": tensor.Of(offsets.Data[512*16:], 1, 384, 16), "d": tensor.Of(scores.Data[:512], 1, 512, 1),
	}
	for _, outputs := range []outputs{{"s": scores, "o": offsets}, parts} {
		got, err := Boxes("blazeface", outputs, Options{Size: [2]int{128, 128}})
		if err != nil || !same(got, want) {
			t.Errorf("%v, want %v; %v", got, want, err)
		}
	}
}

// yunetOutputs are the outputs for an input of 64×32 pixels.
func yunetOutputs() outputs {
	all := outputs{}
	for _, s := range []int{8, 16, 32} {
		n := cells([2]int{32, 64}, s)
		for kind, k := range map[string]int{"cls": 1, "obj": 1, "bbox": 4, "kps": 10} {
			all[fmt.Sprintf("%s_%d", kind, s)] = tensor.New(1, n, k)
		}
	}
	return all
}

func TestYuNet(t *testing.T) {
	all := yunetOutputs()
	all["cls_16"].Data[5], all["obj_16"].Data[5] = 0.81, 1.5
	copy(all["bbox_16"].Data[5*4:], []float32{0.5, 0.25, float32(math.Log(2)), 0})
	copy(all["kps_16"].Data[5*10:], []float32{0.5, -0.5})
	points := append([]Point{{24, 8, 1}}, slices.Repeat([]Point{{16, 16, 1}}, 4)...)
	want := []Box{{Bounds: [4]float32{24 - 16, 20 - 8, 24 + 16, 20 + 8}, Score: 0.9, Points: points}}
	if got, err := Boxes("yunet", all, Options{Size: [2]int{32, 64}}); err != nil || !same(got, want) {
		t.Errorf("%v, want %v; %v", got, want, err)
	}
}

// TestHostile gives each decoder outputs of every shape and numbers that are not finite.
// Each call is an error or gives finite boxes.
func TestHostile(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	fill := func(v float32, shape ...int) *tensor.Tensor {
		x := tensor.New(shape...)
		for i := range x.Data {
			x.Data[i] = v
		}
		return x
	}
	var cases []outputs
	cases = append(cases, nil, outputs{"a": nil}, outputs{"a": {Shape: tensor.Shape{1, 2, 6}}}, outputs{"a": {Shape: tensor.Shape{-1, -2, 6}, Data: make([]float32, 12)}})
	for _, v := range []float32{nan, inf, -inf, 0, 1, 1e30} {
		for _, shape := range [][]int{{}, {0}, {3}, {1, 0, 6}, {1, 6, 0}, {0, 3, 6}, {1, 21, 6}, {1, 6, 21}, {1, 4}, {1, 3, 4}, {1, 3, 6, 6}, {1, 1, 1, 1, 1}} {
			cases = append(cases, outputs{"a": fill(v, shape...)}, outputs{"a": fill(v, shape...), "boxes": fill(v, 1, 3, 4), "scores": fill(v, 1, 3), "labels": fill(v, 1, 3)},
				outputs{"a": fill(v, shape...), "boxes": fill(v, 1, 3, 4)}, outputs{"boxes": fill(v, 1, 0, 4), "a": fill(v, 1, 0, 0)})
		}
		faces := yunetOutputs()
		for name := range faces {
			faces[name] = fill(v, faces[name].Shape...)
		}
		cases = append(cases, faces, outputs{"s": fill(v, 1, 896, 1), "o": fill(v, 1, 896, 16)}, outputs{"a": fill(v, 1, 9, 6), "m": fill(v, 1, 2, 4, 4)},
			outputs{"a": fill(v, 1, 3, 6), "m": fill(v, 1, 7, 0, 4)}, outputs{"priors": fill(v, 3, 4), "a": fill(v, 1, 3, 4), "b": fill(v, 1, 3, 2)})
	}
	for _, name := range Names() {
		for _, all := range cases {
			for _, o := range []Options{{Size: [2]int{32, 32}}, {Size: [2]int{32, 64}, Points: 1, Image: 1}, {Size: [2]int{32, 64}, Roles: map[string]string{"boxes": "a"}}} {
				got, err := Boxes(name, all, o)
				for _, b := range got {
					if err != nil || !(b.Bounds[2]-b.Bounds[0] < 1e38) || !(b.Score <= 1) {
						t.Errorf("%s of %v: %v, %v", name, all, b, err)
					}
				}
			}
		}
	}
	for _, o := range []Options{{}, {Size: [2]int{1, 1 << 30}}, {Size: [2]int{1, 1}, Image: -1}, {Size: [2]int{1, 1}, Score: math.NaN()}} {
		if _, err := Boxes("yolov5", outputs{"a": tensor.New(1, 1, 7)}, o); err == nil {
			t.Errorf("%+v is no error", o)
		}
	}
}

// TestErrors says what is wrong and where.
func TestErrors(t *testing.T) {
	small := Options{Size: [2]int{32, 32}}
	for _, c := range []struct {
		decoder string
		outputs outputs
		o       Options
		want    string
	}{
		{"yolov99", nil, small, `decode: no decoder "yolov99"; there are yolov5, yolov8, `},
		{"yolov5", outputs{"a": tensor.New(1, 7)}, small, "decode: yolov5: no output for boxes, which is [B, N, 5+C]: there are a [1, 7]"},
		{"yolov5", outputs{"a": tensor.New(1, 7, 7), "b": tensor.New(1, 7, 7)}, small, "decode: yolov5: 2 outputs may be boxes, which is [B, N, 5+C]: name one of a, b"},
		{"yolov8", outputs{"a": of(map[int]float32{4: 55}, 1, 5, 1)}, small, "decode: yolov8: a score of 55, which is not in 0…1; the decoder may be another"},
		{"yolov10", outputs{"a": of(map[int]float32{4: 0.5, 5: 0.5}, 1, 1, 6)}, small, "decode: yolov10: the sixth number of a row is no class; the decoder may be another"},
		{"selected", outputs{"boxes": tensor.New(1, 4), "labels": tensor.Of([]float32{-1}, 1), "scores": tensor.Of([]float32{0.9}, 1)}, small, "decode: selected: class -1"},
		{"yolox", outputs{"a": tensor.New(1, 7, 7)}, small, "decode: yolox: 7 rows, and an input of 32×32 has 21 cells"},
		{"ssd", outputs{"a": tensor.New(1, 7, 4), "b": tensor.New(1, 6, 3)}, small, "decode: ssd: no output for scores, which is [B, 7, C]: there are a [1, 7, 4], b [1, 6, 3]"},
		{"yolov5", outputs{"a": tensor.New(1, 7, 7)}, Options{Size: small.Size, Roles: map[string]string{"boxes": "b"}}, `decode: yolov5: role "boxes": the network has no output "b"`},
		{"yolov5", outputs{"a": tensor.New(1, 7)}, Options{Size: small.Size, Roles: map[string]string{"boxes": "a"}}, `decode: yolov5: boxes: output "a" is [1, 7], want [B, N, 5+C]`},
		{"ssd", nil, Options{Size: small.Size, Roles: map[string]string{"score": "a", "boxes": "b", "box": "c"}}, `decode: ssd: no role "box", "score"; there are boxes, scores`},
		{"blazeface", nil, Options{Size: small.Size, Roles: map[string]string{"boxes": "a"}}, `decode: blazeface: no role "boxes": its outputs need no names`},
		{"yunet", outputs{"a": tensor.New(1, 7)}, Options{Size: small.Size, Roles: map[string]string{"kps_32": "b"}}, `decode: yunet: role "kps_32": the network has no output "b"`},
		{"yunet", outputs{"a": tensor.New(1, 7)}, small, "decode: yunet: no output cls_8: there are a [1, 7]"},
	} {
		if _, err := Boxes(c.decoder, c.outputs, c.o); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// TestMost keeps the best of more boxes than are wanted.
func TestMost(t *testing.T) {
	x := tensor.New(1, 400, 6)
	for i := range 400 {
		copy(x.Data[i*6:], []float32{float32(i), 0, float32(i) + 1, 1, float32(i+1) / 400, 0})
	}
	for most, want := range map[int]int{0: 300, 7: 7} {
		got, err := Boxes("end2end", outputs{"a": x}, Options{Size: [2]int{32, 32}, Score: 1e-9, Most: most})
		if err != nil || len(got) != want || got[0].Score != 1 {
			t.Errorf("most %d: %d boxes, %v", most, len(got), err)
		}
	}
}

func TestNames(t *testing.T) {
	for _, name := range append(Names(), "yolo12", "torchvision") {
		if err := Check(name); err != nil {
			t.Error(err)
		}
	}
	if got := Labels("yunet"); !reflect.DeepEqual(got, []string{"face"}) {
		t.Error(got)
	}
	if Labels("yolox") != nil || Labels("") != nil {
		t.Error("labels that are not known")
	}
}

// TestGuess finds the decoders that shapes prove, and no others.
func TestGuess(t *testing.T) {
	type shapes = map[string]tensor.Shape
	faces := shapes{}
	for name, x := range yunetOutputs() {
		faces[name] = x.Shape
	}
	for _, c := range []struct {
		want    string
		size    [2]int
		outputs shapes
	}{
		{"yolov5", [2]int{640, 640}, shapes{"output": {1, 25200, 85}, "a": {1, 3, 80, 80, 85}}},
		{"yolov8", [2]int{640, 640}, shapes{"output0": {1, 84, 8400}}},
		{"yolov8", [2]int{640, 640}, shapes{"output0": {1, 116, 8400}, "output1": {1, 32, 160, 160}}},
		{"yolov10", [2]int{640, 640}, shapes{"output0": {1, 300, 6}}},
		{"", [2]int{640, 640}, shapes{"output0": {1, 56, 8400}}},
		{"", [2]int{416, 416}, shapes{"output": {1, 3549, 85}}}, // YOLOX with and without its grid
		{"", [2]int{640, 640}, shapes{"output": {1, 1000}}},
		{"", [2]int{640, 640}, nil},
		{"", [2]int{}, shapes{"output0": {1, 84, 8400}}},
		{"ultraface", [2]int{240, 320}, shapes{"scores": {1, 4420, 2}, "boxes": {1, 4420, 4}}},
		{"blazeface", [2]int{128, 128}, shapes{"a": {1, 512, 1}, "b": {1, 384, 1}, "c": {1, 512, 16}, "d": {1, 384, 16}}},
		{"yunet", [2]int{32, 64}, faces},
		{"detr", [2]int{800, 800}, shapes{"logits": {1, 100, 92}, "pred_boxes": {1, 100, 4}}},
		{"rtdetr", [2]int{640, 640}, shapes{"logits": {1, 300, 80}, "pred_boxes": {1, 300, 4}}},
		{"", [2]int{640, 640}, shapes{"logits": {1, 300, 7}, "pred_boxes": {1, 300, 4}}},
		{"tf", [2]int{320, 320}, shapes{"detection_boxes:0": {1, 100, 4}, "detection_scores:0": {1, 100}, "detection_classes:0": {1, 100}, "num_detections:0": {1}}},
		{"selected", [2]int{320, 320}, shapes{"boxes": {5, 4}, "labels": {5}, "scores": {5}}},
	} {
		got, err := Guess(c.outputs, c.size)
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%v: %q, want %q; %v", c.outputs, got, c.want, err)
		}
		if err != nil && !strings.Contains(err.Error(), "yolox ([B, N, 5+C], without the grid)") {
			t.Error(err)
		}
	}
}
