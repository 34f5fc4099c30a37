// Package examples runs the programs below it, each of which shows one use.
package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// example runs the program in a folder and returns what it prints. The folder may be a
// module of its own.
func example(t *testing.T, folder string, args ...string) string {
	t.Helper()
	run := exec.Command("go", append([]string{"run", "."}, args...)...)
	run.Dir = folder
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", folder, err, out)
	}
	return string(out)
}

// absolute returns the path of a file of this repository.
func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestClassify(t *testing.T) {
	digit, lenet := absolute(t, "vision/picture/testdata/grey.jpg"), absolute(t, "vision/zoo/lenet.safetensors")
	out := example(t, "classify", "lenet", lenet, digit)
	if strings.Count(out, " %  ") != 3 || strings.Count(out, "\n") != 3 {
		t.Errorf("it prints %q", out)
	}
}

func TestFeatures(t *testing.T) {
	picture, lenet := absolute(t, "vision/picture/testdata/grey.jpg"), absolute(t, "vision/zoo/lenet.safetensors")
	file := filepath.Join(t.TempDir(), "out.safetensors")
	out := example(t, "features", "lenet", lenet, file, "fc1", picture, picture)
	if !strings.Contains(out, "fc1 [2, 120]") {
		t.Errorf("it prints %q", out)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

func TestOwnModel(t *testing.T) {
	out := example(t, "ownmodel")
	if !strings.Contains(out, "stem conv2d") || !strings.Contains(out, "out [2, 5]") {
		t.Errorf("it prints %q", out)
	}
}

func TestVideo(t *testing.T) {
	if out := example(t, "video"); !strings.HasPrefix(out, "12 frames of 96×54 became 384×216 on ") {
		t.Errorf("it prints %q", out)
	}
}

func TestOwnOp(t *testing.T) {
	out := example(t, "ownop")
	if !strings.Contains(out, "eval on the CPU") || strings.Count(out, "differs from the formula by ") != 2 {
		t.Errorf("it prints %q", out)
	}
}

func TestCutout(t *testing.T) {
	m := models.NewSAM(models.SAMConfig{
		Size: 32, Patch: 8, Width: 8, Depth: 2, Heads: 2, Window: 3, Global: []int{1}, Channels: 16, DecoderMLP: 8, IoUHidden: 8, MaskChannels: 4,
	})
	weights.Random(m, 1)
	var all []*tensor.Tensor
	weights.Walk(m, func(_ string, w *tensor.Tensor) { all = append(all, w) })
	sam, cut := filepath.Join(t.TempDir(), "sam.safetensors"), filepath.Join(t.TempDir(), "cut.png")
	if err := weights.WriteSafetensors(sam, nil, all...); err != nil {
		t.Fatal(err)
	}
	out := example(t, "cutout", sam, absolute(t, "vision/picture/testdata/444.jpg"), "8", "8", cut)
	if !strings.Contains(out, " pixels, predicted IoU ") {
		t.Errorf("it prints %q", out)
	}
}

// TestReadme compares the README's first program with the one that runs here.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("classify/main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```go\n")
	block, _, found := strings.Cut(rest, "```")
	if !found || !strings.HasSuffix(string(program), block) || !strings.HasPrefix(block, "package main\n") {
		t.Error("the README's program is not that of examples/classify")
	}
}
