package golden_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/golden"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// oddValues stand in for any key of a config.
var oddValues = []any{
	nil, -1, 0, 1, 7, 1 << 31, 1 << 62, -1 << 62, 1e300, 0.5, "x", "", true, []any{}, []any{1}, []any{-1, -1}, []any{0, 0},
	[]any{1 << 40, 1 << 40}, []any{1, 2, 3}, []any{3, 5}, []any{"x", nil}, map[string]any{}, map[string]any{"a": 1},
}

// oddShapes returns shapes that a tensor should not have.
func oddShapes(s []int) [][]int {
	all := [][]int{{}, {0}, {tensor.Shape(s).Len()}, append([]int{1}, s...)}
	if len(s) == 0 {
		return all
	}
	last := len(s) - 1
	longer, wider, empty, turned := slices.Clone(s), slices.Clone(s), slices.Clone(s), slices.Clone(s)
	longer[0]++
	wider[last] *= 2
	empty[last] = 0
	slices.Reverse(turned)
	return append(all, s[1:], s[:last], longer, wider, empty, turned)
}

// survives reads a reference file and computes its cases. Nothing may panic, also
// not where golden would turn that into an error.
func survives(t *testing.T, what string, file []byte) {
	t.Helper()
	s, err := weights.ReadSafetensors(file)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	computed(t, what, s)
}

// computed computes the cases of an open file.
func computed(t *testing.T, what string, s *weights.Safetensors) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s: panic: %v", what, r)
		}
	}()
	cases, err := golden.Read("x", s)
	if err != nil && strings.Contains(err.Error(), "panic") {
		t.Errorf("%s: %v", what, err)
	}
	for _, c := range cases {
		var got []*tensor.Tensor
		switch {
		case c.Host != nil:
			got, err = c.Host()
		case c.Graph != nil:
			if elements(c) > 1<<22 {
				continue
			}
			got, err = c.Graph.Eval(context.Background(), c.Inputs...)
		}
		for i := range got {
			if i < len(c.Want) && err == nil {
				_, _ = c.Diff(i, got[i])
			}
		}
	}
}

// TestMutated changes each key of the configs and the shape of each tensor of the
// files of operations, one at a time.
func TestMutated(t *testing.T) {
	for _, path := range references(t, "op_*.safetensors") {
		a := alter(t, path)
		var config struct{ Cases []map[string]any }
		if err := json.Unmarshal([]byte(a.metadata["config"]), &config); err != nil {
			t.Fatal(err)
		}
		kinds := map[string]int{}
		for _, attrs := range config.Cases {
			kind := fmt.Sprint(attrs["kind"], len(attrs))
			if kinds[kind]++; kinds[kind] > 2 {
				continue
			}
			one := single(a, attrs)
			if one.size() > 1<<17 {
				continue
			}
			for key, was := range attrs {
				if key == "id" {
					continue
				}
				for _, v := range oddValues {
					if attrs[key] = v; v == nil {
						delete(attrs, key)
					}
					one.cases(t, attrs)
					survives(t, fmt.Sprintf("%s %v: %s %v", path, attrs["id"], key, v), one.bytes(t))
				}
				attrs[key] = was
			}
			one.cases(t, attrs)
			one.reshaped(t, path, 1)
		}
	}
}

// TestMutatedModels does the same with small files of models: keys of the config that
// are not of the training, and some tensors.
func TestMutatedModels(t *testing.T) {
	files, err := filepath.Glob("testdata/*.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if strings.HasPrefix(filepath.Base(path), "op_") {
			continue
		}
		a := alter(t, path)
		if a.size() > 100<<10 {
			continue
		}
		var config map[string]any
		if err := json.Unmarshal([]byte(a.metadata["config"]), &config); err != nil {
			t.Fatal(err)
		}
		was := a.metadata["config"]
		for key := range config {
			for _, v := range oddValues {
				if key == "arch" || key == "note" {
					continue
				}
				a.metadata["config"] = was
				a.config(t, map[string]any{key: v})
				survives(t, fmt.Sprintf("%s: %s %v", path, key, v), a.bytes(t))
			}
		}
		a.metadata["config"] = was
		a.reshaped(t, path, 7)
	}
}

