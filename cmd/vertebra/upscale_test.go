package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/internal/onnxfile"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision/picture"
)

// TestUpscaleModel chooses the network by a name and by the weights alone.
func TestUpscaleModel(t *testing.T) {
	caches(t)
	in, out := photograph(t, 40, 30), filepath.Join(t.TempDir(), "out.png")
	w := checkpoint(t, models.NewSRVGG(models.SRVGGConfig{Width: 4, Depth: 1, Scale: 2}))
	for _, more := range []string{"", "--tile 20", "--scale 2"} {
		args := append([]string{"upscale", in, "-o", out, "--weights", w, "--device", "cpu"}, strings.Fields(more)...)
		if text := ok(t, args...); !strings.Contains(text, "80×60 from 40×30") || decoded(t, out).Bounds().Dx() != 80 {
			t.Errorf("%s: %s", more, text)
		}
	}
	ok(t, "upscale", in, "-o", out, "--model", "espcn_x4", "--device", "cpu")
	if m := decoded(t, out); m.Bounds().Dx() != 160 {
		t.Errorf("%v", m.Bounds())
	}
	for args, want := range map[string]string{
		"--model realesr_general_x4v3":                `"vertebra pull realesr_general_x4v3" gets it, or give --pull`,
		"--model realesr_general_x4v3 --weights " + w: "is not a checkpoint of realesr_general_x4v3",
		"--model lenet":                               "upscale lenet: it names what is in a picture; for super-resolution see espcn_x2",
		"--model espcn_x4 --scale 2":                  "--scale 2, but espcn_x4 enlarges 4 times",
		"--weights " + w + " --last none":             "only for ESPCN, not for srvgg",
		"--tile -1":                                   "--tile -1, want 0 or more",
		"--tile 8":                                    "tiles of 8 pixels are too small for espcn_x3, want 16 or more",
	} {
		status, _, stderr := vertebra(append([]string{"upscale", in, "-o", filepath.Join(t.TempDir(), "x.png"), "--device", "cpu"}, strings.Fields(args)...)...)
		if status != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d, %s, want %s", args, status, stderr, want)
		}
	}
}

// film returns n frames as PNGs, as PPMs and raw, and the same frames enlarged one by one.
func film(t *testing.T, n, w, h int, flags ...string) (png, ppm, raw, large []byte) {
	t.Helper()
	for i := range n {
		m := picture.New(w, h, 3)
		for k := range m.Pix {
			m.Pix[k] = byte(k*(7+i) + k/w)
		}
		path := file(t, "in.png", encoded(t, m.Image()))
		out := filepath.Join(t.TempDir(), "out.png")
		ok(t, append([]string{"upscale", path, "-o", out}, flags...)...)
		png, raw = append(png, encoded(t, m.Image())...), append(raw, m.Pix...)
		ppm = append(append(ppm, fmt.Sprintf("P6\n%d %d\n255\n", w, h)...), m.Pix...)
		large = append(large, picture.From(decoded(t, out)).Pix...)
	}
	return png, ppm, raw, large
}

