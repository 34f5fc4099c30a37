package golden_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// altered is a reference file that a test changes before it writes it.
type altered struct {
	metadata map[string]string
	names    []string
	tensors  map[string]*stored
}

// stored is a tensor in the form that a file has.
type stored struct {
	dtype string
	shape []int
	data  []byte
}

// alter reads a file to alter.
func alter(t testing.TB, path string) *altered {
	t.Helper()
	s, err := weights.OpenSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a := &altered{metadata: s.Metadata, tensors: map[string]*stored{}}
	for _, n := range s.Names() {
		e, _ := s.Entry(n)
		raw, err := s.Bytes(n)
		if err != nil {
			t.Fatal(err)
		}
		a.names = append(a.names, n)
		a.tensors[n] = &stored{e.DType, slices.Clone(e.Shape), slices.Clone(raw)}
	}
	return a
}

// set adds a tensor of floats, or replaces one.
func (a *altered) set(name string, x *tensor.Tensor) {
	if a.tensors[name] == nil {
		a.names = append(a.names, name)
	}
	s := &stored{"F32", x.Shape.Clone(), nil}
	for _, v := range x.Data {
		s.data = binary.LittleEndian.AppendUint32(s.data, math.Float32bits(v))
	}
	a.tensors[name] = s
}

// drop removes tensors by name. A name that ends with "/" stands for all below it.
func (a *altered) drop(names ...string) {
	for _, name := range names {
		a.names = slices.DeleteFunc(a.names, func(n string) bool {
			return n == name || strings.HasSuffix(name, "/") && strings.HasPrefix(n, name)
		})
	}
}

// config changes keys of the config; nil drops one.
func (a *altered) config(t *testing.T, change map[string]any) {
	t.Helper()
	var c map[string]any
	if err := json.Unmarshal([]byte(a.metadata["config"]), &c); err != nil {
		t.Fatal(err)
	}
	for key, v := range change {
		if c[key] = v; v == nil {
			delete(c, key)
		}
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	a.metadata["config"] = string(text)
}

// bytes returns the contents of the file. The header lists each tensor in twice a
// second time.
func (a *altered) bytes(t testing.TB, twice ...string) []byte {
	t.Helper()
	metadata, err := json.Marshal(a.metadata)
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{`"__metadata__": ` + string(metadata)}
	var data []byte
	for _, n := range slices.Concat(a.names, twice) {
		s := a.tensors[n]
		line, err := json.Marshal(map[string]any{"dtype": s.dtype, "shape": s.shape, "data_offsets": []int{len(data), len(data) + len(s.data)}})
		if err != nil {
			t.Fatal(err)
		}
		name, _ := json.Marshal(n)
		lines, data = append(lines, string(name)+": "+string(line)), append(data, s.data...)
	}
	header := "{" + strings.Join(lines, ",") + "}"
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), data...)
}

// write writes the file to a new folder.
func (a *altered) write(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "altered.safetensors")
	if err := os.WriteFile(path, a.bytes(t), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
