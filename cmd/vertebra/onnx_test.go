package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/onnx"
	"github.com/vertebra/vertebra/weights"
)

const onnxSuite = "../../onnx/testdata/suite/node/"

// TestInspectONNX lists the operators of a file.
func TestInspectONNX(t *testing.T) {
	text := ok(t, "inspect", onnxSuite+"test_gemm_all_attributes/model.onnx")
	for _, want := range []string{"Gemm      1\n", "input a: float32 [4, 3]\n", "output y: float32 [3, 5]\n", "opset ai.onnx 13, 0 parameters\n", "runs as "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	var r onnxInspection
	if err := json.Unmarshal([]byte(ok(t, "inspect", "--json", onnxSuite+"test_relu/model.onnx")), &r); err != nil {
		t.Fatal(err)
	}
	if r.Operators["Relu"] != 1 || r.Opsets[""] == 0 || len(r.Unsupported) != 0 || r.Ops != 1 || r.Problem != "" {
		t.Errorf("%+v", r)
	}
	if status, _, stderr := vertebra("inspect", onnxSuite+"test_relu/model.onnx", "--dim", "n"); status != 1 || !strings.Contains(stderr, "--dim n, want NAME=N") {
		t.Errorf("status %d, %s", status, stderr)
	}
}

// TestRunONNX runs a file on tensors in each kind of file.
func TestRunONNX(t *testing.T) {
	dir := t.TempDir()
	model := onnxSuite + "test_relu/model.onnx"
	in, want := onnxSuite+"test_relu/test_data_set_0/input_0.pb", onnxSuite+"test_relu/test_data_set_0/output_0.pb"
	at := func(name string) string { return filepath.Join(dir, name) }
	run := func(model, in, out string) {
		ok(t, "run", model, "--input", in, "--output", out, "--device", "cpu")
	}
	run(model, in, at("y.pb"))
	run(model, in, at("y.npy"))
	run(model, in, at("y.safetensors"))
	run(model, at("y.npy"), at("again.pb"))
	run(model, at("y.safetensors"), at("third.pb"))
	run(onnxSuite+"test_gemm_all_attributes/model.onnx", onnxSuite+"test_gemm_all_attributes/test_data_set_0", at("gemm.safetensors"))
	read := func(path string) *onnx.Array {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		a, err := onnx.ReadTensor(data)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for _, name := range []string{"y.pb", "again.pb", "third.pb"} {
		got, want := read(at(name)), read(want)
		for i := range want.Len() {
			if got.At(i) != want.At(i) {
				t.Fatalf("%s: element %d is %v, want %v", name, i, got.At(i), want.At(i))
			}
		}
	}
	f, err := weights.OpenSafetensors(at("gemm.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if names := f.Names(); len(names) != 1 || names[0] != "y" {
		t.Errorf("results %v", names)
	}
	status, _, stderr := vertebra("run", model, "--input", in, "--output", at("z.pb"), "--layout", "NHWC")
	if status != 1 || !strings.Contains(stderr, "--layout is not for an ONNX file") {
		t.Errorf("status %d, %s", status, stderr)
	}
}

// TestVerifyONNX checks a file on the data beside it, and on wrong data.
func TestVerifyONNX(t *testing.T) {
	if text := ok(t, "verify", onnxSuite+"test_batchnorm_example/model.onnx"); !strings.Contains(text, "1 passed, 0 failed") {
		t.Error(text)
	}
	dir := filepath.Join(t.TempDir(), "relu")
	if err := os.CopyFS(dir, os.DirFS(onnxSuite+"test_relu")); err != nil {
		t.Fatal(err)
	}
	set := filepath.Join(dir, "test_data_set_0")
	data, err := os.ReadFile(filepath.Join(set, "input_0.pb"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(set, "output_0.pb"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	if status, text, _ := vertebra("verify", filepath.Join(dir, "model.onnx")); status != 1 || !strings.Contains(text, "FAIL  relu/test_data_set_0") {
		t.Errorf("status %d, %s", status, text)
	}
	if err := os.WriteFile(filepath.Join(set, "output_0.pb"), data[:20], 0o600); err != nil {
		t.Fatal(err)
	}
	if status, text, _ := vertebra("verify", filepath.Join(dir, "model.onnx")); status != 1 || !strings.Contains(text, "FAIL  relu") || !strings.Contains(text, "output_0.pb") {
		t.Errorf("cut: status %d, %s", status, text)
	}
	if err := os.RemoveAll(set); err != nil {
		t.Fatal(err)
	}
	if text := ok(t, "verify", filepath.Join(dir, "model.onnx")); !strings.Contains(text, "pass  relu/random") {
		t.Error(text)
	}
}
