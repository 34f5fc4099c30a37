package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/internal/onnxfile"
)

// ownCache gives the test a cache folder of its own for tunings, but not for the
// driver's compiled kernels.
func ownCache(t *testing.T) (tunings string) {
	t.Helper()
	if cache, err := os.UserCacheDir(); err == nil && os.Getenv("MESA_SHADER_CACHE_DIR") == "" {
		t.Setenv("MESA_SHADER_CACHE_DIR", cache)
	}
	for _, name := range []string{"XDG_CACHE_HOME", "LocalAppData", "HOME"} {
		t.Setenv(name, t.TempDir())
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(cache, "vertebra", "tunings")
}

// TestTune tunes a small model, exports the result and imports it elsewhere. A file that
// is not valid is one line, and the command goes on.
func TestTune(t *testing.T) {
	folder := ownCache(t)
	pools := file(t, "pools.onnx", onnxfile.File{ // ops whose programs a software driver compiles quickly
		Inputs: []onnxfile.Port{{Name: "x", Shape: []any{1, 8, 24, 24}}},
		Nodes: []onnxfile.Node{
			{Op: "AveragePool", Inputs: []string{"x"}, Outputs: []string{"mean"}, Attributes: map[string]any{"kernel_shape": []int{3, 3}}},
			{Op: "MaxPool", Inputs: []string{"mean"}, Outputs: []string{"y"}, Attributes: map[string]any{"kernel_shape": []int{2, 2}}},
		},
		Outputs: []onnxfile.Port{{Name: "y"}},
	}.Encode())
	var r struct {
		Folder string
		Ops    []struct {
			Op, Program string
			Measured    []struct{ Program string }
		}
		Tunings int
	}
	if err := json.Unmarshal([]byte(ok(t, "tune", pools, "--json")), &r); err != nil {
		t.Fatal(err)
	}
	kept, _ := filepath.Glob(filepath.Join(folder, "*", "*.json"))
	if r.Folder != folder || len(r.Ops) == 0 || len(kept) != len(r.Ops) || r.Ops[0].Program == "" || len(r.Ops[0].Measured) < 2 {
		t.Fatalf("%d files in %s, %+v", len(kept), folder, r)
	}
	out := filepath.Join(t.TempDir(), "card.json")
	ok(t, "tune", "--export", out)
	for i, name := range kept {
		text := []byte("{}")
		if i > 0 {
			text, _ = os.ReadFile(kept[0]) // of another op
		}
		if err := os.WriteFile(name, text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	run := []string{"bench", "model", pools, "--runs", "0"}
	status, _, stderr := vertebra(run...)
	if n := strings.Count(stderr, "this tuning is ignored\n"); status != 0 || n != len(kept) {
		t.Errorf("status %d, %d of %d files are told of: %s", status, n, len(kept), stderr)
	}
	if status, _, stderr := vertebra(append(run, "--untuned")...); status != 0 || strings.Contains(stderr, "ignored") {
		t.Errorf("status %d, %s", status, stderr)
	}
	if got := ok(t, "tune", "--import", out, "--json"); json.Unmarshal([]byte(got), &r) != nil || r.Tunings != len(kept) {
		t.Errorf("imported %s", got)
	}
	if status, _, stderr := vertebra(run...); status != 0 || strings.Contains(stderr, "ignored") {
		t.Errorf("status %d, %s", status, stderr)
	}
}

// TestTuneUsage expects one line for each mistake.
func TestTuneUsage(t *testing.T) {
	ownCache(t)
	junk := file(t, "junk.json", []byte("junk"))
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "tune needs a model"},
		{[]string{"lenet", "--export", filepath.Join(t.TempDir(), "x.json")}, "take no model"},
		{[]string{"lenet", "--budget", "-1"}, "--budget -1, want 0 or more"},
		{[]string{"lenet", "--batch", "0"}, "--batch 0, want"},
		{[]string{"lenet", "--untuned"}, "--untuned would ignore"},
		{[]string{"--import", junk}, "not a file of tunings"},
	} {
		status, stdout, stderr := vertebra(append([]string{"tune"}, c.args...)...)
		if status != 1 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: status %d, %q, %q", c.args, status, stdout, stderr)
		}
	}
}
