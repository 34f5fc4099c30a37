package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// openFile opens a safetensors file for the length of a test.
func openFile(t *testing.T, path string) *weights.Safetensors {
	t.Helper()
	f, err := weights.OpenSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// write writes tensors into a file of a folder of its own.
func write(t *testing.T, tensors ...*tensor.Tensor) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := weights.WriteSafetensors(path, nil, tensors...); err != nil {
		t.Fatal(err)
	}
	return path
}

// compare holds tensors of a file against those of a reference file, whose
// names are behind prefixes; each has to have been compared once. A reference
// may be of the first images only.
func compare(t *testing.T, got, want *weights.Safetensors, rename map[string]string) {
	t.Helper()
	n := 0
	for _, name := range want.Names() {
		if !strings.HasPrefix(name, "stage/") && !strings.HasPrefix(name, "output/") {
			continue
		}
		_, ours, _ := strings.Cut(name, "/")
		if strings.HasPrefix(ours, "all_") {
			continue // of more than the input
		}
		if to, ok := rename[ours]; ok {
			ours = to
		}
		w, err := want.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		g, err := got.Tensor(ours)
		if err != nil {
			t.Error(err)
			continue
		}
		if w.Shape[0] < g.Shape[0] {
			g = tensor.Of(g.Data[:w.Shape.Len()], w.Shape...)
		}
		if d, err := tensor.Diff(g, w); err != nil || d.Relative > 1e-4 {
			t.Errorf("%s: %v, %v", name, d, err)
		}
		n++
	}
	if n == 0 {
		t.Error("nothing was compared")
	}
}

// TestRun gives PyTorch's tensors in and compares all stages with PyTorch's.
func TestRun(t *testing.T) {
	reference := "../../golden/testdata/lenet5_tutorial.safetensors"
	f := openFile(t, reference)
	var all []*tensor.Tensor
	for _, name := range f.Names() {
		if rest, ok := strings.CutPrefix(name, "weight/"); ok {
			w, err := f.Tensor(name)
			if err != nil {
				t.Fatal(err)
			}
			w.Name = rest
			all = append(all, w)
		}
	}
	out := filepath.Join(t.TempDir(), "y.safetensors")
	text := ok(t, "run", "lenet5", "--weights", write(t, all...), "--input", reference, "--output", out, "--layer", "all")
	if !strings.Contains(text, "conv2 [2, 16, 10, 10]") {
		t.Errorf("%s", text)
	}
	y := openFile(t, out)
	compare(t, y, f, map[string]string{"y": "out", "logits": "out", "fc3": "out"})
	if y.Metadata["layout"] != "NCHW" || y.Metadata["model"] != "lenet5" {
		t.Errorf("metadata %v", y.Metadata)
	}
}

// TestRunReal runs trained networks of others; a clone has neither their
// weights nor what they have to give.
func TestRunReal(t *testing.T) {
	data, golden := os.Getenv("VERTEBRA_DATA"), os.Getenv("VERTEBRA_GOLDEN")
	if data == "" || golden == "" {
		return
	}
	for _, c := range []struct {
		file, model, weights, input string
		mean, std                   [3]float32
		rename                      map[string]string
	}{
		{"real_cifar_resnet20", "cifar_resnet20", "resnet20-12fca82f.th", "u8", models.ImageNetMean, models.ImageNetStd, map[string]string{"logits": "out"}},
		{"real_cifar_resnet56", "cifar_resnet56", "resnet56-4bfd9763.th", "u8", models.ImageNetMean, models.ImageNetStd, map[string]string{"logits": "out"}},
		{"real_lenet_mnist", "lenet5_conv", "lenet_mnist_csinva_legacy.pth", "resized_u8", [3]float32{}, [3]float32{1, 1, 1},
			map[string]string{"log_probs": "out", "fc.sig7": "out"}},
	} {
		t.Run(c.file, func(t *testing.T) {
			f := openFile(t, filepath.Join(golden, c.file+".safetensors"))
			x, err := f.Tensor("input/" + c.input)
			if err != nil {
				t.Fatal(err)
			}
			if len(x.Shape) == 3 {
				x = x.Reshape(append(x.Shape[:3:3], 1)...)
			}
			for i, v := range x.Data {
				k := i % x.Shape[3]
				x.Data[i] = (v/255 - c.mean[k]) / c.std[k]
			}
			x = x.ToNCHW()
			x.Name = "x"
			out := filepath.Join(t.TempDir(), "y.safetensors")
			ok(t, "run", c.model, "--weights", filepath.Join(data, "weights", c.weights), "--input", write(t, x), "--output", out, "--layer", "all")
			compare(t, openFile(t, out), f, c.rename)
		})
	}
}

func TestRunErrors(t *testing.T) {
	x := tensor.New(1, 1, 32, 32)
	x.Name = "x"
	good := write(t, x)
	three := tensor.New(1, 3, 32, 32)
	three.Name = "x"
	small := tensor.New(1, 1, 28, 28)
	small.Name = "x"
	a, b := tensor.New(1), tensor.New(1)
	a.Name, b.Name = "a", "b"
	for _, c := range []struct {
		want  string
		input string
		args  []string
	}{
		{"x is [1, 3, 32, 32], lenet wants N×C×H×W with C = 1", write(t, three), nil},
		{"2 tensors, none of them named x or input/x", write(t, a, b), nil},
		{"a is [1]", write(t, a), nil},
		{"safetensors", photograph(t, 3, 3), nil},
		{`no stage "layer9"; there are conv1, pool, conv2`, good, []string{"--layer", "layer9"}},
		{`--layout "chwn"`, good, []string{"--layout", "chwn"}},
		{"wants N×H×W×C with C = 1", good, []string{"--layout", "nhwc"}},
		{"input has 256 channels, weight wants 400", write(t, small), nil},
	} {
		out := filepath.Join(t.TempDir(), "y.safetensors")
		status, _, stderr := vertebra(append([]string{"run", "lenet", "--input", c.input, "--output", out}, c.args...)...)
		if status != 1 || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("status %d, %q, want %q", status, stderr, c.want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%q: a file was written", c.want)
		}
	}
}
