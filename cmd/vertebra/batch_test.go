package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/internal/onnxfile"
	"github.com/vertebra/vertebra/vision/batch"
	"github.com/vertebra/vertebra/vision/batch/store"
)

// TestBatchShards does two shares of a job, one of them twice, and changes the job.
func TestBatchShards(t *testing.T) {
	in := filepath.Dir(photograph(t, 28, 28))
	for _, name := range []string{"b.png", "c.png"} {
		b, err := os.ReadFile(filepath.Join(in, "in.png"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(in, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(in, "a.png"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	shard := func(k string, more ...string) []string {
		return append([]string{"batch", "classify", "lenet", in, "-o", out, "--unit", "2", "--device", "cpu", "--shard", k}, more...)
	}
	for _, c := range []struct {
		k    string
		want batched
	}{
		{"1/2", batched{Units: 2, Done: 1, Pictures: 2}},
		{"0/2", batched{Units: 2, Done: 1, Pictures: 2, Errors: 1}},
		{"0/2", batched{Units: 2}},
	} {
		var got batched
		if err := json.Unmarshal([]byte(ok(t, shard(c.k, "--json")...)), &got); err != nil {
			t.Fatal(err)
		}
		c.want.Output, c.want.Device = out, got.Device
		if got != c.want {
			t.Errorf("--shard %s: %+v, want %+v", c.k, got, c.want)
		}
	}
	for _, name := range []string{"part-00000.parquet", "part-00001.parquet", "_job.parquet"} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
	if err := os.Remove(filepath.Join(out, "part-00000.parquet")); err != nil {
		t.Fatal(err)
	}
	if status, _, errs := vertebra(shard("0/2", "--strict")...); status != 1 || !strings.Contains(errs, "1 pictures have no result") {
		t.Errorf("status %d, %s", status, errs)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{shard("2/2"), `--shard "2/2", want K/N with K from 0 to N-1`},
		{shard(""), `--shard "", want K/N`},
		{shard("1/2x"), `--shard "1/2x", want K/N`},
		{shard("0/2", "--top", "2"), "_job.parquet: the job is another: top 5, not 2; give another --output"},
		{[]string{"batch", "classify", "lenet", filepath.Join(in, "b.png"), "-o", out, "--unit", "2", "--device", "cpu", "--shard", "0/1"}, "a.png is gone since the job began; give another --output for the pictures of now, or --as-listed"},
		{[]string{"batch", "embed", in, "-o", "-"}, "--output -: results need a folder"},
		{[]string{"batch", "upscale", in, "-o", out, "--scale", "9"}, "--scale 9, want 2, 3 or 4"},
		{[]string{"batch", "features", "lenet", in, "-o", out, "--vectors", "csv"}, `--vectors "csv", want parquet or npy`},
		{[]string{"batch", "classify", "espcn_x2", in, "-o", out}, "espcn_x2"},
		{[]string{"batch", "sing", in}, `unknown command "sing"`},
	} {
		if status, _, errs := vertebra(c.args...); status != 1 || !strings.Contains(errs, c.want) {
			t.Errorf("%v: status %d, %s", c.args, status, errs)
		}
	}
}

// TestBatchNoResult runs a job of which no picture has a result, and one whose pictures
// are gone, as those of a disk that is not mounted.
func TestBatchNoResult(t *testing.T) {
	in, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(filepath.Join(in, "a.png"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"batch", "classify", "lenet", in, "-o", out, "--device", "cpu", "--shard", "0/1"}
	if status, _, errs := vertebra(args...); status != 1 || !strings.Contains(errs, "none of the 1 pictures of this run has a result") {
		t.Errorf("status %d, %s", status, errs)
	}
	if err := errors.Join(os.Remove(filepath.Join(out, "part-00000.parquet")), os.Remove(filepath.Join(in, "a.png"))); err != nil {
		t.Fatal(err)
	}
	if status, _, errs := vertebra(append(args, "--as-listed")...); status != 1 || !strings.Contains(errs, "none of the pictures is there") {
		t.Errorf("status %d, %s", status, errs)
	}
	if _, err := os.Stat(filepath.Join(out, "part-00000.parquet")); err == nil {
		t.Error("the unit whose pictures are gone has a file")
	}
}

// TestBatchMoved goes on with a job whose folder has moved, by a shard and by a worker. One
// unit's pictures are gone: the others are done.
func TestBatchMoved(t *testing.T) {
	root := t.TempDir()
	if err := os.CopyFS(filepath.Join(root, "r/photos"), os.DirFS(batchPictures(t, 6))); err != nil {
		t.Fatal(err)
	}
	args := []string{"batch", "classify", "lenet", "photos", "-o", "out", "--unit", "1", "--device", "cpu", "--json"}
	done := func(want, end int, more ...string) (errs string) {
		t.Helper()
		status, stdout, errs := vertebra(append(args[:len(args):len(args)], more...)...)
		var got batched
		if err := json.Unmarshal([]byte(stdout), &got); err != nil || got.Done != want || status != end {
			t.Errorf("%v: status %d, %+v, %s", more, status, got, errs)
		}
		return errs
	}
	t.Chdir(filepath.Join(root, "r"))
	done(2, 0, "--shard", "1/3")
	t.Chdir(root)
	if err := os.Rename("r", "s"); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(root, "s"))
	done(2, 0, "--shard", "2/3")
	if err := os.Remove("photos/a.png"); err != nil {
		t.Fatal(err)
	}
	if errs := done(1, 1, "--shard", "0/3", "--as-listed"); !strings.Contains(errs, "1 of 2 units failed: unit 0: ") {
		t.Error(errs)
	}
	for _, name := range []string{"part-00001.parquet", "part-00004.parquet"} {
		if err := os.Remove(filepath.Join("out", name)); err != nil {
			t.Fatal(err)
		}
	}
	if errs := done(2, 1, "--as-listed", "--lease", "500ms"); !strings.Contains(errs, "given up 1 of 6 units") {
		t.Error(errs)
	}
}

// TestBatchONNX runs ONNX files: by a worker that is a process of its own and has the
// preprocessing from the job, and by shares, of an output and of a vector with model.json.
// A job takes no other file, even of the same name, and no other model.json.
func TestBatchONNX(t *testing.T) {
	model, in := meansFile(t)
	out := func() string { return filepath.Join(t.TempDir(), "out") }
	run := func(want string, args ...string) (got batched) {
		t.Helper()
		status, stdout, errs := vertebra(append(args, "--device", "cpu", "--json")...)
		if status != min(len(want), 1) || !strings.Contains(errs, want) {
			t.Errorf("%v: status %d, %s", args, status, errs)
		}
		if want == "" {
			if err := json.Unmarshal([]byte(stdout), &got); err != nil || got.Done != 1 || got.Pictures != 1 || got.Errors != 0 {
				t.Errorf("%v: %+v, %v", args, got, err)
			}
		}
		return got
	}
	classify := []string{"batch", "classify", model, in, "-o", out(), "--range", "0,1", "--size", "2x2", "--top", "1"}
	features := []string{"batch", "features", model, in, "-o", out(), "--shard", "0/1", "--range", "0,1", "--size", "2x2"}
	embed := []string{"batch", "embed", in, "--weights", model, "-o", out(), "--shard", "0/1"}
	run("give --range", "batch", "classify", model, in, "-o", out())
	run("--classes is not for an ONNX file", append(classify[:len(classify):len(classify)], "--classes", "3")...)
	run("", classify...)
	run("", features...)
	said := func(size string) {
		t.Helper()
		text := `{"task": "embedding", "inputs": [{"size": ` + size + `, "range": [0, 1]}]}`
		if err := os.WriteFile(filepath.Join(filepath.Dir(model), "model.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	said("[2, 2]")
	run("", embed...)
	said("[2, 4]")
	run("the job is another: the weights "+model+", or a file beside them that says how pictures are prepared, are not as they were", embed...)
	j, err := batch.Attach(t.Context(), store.Folder(embed[6]), &store.Places{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for v, err := range batch.Vectors(t.Context(), j) {
		if err != nil || !slices.Equal(v.Vector, []float32{0, 1, 0}) {
			t.Errorf("%+v, %v", v, err)
		}
	}
	if err := os.Remove(filepath.Join(filepath.Dir(model), "model.json")); err != nil {
		t.Fatal(err)
	}
	other := onnxfile.File{
		Inputs: []onnxfile.Port{{Name: "x", Shape: []any{"batch", 3, "h", "w"}}},
		Nodes: []onnxfile.Node{{Op: "GlobalMaxPool", Inputs: []string{"x"}, Outputs: []string{"most"}},
			{Op: "Flatten", Inputs: []string{"most"}, Outputs: []string{"y"}}},
		Outputs: []onnxfile.Port{{Name: "y"}},
	}
	if err := os.WriteFile(model, other.Encode(), 0o644); err != nil {
		t.Fatal(err)
	}
	run("the job is another: the weights "+model, features...)
	run("the job is another: range 0,1, not -1,1; give another --output", slices.Concat(features[:8], []string{"--range", "-1,1"}, features[10:])...)
}
