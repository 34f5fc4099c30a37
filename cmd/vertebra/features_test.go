package main

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
)

// TestFeatures writes stages in both formats, from batches and one by one.
func TestFeatures(t *testing.T) {
	dir := t.TempDir()
	for i, side := range []int{28, 70, 300} {
		seven(t, dir, string(rune('a'+i))+".png", side)
	}
	npy, st := filepath.Join(dir, "f.npy"), filepath.Join(dir, "f.safetensors")
	ok(t, "features", "lenet", dir, "-o", npy, "--batch", "2", "--layer", "conv2")
	if text := ok(t, "features", "lenet", dir, "-o", st, "--layer", "conv2", "--layer", "fc1"); !strings.Contains(text, "conv2 [3, 16, 10, 10]") {
		t.Error(text)
	}
	f := openFile(t, st)
	if pictures := f.Metadata["pictures"]; !strings.HasPrefix(pictures, "[") || strings.Count(pictures, ".png") != 3 || f.Metadata["layout"] != "NCHW" {
		t.Errorf("metadata %v", f.Metadata)
	}
	want, err := f.Tensor("conv2")
	if err != nil {
		t.Fatal(err)
	}
	if fc1, err := f.Tensor("fc1"); err != nil || !fc1.Shape.Equal([]int{3, 120}) {
		t.Errorf("fc1: %v, %v", fc1, err)
	}
	data, err := os.ReadFile(npy)
	if err != nil {
		t.Fatal(err)
	}
	header := 10 + int(binary.LittleEndian.Uint16(data[8:]))
	if header%64 != 0 || !bytes.Contains(data[:header], []byte("'shape': (3, 16, 10, 10,)")) || data[header-1] != '\n' {
		t.Errorf("header %q", data[:header])
	}
	got := tensor.New(want.Shape...)
	for i := range got.Data {
		got.Data[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[header+4*i:]))
	}
	if d, err := tensor.Diff(got, want); err != nil || d.Relative > 1e-5 || len(data) != header+4*len(got.Data) {
		t.Errorf("%v, %v", d, err)
	}
	if text := ok(t, "features", "lenet", filepath.Join(dir, "a.png"), "-o", npy); !strings.Contains(text, "fc2 [1, 84]") {
		t.Error(text)
	}
	ok(t, "features", "lenet", filepath.Join(dir, "a.png"), "-o", st, "--layout", "NHWC", "--layer", "conv1", "-q")
	if e, _ := openFile(t, st).Entry("conv1"); !e.Shape.Equal([]int{1, 28, 28, 6}) {
		t.Errorf("conv1 is %v", e.Shape)
	}
}

// TestFeaturesAll writes every stage.
func TestFeaturesAll(t *testing.T) {
	out := filepath.Join(t.TempDir(), "f.safetensors")
	ok(t, "features", "lenet", photograph(t, 8, 8), "-o", out, "--layer", "all", "-q")
	if got := strings.Join(openFile(t, out).Names(), " "); got != "conv1 pool conv2 pool#1 fc1 fc2" {
		t.Errorf("stages %s", got)
	}
}

func TestFeaturesErrors(t *testing.T) {
	in := photograph(t, 8, 8)
	for _, c := range []struct {
		want string
		args []string
	}{
		{`extension ".txt", want .npy`, []string{in, "-o", "OUT.txt"}},
		{"2 stages go into a .safetensors", []string{in, "-o", "OUT.npy", "--layer", "a", "--layer", "b"}},
		{"all 6 go into a .safetensors", []string{in, "-o", "OUT.npy", "--layer", "all"}},
		{`no stage "layer9"; there are conv1, pool`, []string{in, "-o", "OUT.npy", "--layer", "layer9"}},
		{"not an image", []string{file(t, "a.png", []byte("text")), "-o", "OUT.npy"}},
		{"no-such.png: no such file", []string{"no-such.png", "-o", "OUT.npy"}},
		{"needs --output FILE", []string{in}},
	} {
		dir := t.TempDir()
		var args []string
		for _, a := range c.args {
			if strings.HasPrefix(a, "OUT") {
				a = filepath.Join(dir, a)
			}
			args = append(args, a)
		}
		status, _, stderr := vertebra(append([]string{"features", "lenet"}, args...)...)
		if status != 1 || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("status %d, %q, want %q", status, stderr, c.want)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%q: left behind %v", c.want, left)
		}
	}
}

// TestPathAsModel takes the path of a checkpoint for the name of a model, and says what a
// checkpoint without a head lacks.
func TestPathAsModel(t *testing.T) {
	c := models.ViTConfig{Image: graph.Both(64), Patch: 8, Dim: 24, Depth: 1, Heads: 3, Classes: 5}
	whole, in, out := configured(t, models.NewViT(c)), photograph(t, 20, 11), filepath.Join(t.TempDir(), "f.npy")
	c.Classes = -1
	bare := configured(t, models.NewViT(c))
	if text := ok(t, "classify", whole, in, "-q"); strings.Count(text, "%") != 5 {
		t.Error(text)
	}
	ok(t, "features", bare, in, "-o", out)
	if text := ok(t, "embed", in, in, "--weights", bare, "-o", out); !strings.Contains(text, "images [2, 24]") {
		t.Error(text)
	}
	for _, k := range []struct {
		args []string
		want string
	}{
		{[]string{"classify", bare, in}, bare + ": the checkpoint has no classifier: head.weight is missing; it gives features"},
		{[]string{"classify", whole, in, "--weights", bare}, "no model"},
		{[]string{"segment", whole, in, "-o", out + ".png"}, "segment vit: it names what is in a picture"},
		{[]string{"embed", in, "--text", "a", "--weights", bare, "-o", out}, "vit embeds pictures but not texts"},
		{[]string{"embed", in, "--weights", whole, "-o", out}, "not a checkpoint of CLIP"},
		{[]string{"classify", in, in}, "neither a safetensors nor a PyTorch file"},
	} {
		if status, stdout, stderr := vertebra(k.args...); status != 1 || stdout != "" || !strings.Contains(stderr, k.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: status %d, %q, %q, want %q", k.args, status, stdout, stderr, k.want)
		}
	}
	alike := checkpoint(t, models.NewLeNet5(1))
	if status, _, stderr := vertebra("classify", "lenet", in, "--weights", alike); status != 0 || !strings.Contains(stderr, "fits lenet and lenet5, which differ in how pictures are prepared") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("status %d, %q", status, stderr)
	}
	ok(t, "classify", "lenet", in, "--weights", alike, "--quiet")
}
