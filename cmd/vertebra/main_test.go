package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/weights"
)

// vertebra runs a command line.
func vertebra(args ...string) (status int, stdout, stderr string) {
	var out, err bytes.Buffer
	status = run(context.Background(), args, &out, &err)
	return status, out.String(), err.String()
}

// ok runs a command line that has to go well and returns what it prints.
func ok(t *testing.T, args ...string) string {
	t.Helper()
	status, stdout, stderr := vertebra(args...)
	if status != 0 || stderr != "" {
		t.Fatalf("vertebra %v: status %d, %s", args, status, stderr)
	}
	return stdout
}

// photograph writes a PNG of a size and returns its path.
func photograph(t *testing.T, w, h int) string {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, color.NRGBA{uint8(x * 37), uint8(y*91 + x), uint8(x * y), 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return file(t, "in.png", b.Bytes())
}

// decoded is the picture of a PNG.
func decoded(t *testing.T, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// file writes a file into a folder of its own.
func file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// hugePNG is the beginning of a PNG that claims to be 100,000 pixels square.
func hugePNG() []byte {
	chunk := binary.BigEndian.AppendUint32([]byte("IHDR"), 100000)
	chunk = append(binary.BigEndian.AppendUint32(chunk, 100000), 8, 2, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	b = append(b, chunk...)
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(chunk))
	return append(b, "\x00\x00\x00\x00IDAT\x35\xaf\x06\x1e"...)
}

// TestBadInput expects one clear line, status 1, and no file.
func TestBadInput(t *testing.T) {
	in := photograph(t, 8, 8)
	whole, err := os.ReadFile(in)
	if err != nil {
		t.Fatal(err)
	}
	var jpg bytes.Buffer
	if err := jpeg.Encode(&jpg, image.NewGray(image.Rect(0, 0, 64, 64)), nil); err != nil {
		t.Fatal(err)
	}
	x2 := filepath.Join(t.TempDir(), "x2.safetensors")
	var tensors []*tensor.Tensor
	m := models.NewESPCN(models.ESPCNConfig{Scale: 2})
	weights.Random(m, 1)
	weights.Walk(m, func(_ string, w *tensor.Tensor) { tensors = append(tensors, w) })
	if err := weights.WriteSafetensors(x2, nil, tensors...); err != nil {
		t.Fatal(err)
	}
	wide := photograph(t, 30000, 1)
	folder := filepath.Join(t.TempDir(), "a.png")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string // OUT stands for a file that must not come to be
		want string
	}{
		{"missing input", []string{"upscale", "no-such.png", "-o", "OUT.png"}, "no-such.png: no such file"},
		{"truncated png", []string{"upscale", file(t, "a.png", whole[:len(whole)/2]), "-o", "OUT.png"}, "a.png: png of 8×8 pixels: "},
		{"broken png", []string{"upscale", file(t, "a.png", slices.Concat(whole[:40], []byte("!"), whole[41:])), "-o", "OUT.png"}, "a.png: png: broken chunk"},
		{"broken head of a png", []string{"upscale", file(t, "a.png", slices.Concat(whole[:30], []byte("!"), whole[31:])), "-o", "OUT.png"}, "a.png: png: wrong checksum"},
		{"truncated jpeg", []string{"upscale", file(t, "a.jpg", jpg.Bytes()[:jpg.Len()/2]), "-o", "OUT.png"}, "a.jpg: jpeg"},
		{"empty file", []string{"upscale", file(t, "a.png", nil), "-o", "OUT.png"}, "not an image"},
		{"huge png", []string{"upscale", file(t, "a.png", hugePNG()), "-o", "OUT.png"}, "100000×100000 pixels has more than"},
		{"no image", []string{"upscale", file(t, "a.png", []byte("some text\n")), "-o", "OUT.png"}, "not an image"},
		{"folder as input", []string{"upscale", t.TempDir(), "-o", "OUT.png"}, "no picture in this folder"},
		{"folder as output", []string{"upscale", in, "-o", folder}, "is a folder"},
		{"no such folder", []string{"upscale", in, "-o", filepath.Join(t.TempDir(), "none", "OUT.png")}, "no such file"},
		{"file as folder", []string{"upscale", in, "-o", filepath.Join(in, "OUT.png")}, "not a directory"},
		{"no format", []string{"upscale", in, "-o", "OUT.gif"}, `extension ".gif", want .png`},
		{"no output", []string{"upscale", in}, "upscale needs --output FILE"},
		{"empty output", []string{"upscale", in, "-o", ""}, `--output "" names no file`},
		{"empty weights", []string{"classify", "lenet", in, "--weights", ""}, `--weights "" names no file`},
		{"too wide for a jpeg", []string{"upscale", wide, "-o", "OUT.jpg"}, "too many for a jpeg"},
		{"no such scale", []string{"upscale", in, "-o", "OUT.png", "--scale", "5"}, "scale 5"},
		{"negative scale", []string{"upscale", in, "-o", "OUT.png", "--scale", "-1"}, "scale -1"},
		{"no such adapter", []string{"upscale", in, "-o", "OUT.png", "--device", "no such card"}, `no adapter "no such card"`},
		{"no such backend", []string{"upscale", in, "-o", "OUT.png", "--backend", "cuda"}, "want vulkan"},
		{"weights of another shape", []string{"upscale", in, "-o", "OUT.png", "--weights", x2, "--scale", "3"}, "is a checkpoint of espcn_x2, not of espcn_x3"},
		{"no weights", []string{"upscale", in, "-o", "OUT.png", "--weights", in}, "in.png: neither"},
		{"no such weights", []string{"upscale", in, "-o", "OUT.png", "--weights", "none.safetensors"}, "none.safetensors: no such file"},
		{"no such activation", []string{"upscale", in, "-o", "OUT.png", "--weights", x2, "--scale", "2", "--activation", "swish"}, `--activation "swish"`},
		{"no such command", []string{"enlarge"}, `unknown command "enlarge"`},
		{"activation of no weights", []string{"upscale", in, "-o", "OUT.png", "--activation", "relu"}, "--activation and --last need --weights"},
		{"demo in another format", []string{"demo", "-o", "OUT.gif"}, `extension ".gif", want .png`},
		{"huge input", []string{"bench", "model", "resnet18", "--size", "14000", "--batch", "64"}, "conv1: conv2d s2 p3+bias+relu: a value of shape [64, 7000, 7000, 64] takes 802816000000 bytes"},
		{"huge input in plain Go", []string{"bench", "model", "resnet18", "--size", "14000", "--batch", "64", "--device", "cpu"}, "too large for plain Go"},
		{"no such flag", []string{"upscale", "--fast"}, "unknown flag: --fast; see vertebra upscale --help"},
		{"bench no model", []string{"bench", "model", "vgg"}, `no model "vgg"`},
		{"bench an empty input", []string{"bench", "model", "espcn", "--batch", "0"}, "--batch 0"},
		{"bench the text of pictures", []string{"bench", "model", "espcn", "--tower", "text"}, "espcn_x3 has no text tower"},
		{"bench bad shapes", []string{"bench", "ops", "--shapes", file(t, "s.json", []byte(`[{"name": "a", "op": "sort"}]`))}, `op "sort"`},
		{"bench broken shapes", []string{"bench", "ops", "--shapes", file(t, "s.json", []byte(`[{`))}, "s.json"},
		{"bench no shape", []string{"bench", "ops", "--filter", "no-such"}, `--filter "no-such": no shape has this in its name`},
		{"bench kernels without a GPU", []string{"bench", "ops", "--device", "cpu"}, "measured on a GPU"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			var args []string
			for _, a := range c.args {
				if strings.HasPrefix(a, "OUT") {
					a = filepath.Join(dir, a)
				}
				args = append(args, a)
			}
			status, _, stderr := vertebra(args...)
			if status != 1 || !strings.HasPrefix(stderr, "vertebra: ") || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.want) {
				t.Errorf("status %d, %q does not say %q in one line", status, stderr, c.want)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// TestInterrupted ends an enlargement before it is done.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, err bytes.Buffer
	dir := t.TempDir()
	status := run(ctx, []string{"upscale", photograph(t, 300, 300), "-o", filepath.Join(dir, "out.png")}, &out, &err)
	if status != interrupted || err.String() != "vertebra: interrupted\n" {
		t.Errorf("status %d, %q", status, err.String())
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestUpscale enlarges pictures of awkward sizes on the device.
func TestUpscale(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 37}, {41, 1}, {31, 29}, {263, 17}} {
		for i, name := range []string{"out.png", "out.jpg"} {
			scale := []string{"2", "4"}[i]
			out := filepath.Join(t.TempDir(), name)
			text := ok(t, "upscale", photograph(t, size[0], size[1]), "-o", out, "--scale", scale)
			m, err := picture.Load(out)
			if err != nil {
				t.Fatal(err)
			}
			if r := 2 + 2*i; m.Width != r*size[0] || m.Height != r*size[1] {
				t.Errorf("%v: %v", size, m)
			}
			for _, want := range []string{"device: ", "set-up ", "first run ", "steady run ", "megapixels a second"} {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not in %q", want, text)
				}
			}
		}
	}
}

// TestBackground writes a transparent picture onto colours.
func TestBackground(t *testing.T) {
	in := filepath.Join(t.TempDir(), "clear.png")
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want [3]uint8
	}{
		{nil, [3]uint8{255, 255, 255}},
		{[]string{"--background", "Navy"}, [3]uint8{0, 0, 128}},
		{[]string{"--background", "#a41"}, [3]uint8{170, 68, 17}},
		{[]string{"--background", "#0a0B0c"}, [3]uint8{10, 11, 12}},
	} {
		out := filepath.Join(t.TempDir(), "out.jpg")
		ok(t, append([]string{"upscale", in, "-o", out, "-q", "--device", "cpu"}, c.args...)...)
		m, err := picture.Load(out)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range m.Pix {
			if d := int(v) - int(c.want[i%3]); d < -3 || d > 3 {
				t.Fatalf("%v: sample %d is %d, want %v", c.args, i, v, c.want)
			}
		}
	}
	for _, bad := range []string{"", "nocolour", "#12", "#12345g", "#1234567"} {
		status, _, stderr := vertebra("upscale", in, "-o", "out.jpg", "--background", bad)
		if status != 1 || !strings.Contains(stderr, "--background") {
			t.Errorf("--background %q: status %d, %s", bad, status, stderr)
		}
	}
}

// TestDevicesAgree holds the GPU's picture against that of plain Go.
func TestDevicesAgree(t *testing.T) {
	in, dir := photograph(t, 40, 23), t.TempDir()
	a, b := filepath.Join(dir, "a.png"), filepath.Join(dir, "b.png")
	ok(t, "upscale", in, "-o", a, "-q")
	ok(t, "upscale", in, "-o", b, "-q", "--device", "cpu")
	one, err := picture.Load(a)
	if err != nil {
		t.Fatal(err)
	}
	two, err := picture.Load(b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range one.Pix {
		if d := int(one.Pix[i]) - int(two.Pix[i]); d < -1 || d > 1 {
			t.Fatalf("sample %d is %d on the GPU, %d in Go", i, one.Pix[i], two.Pix[i])
		}
	}
}

func TestDemo(t *testing.T) {
	out := filepath.Join(t.TempDir(), "new", "demo.png")
	text := ok(t, "demo", "-o", out)
	if !strings.Contains(text, out) || !strings.Contains(text, "device: ") || !strings.Contains(text, "megapixels a second") {
		t.Errorf("demo says %q", text)
	}
	m, err := picture.Load(out)
	if err != nil || m.Width < 3*630 {
		t.Errorf("%v, %v", m, err)
	}
}

func TestOtherCommands(t *testing.T) {
	var devices []struct{ Name, Backend string }
	if err := json.Unmarshal([]byte(ok(t, "devices", "--json")), &devices); err != nil || len(devices) == 0 || devices[0].Name == "" {
		t.Errorf("devices: %v, %v", devices, err)
	}
	if text := ok(t, "devices"); !strings.Contains(text, devices[0].Name) || !strings.Contains(text, "*") {
		t.Errorf("devices: %s", text)
	}
	if text := ok(t, "version"); !strings.HasPrefix(text, "vertebra ") || ok(t, "--version") != text {
		t.Errorf("version: %s", text)
	}
	if text := ok(t, "version"); !strings.Contains(text, ", go1.") || !strings.Contains(text, "wgpu-native") {
		t.Errorf("version: %s", text)
	}
	if text := ok(t, "version", "--verbose"); !strings.HasPrefix(text, ok(t, "version")) || !strings.Contains(text, "adapter 0: "+devices[0].Name) {
		t.Errorf("version --verbose: %s", text)
	}
	man := filepath.Join(t.TempDir(), "man")
	ok(t, "man", "-o", man)
	page, err := os.ReadFile(filepath.Join(man, "vertebra-upscale.1"))
	if err != nil || !strings.Contains(string(page), `\fB--scale\fP`) {
		t.Errorf("man: %v, %.200s", err, page)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if text := ok(t, "completion", shell); !strings.Contains(text, "vertebra") {
			t.Errorf("completion for %s: %s", shell, text)
		}
	}
	if text := ok(t, "help", "upscale"); !strings.Contains(text, "Examples:") {
		t.Errorf("help: %s", text)
	}
}
