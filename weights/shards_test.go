package weights

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

// shards writes a checkpoint in two files and its index, after change, into a
// folder of its own.
func shards(t *testing.T, change func(index map[string]string)) (dir string) {
	t.Helper()
	dir = t.TempDir()
	index := map[string]string{}
	for file, names := range map[string][]string{"model-00001-of-00002.safetensors": {"b", "a"}, "model-00002-of-00002.safetensors": {"c"}} {
		var all []*tensor.Tensor
		for _, n := range names {
			one := tensor.Of([]float32{float32(n[0]), 2}, 2)
			one.Name = n
			all = append(all, one)
			index[n] = file
		}
		if err := WriteSafetensors(filepath.Join(dir, file), nil, all...); err != nil {
			t.Fatal(err)
		}
	}
	if change != nil {
		change(index)
	}
	text, err := json.Marshal(map[string]any{"metadata": map[string]any{"total_size": 24}, "weight_map": index})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "model.safetensors.index.json"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestShards opens a checkpoint in two files by its index and by its folder.
func TestShards(t *testing.T) {
	dir := shards(t, nil)
	for _, path := range []string{dir, filepath.Join(dir, "model.safetensors.index.json")} {
		c, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Names(); !slices.Equal(got, []string{"b", "a", "c"}) {
			t.Errorf("names are %v", got)
		}
		x, err := c.Tensor("c")
		if err != nil || x.Data[0] != 'c' {
			t.Errorf("c is %v, %v", x, err)
		}
		if x, err := View(c, "a"); err != nil || x.Data[0] != 'a' {
			t.Errorf("the view of a is %v, %v", x, err)
		}
		if e, ok := c.Entry("a"); !ok || e.DType != "F32" || e.Bytes != 8 {
			t.Errorf("a is %+v", e)
		}
		if _, err := c.Tensor("d"); err == nil {
			t.Error("a tensor that is in no file")
		}
		for range 2 {
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestShardsPyTorch opens PyTorch files by an index, and a folder that has both
// formats, where safetensors comes first.
func TestShardsPyTorch(t *testing.T) {
	dir := t.TempDir()
	one, err := os.ReadFile("testdata/pth/dtypes_legacy.pth")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "pytorch_model-1.bin"), one, 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := ReadPyTorch(one)
	if err != nil {
		t.Fatal(err)
	}
	index := map[string]string{}
	for _, n := range p.Names() {
		index[n] = "pytorch_model-1.bin"
	}
	text, _ := json.Marshal(map[string]any{"weight_map": index})
	if err := os.WriteFile(filepath.Join(dir, "pytorch_model.bin.index.json"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !slices.Equal(c.Names(), p.Names()) {
		t.Errorf("names are %v, want %v", c.Names(), p.Names())
	}
	x := tensor.New(1)
	x.Name = "only"
	if err := WriteSafetensors(filepath.Join(dir, "model.safetensors"), nil, x); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if !slices.Equal(s.Names(), []string{"only"}) {
		t.Errorf("names are %v", s.Names())
	}
}

func TestShardsErrors(t *testing.T) {
	first, second := "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
	for _, c := range []struct {
		change func(map[string]string)
		want   string
	}{
		{func(m map[string]string) { m["d"] = "model-00003.safetensors" }, "file model-00003.safetensors is missing: it holds 1 of 4 tensors"},
		{func(m map[string]string) { m["d"] = second }, second + " lacks 1 of the tensors that the index lists for it, such as d"},
		{func(m map[string]string) { m["a"] = second }, first + " holds a, which the index does not list for it"},
		{func(m map[string]string) { delete(m, "b") }, first + " holds b, which the index does not list for it"},
		{func(m map[string]string) { m["d"] = "../other.safetensors" }, "is not the name of a file in the same folder"},
		{func(m map[string]string) { m["d"] = "model.safetensors.index.json" }, "neither a safetensors nor a PyTorch file"},
		{func(m map[string]string) { clear(m) }, "no weight_map"},
	} {
		dir := shards(t, c.change)
		if x, err := Open(dir); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "model.safetensors.index.json: ") {
			t.Errorf("%v, %v, want %q", x, err, c.want)
		}
	}
	if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "neither model.safetensors nor") {
		t.Errorf("an empty folder: %v", err)
	}
	alone := t.TempDir()
	if err := os.WriteFile(filepath.Join(alone, "sam_vit_b.pth"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(alone); err == nil || !strings.HasSuffix(err.Error(), "name it: "+filepath.Join(alone, "sam_vit_b.pth")) {
		t.Errorf("a folder with another file: %v", err)
	}
	pointer := filepath.Join(t.TempDir(), "model.safetensors")
	if err := os.WriteFile(pointer, []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Dir(pointer)); err == nil || !strings.Contains(err.Error(), "Git LFS") {
		t.Errorf("a pointer: %v", err)
	}
}

// TestShardsTwice expects an error for an index that lists a tensor twice.
func TestShardsTwice(t *testing.T) {
	path := write(t, "model.safetensors.index.json", []byte(`{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}`))
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), `name "a" is used twice`) {
		t.Errorf("error %v", err)
	}
}

// FuzzShards reads indexes beside a file that some of them name.
func FuzzShards(f *testing.F) {
	f.Add([]byte(`{"metadata": {"total_size": 4}, "weight_map": {"a": "m.safetensors"}}`))
	f.Add([]byte(`{"weight_map": {"a": "m.safetensors", "b": "../m.safetensors"}}`))
	f.Add([]byte(`{"weight_map": {"a": "m.safetensors", "\u0061": "m.safetensors"}}`))
	f.Add([]byte("{\"weight_map\": {\"a\xff\": \"m.safetensors\"}}"))
	dir := f.TempDir()
	one := tensor.Of([]float32{1}, 1)
	one.Name = "a"
	if err := WriteSafetensors(filepath.Join(dir, "m.safetensors"), nil, one); err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(dir, "model.safetensors.index.json")
	f.Fuzz(func(t *testing.T, index []byte) {
		if err := os.WriteFile(path, index, 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := OpenShards(path)
		if err != nil {
			return
		}
		defer s.Close()
		if got := s.Names(); !slices.Equal(got, []string{"a"}) {
			t.Errorf("names are %v", got)
		}
	})
}
