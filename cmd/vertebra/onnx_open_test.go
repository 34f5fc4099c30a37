package main

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/internal/onnxfile"
)

// meansFile writes an ONNX file whose classes are the means of red, green and blue, and a
// picture of 4×4 pixels that is green.
func meansFile(t *testing.T) (model, picture string) {
	t.Helper()
	dir := t.TempDir()
	model, picture = filepath.Join(dir, "means.onnx"), filepath.Join(dir, "green.png")
	f := onnxfile.File{
		Inputs: []onnxfile.Port{{Name: "x", Shape: []any{"batch", 3, "h", "w"}}},
		Nodes: []onnxfile.Node{{Op: "GlobalAveragePool", Inputs: []string{"x"}, Outputs: []string{"mean"}},
			{Op: "Flatten", Inputs: []string{"mean"}, Outputs: []string{"y"}}},
		Outputs: []onnxfile.Port{{Name: "y"}},
	}
	if err := os.WriteFile(model, f.Encode(), 0o644); err != nil {
		t.Fatal(err)
	}
	m := image.NewRGBA(image.Rect(0, 0, 4, 4))
	for i := range 16 {
		m.Set(i%4, i/4, color.RGBA{0, 255, 0, 255})
	}
	out, err := os.Create(picture)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(out, m); err != nil {
		t.Fatal(err)
	}
	return model, picture
}

// TestONNXFile gives an ONNX file to the commands for pictures. Errors name flags.
func TestONNXFile(t *testing.T) {
	model, in := meansFile(t)
	out := filepath.Join(t.TempDir(), "out.npy")
	for _, c := range []struct {
		args   []string
		stdout string
		stderr string // a part of it
	}{
		{[]string{"classify", model, in, "--csv", "--top", "1", "--range", "-1,1", "--size", "2x2"}, "file,rank,class,name,probability\n" + in + ",1,1,,0.786986\n", ""},
		{[]string{"classify", model, in, in, "--batch", "2", "--csv", "--top", "1", "--range", "0,2", "--dim", "h=2", "--dim", "w=2"},
			"file,rank,class,name,probability\n" + in + ",1,1,,0.786986\n" + in + ",1,1,,0.786986\n", ""},
		{[]string{"embed", in, "--weights", model, "--range", "0,1", "--size", "2x2", "-o", out, "--quiet"}, "", ""},
		{[]string{"features", model, in, "--range", "0,1", "--size", "2x2", "-o", out, "--quiet"}, "", ""},
		{[]string{"classify", model, in}, "", "give --range, such as 0,1"},
		{[]string{"classify", model, in, "--range", "0,1"}, "", "give --size HEIGHTxWIDTH"},
		{[]string{"classify", model, in, "--range", "0"}, "", `--range "0": 1 numbers, want 2`},
		{[]string{"classify", model, in, "--range", "0,1", "--dim", "k=2"}, "", `no input has a dimension "k"; there are batch, h, w`},
		{[]string{"classify", model, in, "--range", "0,1", "--classes", "3"}, "", "--classes is not for an ONNX file"},
		{[]string{"classify", "lenet", in, "--range", "0,1"}, "", "--range is for an ONNX file"},
		{[]string{"upscale", "--weights", model, in, "-o", "x.png", "--range", "0,1", "--scale", "2"}, "", "--scale is not for an ONNX file"},
		{[]string{"segment", model, in, "-o", "x.png", "--range", "0,1", "--size", "2x2"}, "", "no output is for segmentation"},
		{[]string{"embed", in, "--weights", model, "--text", "a cat", "--range", "0,1", "--size", "2x2", "-o", out}, "", "embeds pictures but not texts"},
	} {
		status, stdout, stderr := vertebra(append(c.args, "--device", "cpu")...)
		if (status != 0) != (c.stderr != "") || stdout != c.stdout || !strings.Contains(stderr, c.stderr) {
			t.Errorf("%v: status %d, %q, %q", c.args, status, stdout, stderr)
		}
	}
}
