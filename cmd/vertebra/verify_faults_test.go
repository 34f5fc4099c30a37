package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/golden"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// changed copies a reference file to a folder after a change of its metadata and
// its tensors.
func changed(t *testing.T, from, to string, change func(metadata map[string]string, all map[string]*tensor.Tensor)) string {
	t.Helper()
	s, err := weights.OpenSafetensors(from)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	all := map[string]*tensor.Tensor{}
	for _, n := range s.Names() {
		if all[n], err = s.Tensor(n); err != nil {
			t.Fatal(err)
		}
	}
	change(s.Metadata, all)
	var tensors []*tensor.Tensor
	for n, x := range all {
		x.Name = n
		tensors = append(tensors, x)
	}
	if err := weights.WriteSafetensors(to, s.Metadata, tensors...); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestVerifyGoesOn gives verify files that are wrong in various ways, and one that
// is right. Each is a line of its own with the reason, also as JSON.
func TestVerifyGoesOn(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	with := func(name string, change func(metadata map[string]string, all map[string]*tensor.Tensor)) string {
		return changed(t, espcnCase, in(name), change)
	}
	if err := os.WriteFile(in("text.safetensors"), []byte("some words that are no tensors\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(in("folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	wrong := []struct{ path, name, reason string }{
		{in("none.safetensors"), "none.safetensors", "no such file"},
		{in("text.safetensors"), "text.safetensors", "does not begin with a header"},
		{in("folder"), in("folder"), "no reference file in this folder"},
		{with("plain.safetensors", func(m map[string]string, _ map[string]*tensor.Tensor) { clear(m) }), "plain.safetensors", "not a reference file"},
		{with("vgg.safetensors", func(m map[string]string, _ map[string]*tensor.Tensor) {
			m["config"], m["model"] = `{"arch": "vgg"}`, "vgg16"
		}), "vgg.safetensors", `architecture "vgg"`},
		{with("input.safetensors", func(_ map[string]string, all map[string]*tensor.Tensor) { delete(all, "input/x") }), "input", "input/x"},
		{with("weights.safetensors", func(_ map[string]string, all map[string]*tensor.Tensor) { delete(all, "weight/conv2.bias") }), "weights", "conv2.bias"},
		{with("output.safetensors", func(_ map[string]string, all map[string]*tensor.Tensor) { delete(all, "output/out") }), "output", "no output to compare"},
		{with("shape.safetensors", func(_ map[string]string, all map[string]*tensor.Tensor) {
			all["output/out"] = tensor.New(2, 1, 44, 35)
		}), "shape", "out: shape is [2, 44, 36, 1], want [2, 44, 35, 1]"},
		{with("photo.safetensors", func(m map[string]string, all map[string]*tensor.Tensor) {
			m["model"], m["config"] = "op:preprocess_photo", `{"image": "nobody.png"}`
		}), "photo", "nobody.png is not there; it was looked for in " + dir},
	}
	paths := []string{"verify", "--device", "cpu", "--data", dir}
	for _, w := range wrong {
		paths = append(paths, w.path)
	}
	paths = append(paths, espcnCase)
	status, text, stderr := vertebra(paths...)
	if status != 1 || stderr != "vertebra: 10 of 11 cases failed\n" || !strings.Contains(text, "1 passed, 10 failed\n") || !strings.Contains(text, "pass  espcn_x4 ") {
		t.Errorf("status %d, %q:\n%s", status, stderr, text)
	}
	for _, w := range wrong {
		found := false
		for _, line := range strings.Split(text, "\n") {
			found = found || strings.HasPrefix(line, "FAIL  "+w.name+" ") && strings.Contains(line, w.reason)
		}
		if !found {
			t.Errorf("no line says of %s %q:\n%s", w.name, w.reason, text)
		}
	}
	if strings.Contains(text, " open ") {
		t.Errorf("a line has the name of the system's function:\n%s", text)
	}
	status, text, _ = vertebra(append(paths, "--json")...)
	var report verifyReport
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	if status != 1 || report.Passed != 1 || report.Failed != len(wrong) || len(report.Cases) != len(wrong)+1 {
		t.Fatalf("status %d: %+v", status, report)
	}
	for i, w := range wrong {
		if c := report.Cases[i]; c.Name != w.name || c.Pass || !strings.Contains(c.Problem, w.reason) {
			t.Errorf("%+v, want %q", c, w.reason)
		}
	}
	// In a folder, files that are not reference files are skipped.
	status, text, _ = vertebra("verify", "--device", "cpu", dir)
	if status != 1 || !strings.Contains(text, "; skipped, not reference files: plain.safetensors\n") {
		t.Errorf("status %d:\n%s", status, text)
	}
	status, _, stderr = vertebra("verify", "--device", "cpu", "--data", in("nowhere"), espcnCase)
	if want := "--data " + in("nowhere") + ": no such folder"; status != 1 || !strings.Contains(stderr, want) {
		t.Errorf("status %d: %q", status, stderr)
	}
}

// TestVerifyRecovers expects a line for a panic.
func TestVerifyRecovers(t *testing.T) {
	var text bytes.Buffer
	v := &verifier{out: &text}
	one := tensor.Of([]float32{1}, 1)
	err := v.cases(context.Background(), []golden.Case{
		{Name: "breaks", Host: func() ([]*tensor.Tensor, error) { panic("broken") }, Want: []*tensor.Tensor{one}},
		{Name: "gives nothing", Host: func() ([]*tensor.Tensor, error) { return nil, nil }, Want: []*tensor.Tensor{one}},
		{Name: "works", Host: func() ([]*tensor.Tensor, error) { return []*tensor.Tensor{one}, nil }, Want: []*tensor.Tensor{one}},
	})
	if err != nil || v.report.Failed != 2 || v.report.Passed != 1 {
		t.Errorf("%v, %+v", err, v.report)
	}
	for _, want := range []string{"panic: broken\n", "0 outputs, want 1", "pass  works "} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no line says %q:\n%s", want, text.String())
		}
	}
}
