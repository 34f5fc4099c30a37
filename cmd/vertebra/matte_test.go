package main

import (
	"encoding/json"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/internal/onnxfile"
	"github.com/vertebra/vertebra/vision/picture"
)

// TestMatte cuts a picture out by its own brightness.
func TestMatte(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	f := onnxfile.File{
		Inputs: []onnxfile.Port{{Name: "x", Shape: []any{1, 1, 4, 4}}}, Outputs: []onnxfile.Port{{Name: "y", Shape: []any{1, 1, 4, 4}}},
		Nodes: []onnxfile.Node{{Op: "Relu", Inputs: []string{"x"}, Outputs: []string{"y"}}},
	}
	model := at("model.onnx")
	if err := os.WriteFile(model, f.Encode(), 0o600); err != nil {
		t.Fatal(err)
	}
	m := picture.New(8, 8, 3)
	for i := range m.Pix {
		if i/3%8 >= 4 {
			m.Pix[i] = 255
		}
	}
	if err := picture.Save(at("in.png"), m); err != nil {
		t.Fatal(err)
	}
	matte := func(more ...string) (r matted) {
		t.Helper()
		args := append([]string{"matte", model, at("in.png"), "--device", "cpu", "--json", "--range", "0,1", "-o", at("out.png")}, more...)
		if err := json.Unmarshal([]byte(ok(t, args...)), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := matte("--alpha", at("alpha.png")); r.Width != 8 || r.Height != 8 || r.Share != 0.5 {
		t.Errorf("%+v", r)
	}
	alpha, err := picture.Load(at("alpha.png"))
	if err != nil {
		t.Fatal(err)
	}
	for y := range 8 {
		if row := alpha.Pix[8*y : 8*y+8]; row[0] != 0 || row[7] != 255 {
			t.Errorf("row %d of the transparency is %v", y, row)
		}
	}
	for _, c := range []struct {
		background  string
		left, right color.NRGBA
	}{
		{"", color.NRGBA{}, color.NRGBA{255, 255, 255, 255}},
		{"red", color.NRGBA{255, 0, 0, 255}, color.NRGBA{255, 255, 255, 255}},
		{"blur", color.NRGBA{0, 0, 0, 255}, color.NRGBA{255, 255, 255, 255}},
	} {
		var flags []string
		if c.background != "" {
			flags = []string{"--background", c.background}
		}
		matte(flags...)
		got := decoded(t, at("out.png"))
		if l, r := color.NRGBAModel.Convert(got.At(0, 0)), color.NRGBAModel.Convert(got.At(7, 7)); l != c.left || r != c.right {
			t.Errorf("background %q: %v and %v, want %v and %v", c.background, l, r, c.left, c.right)
		}
	}
	for want, args := range map[string][]string{
		`--family: no family "u3net"; there are u2net, isnet`:        {model, at("in.png"), "-o", at("out.png"), "--family", "u3net"},
		`--background "nothing", want a colour's name`:               {model, at("in.png"), "-o", at("out.png"), "--background", "nothing"},
		"espcn_x2 is no ONNX file, and matte takes no other":         {"espcn_x2", at("in.png"), "-o", at("out.png")},
		"out.jpg: want a name that ends in .png":                     {model, at("in.png"), "-o", at("out.jpg")},
		"would take the place of":                                    {model, at("in.png"), "-o", at("in.png")},
		"matte needs --output FILE":                                  {model, at("in.png")},
		"--output and --alpha are both":                              {model, at("in.png"), "-o", at("a.png"), "--alpha", at("a.png")},
		"neither the file nor a model.json beside it tells how samp": {model, at("in.png"), "-o", at("out.png")},
	} {
		if status, _, stderr := vertebra(append([]string{"matte"}, args...)...); status != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%v: status %d, %s, want %s", args, status, stderr, want)
		}
	}
	if err := os.WriteFile(at("model.json"), []byte(`{"inputs": [{"range": [0, 1]}], "decode": {"stretched": true}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := vertebra("matte", model, at("in.png"), "-o", at("out.png"), "--device", "cpu"); status != 1 || !strings.Contains(stderr, `unknown field "stretched"`) {
		t.Errorf("status %d, %s", status, stderr)
	}
}