// elements counts the values of a case's graph.
func elements(c golden.Case) (n int64) {
	for _, v := range c.Graph.Nodes {
		n += int64(v.Shape.Len())
	}
	return n
}

// single returns the part of a file that belongs to one case.
func single(a *altered, attrs map[string]any) *altered {
	one := &altered{metadata: map[string]string{"model": a.metadata["model"]}, tensors: map[string]*stored{}}
	for _, n := range a.names {
		if parts := strings.Split(n, "/"); len(parts) < 3 || parts[1] == attrs["id"] {
			one.names, one.tensors[n] = append(one.names, n), a.tensors[n]
		}
	}
	return one
}

// cases sets the config to one case.
func (a *altered) cases(t testing.TB, attrs map[string]any) {
	text, err := json.Marshal(map[string]any{"cases": []any{attrs}})
	if err != nil {
		t.Fatal(err)
	}
	a.metadata["config"] = string(text)
}

func (a *altered) size() (n int) {
	for _, s := range a.tensors {
		n += len(s.data)
	}
	return n
}

// reshaped gives one tensor in so many, and inputs and outputs, odd shapes.
func (a *altered) reshaped(t *testing.T, path string, step int) {
	for i, n := range a.names {
		if i%step != 0 && strings.HasPrefix(n, "weight/") {
			continue
		}
		was := a.tensors[n]
		for _, shape := range oddShapes(was.shape) {
			now := &stored{was.dtype, shape, nil}
			width := len(was.data) / max(1, tensor.Shape(was.shape).Len())
			if len(was.data) > 0 {
				for len(now.data) < width*tensor.Shape(shape).Len() {
					now.data = append(now.data, was.data[:min(len(was.data), width*tensor.Shape(shape).Len()-len(now.data))]...)
				}
			}
			if len(now.data) != 4*tensor.Shape(shape).Len() && width == 4 {
				continue
			}
			a.tensors[n] = now
			survives(t, fmt.Sprintf("%s: %s %v", path, n, shape), a.bytes(t))
		}
		a.tensors[n] = was
	}
}

// FuzzRead reads files with any header over the same numbers, and computes their cases.
// Its seeds are the headers of single cases of operations and of small models.
func FuzzRead(f *testing.F) {
	data := make([]byte, 1<<16)
	for i := 0; i < len(data); i += 4 {
		binary.LittleEndian.PutUint32(data[i:], math.Float32bits(float32(i%92)/46-1))
	}
	files, err := filepath.Glob("testdata/*.safetensors")
	if err != nil {
		f.Fatal(err)
	}
	add := func(a *altered) {
		if file := a.bytes(f); a.size() <= len(data) {
			f.Add(file[8:][:binary.LittleEndian.Uint64(file)])
		}
	}
	for _, path := range files {
		a := alter(f, path)
		var config struct{ Cases []map[string]any }
		if err := json.Unmarshal([]byte(a.metadata["config"]), &config); err != nil {
			f.Fatal(err)
		}
		if !strings.HasPrefix(filepath.Base(path), "op_") {
			add(a)
			continue
		}
		kinds := map[any]bool{}
		for _, attrs := range config.Cases {
			if !kinds[attrs["kind"]] {
				kinds[attrs["kind"]] = true
				one := single(a, attrs)
				one.cases(f, attrs)
				add(one)
			}
		}
	}
	f.Fuzz(func(t *testing.T, header []byte) {
		file := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
		if s, err := weights.ReadSafetensors(append(file, data...)); err == nil {
			computed(t, "header", s)
		}
	})
}
