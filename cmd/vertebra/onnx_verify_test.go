package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVerifyONNXFolder finds ONNX files in a folder, names them by their folders, and leaves
// out one with free dimensions and without data.
func TestVerifyONNXFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "relu"), os.DirFS(onnxSuite+"test_relu")); err != nil {
		t.Fatal(err)
	}
	model, _ := meansFile(t)
	file, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "means.onnx"), file, 0o666); err != nil {
		t.Fatal(err)
	}
	text := ok(t, "verify", dir)
	for _, want := range []string{"relu/test_data_set_0", "skip  means.onnx ", "is free: [batch 3 h w]; --dim NAME=N binds", "1 passed, 0 failed; skipped, not reference files: means.onnx"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s, want %q", text, want)
		}
	}
	text = ok(t, "verify", model, "--dim", "batch=2", "--dim", "h=3", "--dim", "w=5")
	if !strings.Contains(text, "means.onnx/random") || !strings.Contains(text, "1 passed, 0 failed") {
		t.Error(text)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"verify", model, "--dim", "k=2"}, `no input has a dimension "k"; there are batch, h, w`},
		{[]string{"inspect", model, "--dim", "k=2"}, `no input has a dimension "k"; there are batch, h, w`},
		{[]string{"run", model, "--dim", "k=2", "--input", "relu.npy", "--output", "y.npy"}, "relu.npy"},
	} {
		if status, stdout, stderr := vertebra(c.args...); status == 0 || !strings.Contains(stdout+stderr, c.want) {
			t.Errorf("%v: %d %s %s", c.args, status, stdout, stderr)
		}
	}
	if text := ok(t, "inspect", model, "--size", "6x8", "--batch", "2"); !strings.Contains(text, "runs as ") {
		t.Error(text)
	}
}