func encoded(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestFrames enlarges frames by pipes, on the device and in plain Go, whole and in tiles.
// The results are those of the frames one by one.
func TestFrames(t *testing.T) {
	double := onnxfile.File{
		Inputs:  []onnxfile.Port{{Name: "x", Shape: []any{2, 3, 24, 24}}},
		Nodes:   []onnxfile.Node{{Op: "Resize", Inputs: []string{"x", "", "by"}, Outputs: []string{"y"}}},
		Weights: []onnxfile.Weight{{Name: "by", Shape: []int{4}, Data: []float32{1, 1, 2, 2}}},
		Outputs: []onnxfile.Port{{Name: "y"}},
	}
	path := filepath.Join(t.TempDir(), "double.onnx")
	if err := os.WriteFile(path, double.Encode(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, flags := range [][]string{
		{"--scale", "2", "--tile", "32"}, {"--scale", "3", "--device", "cpu"}, {"--weights", path, "--device", "cpu", "--range", "-1,1", "--channels", "bgr"},
	} {
		png, ppm, raw, large := film(t, 5, 50, 40, flags...)
		formats := map[string][]byte{"40x50": raw}
		if flags[2] == "--device" {
			formats["png"], formats["ppm"] = png, ppm
		}
		for format, in := range formats {
			var out, errs bytes.Buffer
			args := append([]string{"upscale", "-", "-o", "-", "--frames", format}, flags...)
			if status := runWith(context.Background(), args, bytes.NewReader(in), &out, &errs); status != 0 || !strings.Contains(errs.String(), "5 frames of") {
				t.Fatalf("%v: status %d, %s", args, status, errs.String())
			}
			if format == "40x50" {
				if !bytes.Equal(out.Bytes(), large) {
					t.Errorf("%v: other frames than one by one", args)
				}
				continue
			}
			source, err := framesFrom(&out, format)
			if err != nil {
				t.Fatal(err)
			}
			one := make([]byte, len(large)/5)
			for i := range 5 {
				if err := source.next(one); err != nil || !bytes.Equal(one, large[i*len(one):(i+1)*len(one)]) {
					t.Errorf("%v: frame %d is another than by itself, %v", args, i, err)
				}
			}
		}
	}
	for _, c := range []struct{ format, in, want string }{
		{"40x50", "abc", "the last frame has 3 bytes of 6000"},
		{"ppm", "", "-: there is no frame"},
		{"ppm", "P5\n1 1\n255\n.", "frame 1: not a PPM with 8 bits"},
		{"ppm", "P6\n1 1\n255\nabcP6\n2 1\n255\nabcdef", "frame 2 has 2×1 pixels, those before have 1×1"},
		{"ppm", "P6\n1000000 1000000\n255\n", "a PPM of 1000000×1000000 pixels"},
		{"png", "abc", "frame 1: unexpected EOF"},
		{"avi", "abc", `--frames "avi", want ppm, png or HEIGHTxWIDTH in pixels`},
	} {
		var out, errs bytes.Buffer
		args := []string{"upscale", "-", "-o", "-", "--frames", c.format, "--device", "cpu"}
		if status := runWith(context.Background(), args, strings.NewReader(c.in), &out, &errs); status != 1 || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%q as %s: status %d, %s", c.in, c.format, status, errs.String())
		}
	}
}

// TestUpscaleFolder enlarges the pictures below a folder. No two become the same file.
func TestUpscaleFolder(t *testing.T) {
	in, out := t.TempDir(), filepath.Join(t.TempDir(), "a", "larger")
	picture := encoded(t, image.NewGray(image.Rect(0, 0, 4, 3)))
	for _, name := range []string{"one.png", "two.jpg", "two.png", "two.jpg.png", "below/three.png", "bad.png"} {
		path := filepath.Join(in, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		data := picture
		if name == "bad.png" {
			data = []byte("no picture")
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	status, stdout, stderr := vertebra("upscale", in, "-o", out, "--scale", "2", "--device", "cpu")
	if status != 1 || !strings.Contains(stderr, "left out 1 of 6 pictures: ") || !strings.Contains(stderr, "bad.png") {
		t.Errorf("status %d, %s, %s", status, stdout, stderr)
	}
	for _, name := range []string{"one.png", "two.jpg.png", "two.png.png", "two.jpg.png.png", "below/three.png"} {
		if m := decoded(t, filepath.Join(out, name)); m.Bounds().Dx() != 8 {
			t.Errorf("%s: %v", name, m.Bounds())
		}
	}
	if _, err := os.Stat(filepath.Join(out, "bad.png")); err == nil {
		t.Error("a picture that cannot be read has a result")
	}
	if status, _, stderr := vertebra("upscale", in, "-o", in, "--device", "cpu"); status != 1 || !strings.Contains(stderr, ".png, which is read; name another folder") {
		t.Errorf("into itself: status %d, %s", status, stderr)
	}
}
