package main

import (
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/internal/onnxfile"
)

// rowsFile writes an ONNX file that gives the samples of a picture [1, 3, 4, 4] as [1, 8, 6].
func rowsFile(t *testing.T, path string) {
	t.Helper()
	f := onnxfile.File{
		Inputs:  []onnxfile.Port{{Name: "x", Shape: []any{1, 3, 4, 4}}},
		Outputs: []onnxfile.Port{{Name: "rows", Shape: []any{1, 8, 6}}},
		Nodes:   []onnxfile.Node{{Op: "Reshape", Inputs: []string{"x", "shape"}, Outputs: []string{"rows"}}},
		Weights: []onnxfile.Weight{{Name: "shape", Shape: []int{3}, Ints: []int{1, 8, 6}}},
	}
	if err := os.WriteFile(path, f.Encode(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// rowsPicture writes a picture whose samples, channel by channel, are rows of six shares of
// 255: left, top, right, bottom, score and class.
func rowsPicture(t *testing.T, path string, rows ...[6]uint8) {
	t.Helper()
	var all [48]uint8
	for i, row := range rows {
		copy(all[6*i:], row[:])
	}
	m := image.NewNRGBA(image.Rect(0, 0, 4, 4))
	for i := range 16 {
		m.Set(i%4, i/4, color.NRGBA{all[i], all[16+i], all[32+i], 255})
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, m); err != nil {
		t.Fatal(err)
	}
}

// TestDetectONNX finds the objects in the outputs of an ONNX file, by flags and by a
// model.json.
func TestDetectONNX(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	rowsFile(t, at("rows.onnx"))
	rowsPicture(t, at("in.png"), [6]uint8{0, 51, 102, 153, 204, 255}, [6]uint8{0, 0, 255, 255, 102, 0}, [6]uint8{0, 0, 255, 255, 26, 0})
	detect := func(more ...string) (r detected) {
		t.Helper()
		text := ok(t, append([]string{"detect", at("rows.onnx"), at("in.png"), "--device", "cpu", "--json"}, more...)...)
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	const refused = "nothing proves how to decode rows [1, 8, 6]"
	if status, _, stderr := vertebra("detect", at("rows.onnx"), at("in.png"), "--device", "cpu", "--range", "0,1"); status != 1 || !strings.Contains(stderr, refused) {
		t.Errorf("status %d, %s", status, stderr)
	}
	if r := detect("--decode", "yolov10"); len(r.Objects) != 2 || r.Objects[0].Score != 0.8 || r.Objects[0].Box != [4]float32{0, 0.2, 0.4, 0.6} || r.Objects[0].Class != 1 {
		t.Errorf("by flags: %+v", r)
	}
	said := `{"inputs": [{"range": [0, 1]}], "labels": ["cat", "dog"], "decode": {"name": "yolov10", "relative": true, "score": 0.5}}`
	if err := os.WriteFile(at("model.json"), []byte(said), 0o600); err != nil {
		t.Fatal(err)
	}
	r := detect("-o", at("out.png"))
	if len(r.Objects) != 1 || r.Objects[0].Name != "dog" || r.Objects[0].Box != [4]float32{0, 0.8, 1.6, 2.4} {
		t.Errorf("by model.json: %+v", r)
	}
	if r := detect("--threshold", "0.05"); len(r.Objects) != 3 {
		t.Errorf("with a threshold: %+v", r)
	}
	for text, want := range map[string]string{
		`{"decode": {"name": "yolov10", "skore": 1}, "inputs": [{"range": [0, 1]}]}`: `unknown field "skore"`,
		`{"decode": {"score": 1}, "inputs": [{"range": [0, 1]}]}`:                    "no name of a decoder",
		`{"decode": "yolov11", "inputs": [{"range": [0, 1]}]}`:                       `no decoder "yolov11"; there are yolov5, `,
		`{"decode": "yunet", "inputs": [{"range": [0, 1]}]}`:                         "no output cls_8: there are rows [1, 8, 6]",
	} {
		if err := os.WriteFile(at("model.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if status, _, stderr := vertebra("detect", at("rows.onnx"), at("in.png"), "--device", "cpu"); status != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d, %s, want %s", text, status, stderr, want)
		}
	}
	if status, _, stderr := vertebra("detect", at("rows.onnx"), at("in.png"), "--decode", "yolo"); status != 1 || !strings.Contains(stderr, `--decode: no decoder "yolo"`) {
		t.Errorf("status %d, %s", status, stderr)
	}
}
