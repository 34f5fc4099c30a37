package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// withNaN replaces an element of each tensor of a checkpoint by
// NaN, and returns the path.
func withNaN(t *testing.T, path string) string {
	t.Helper()
	f, err := weights.OpenSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []*tensor.Tensor
	for _, name := range f.Names() {
		x, err := f.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(x.Data) > 0 {
			x.Data[len(x.Data)-1] = float32(math.NaN())
		}
		all = append(all, x)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := weights.WriteSafetensors(path, nil, all...); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestNotFinite runs the commands that compute with NaN in the weights and in the input.
// Each ends with status 1, names the first tensor, and prints and writes no NaN.
func TestNotFinite(t *testing.T) {
	in, dir := photograph(t, 40, 30), t.TempDir()
	m, clip, folder := small(t), withNaN(t, smallCLIP(t, 1)), photos(t, 2)
	lenet := withNaN(t, checkpoint(t, models.NewLeNet5(1)))
	png, npy := filepath.Join(dir, "out.png"), filepath.Join(dir, "out.npy")
	for want, args := range map[string][]string{
		"conv1.weight":                      {"upscale", in, "--weights", withNaN(t, checkpoint(t, models.NewESPCN(models.ESPCNConfig{Scale: 2}))), "-o", png},
		"the result out ":                   {"classify", "lenet", in, folder, "--weights", lenet, "--batch", "2"},
		"conv1.weight is the first ":        {"features", "lenet", in, in, "--weights", lenet, "-o", npy},
		"visual.":                           {"embed", in, "--weights", clip, "-o", npy},
		"the result text has NaN":           {"embed", "--text", "ab", "--weights", clip, "-o", npy},
		"clip: the result ":                 {"match", in, "--text", "ab", "--weights", clip},
		"is the first tensor with them":     {"search", folder, "--weights", clip},
		"sam: the result ":                  {"sam", in, "--point", "3,3", "--weights", withNaN(t, smallSAM(t)), "-o", png},
		"because the weights have: ":        {"sam", in, "--everything", "--points-per-side", "2", "--weights", withNaN(t, smallSAM(t)), "-o", png},
		"because":                           {"segment", "unetpp_deepsup", in, "--size", "16x16", "--depth", "1", "--weights", withNaN(t, checkpoint(t, models.NewUNetPP(models.UNetPPConfig{DeepSupervision: true}))), "-o", png},
		"because the weights have":          {"detect", withNaN(t, m.det), in, "-o", png},
		"NaN or infinities, because the we": {"reconstruct", in, "--weights", withNaN(t, m.mae), "-o", png},
		"NaN or infinities, because":        {"attention", withNaN(t, m.vit), in, "--block", "1", "-o", png},
	} {
		status, stdout, stderr := vertebra(append(args, "--device", "cpu")...)
		if status != 1 || !strings.Contains(stderr, want) || strings.Contains(stdout, "NaN") {
			t.Errorf("%v: status %d, %s, %s, want %q", args, status, stdout, stderr, want)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind %v", left)
	}
	x := tensor.New(1, 1, 32, 32)
	x.Name = "x"
	input, output := filepath.Join(dir, "x.safetensors"), filepath.Join(dir, "y.safetensors")
	for value, want := range map[float64]string{
		math.Inf(1): "x.safetensors: the input has NaN or infinities: lenet: the result out has",
		math.NaN():  "x.safetensors: the input has NaN or infinities: ", // a device may lose it
	} {
		x.Data[300] = float32(value)
		if err := weights.WriteSafetensors(input, nil, x); err != nil {
			t.Fatal(err)
		}
		os.Remove(output)
		status, _, stderr := vertebra("run", "lenet", "--input", input, "-o", output)
		if status != 1 || !strings.Contains(stderr, want) {
			t.Errorf("run: status %d, %s", status, stderr)
		}
		if _, err := os.Stat(output); err != nil {
			t.Errorf("run has not written what it has computed: %v", err)
		}
	}
}
