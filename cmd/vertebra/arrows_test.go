package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// arrows are the imports between packages of this module, tests left out. A
// package imports what stands above it in this list, never what stands below;
// ARCHITECTURE.md draws it.
var arrows = []struct {
	from string
	to   []string
}{
	{"internal/files", nil},
	{"internal/onnxfile", nil},
	{"internal/hubtest", nil},
	{"tensor", nil},
	{"internal/mapped", []string{"internal/files", "tensor"}},
	{"weights", []string{"internal/files", "internal/mapped", "tensor"}},
	{"graph", []string{"tensor"}},
	{"layers", []string{"graph", "tensor"}},
	{"models", []string{"graph", "layers", "tensor", "weights"}},
	{"shaders", []string{"graph", "tensor"}},
	{"gpu/driver", []string{"shaders"}},
	{"gpu/plan", []string{"graph", "shaders", "tensor"}},
	{"gpu/webgpu", []string{"gpu/driver", "shaders"}},
	{"gpu", []string{"gpu/driver", "gpu/plan", "gpu/webgpu", "graph", "internal/files", "shaders", "tensor"}},
	{"graph/passes", []string{"graph", "tensor"}},
	{"onnx", []string{"graph", "graph/passes", "internal/files", "internal/mapped", "tensor"}},
	{"onnx/cases", []string{"graph", "internal/files", "onnx", "tensor"}},
	{"vision/picture/codec", nil},
	{"vision/picture/icc", nil},
	{"vision/picture/meta", nil},
	{"vision/picture", []string{"internal/files", "tensor", "vision/picture/codec", "vision/picture/icc", "vision/picture/meta"}},
	{"vision/zoo", []string{"graph", "graph/passes", "internal/files", "models", "onnx", "tensor", "vision/picture", "weights"}},
	{"vision/decode", []string{"tensor"}},
	{"vision", []string{"gpu", "graph", "internal/files", "models", "tensor", "vision/decode", "vision/picture", "vision/picture/icc", "vision/picture/meta", "vision/zoo", "weights"}},
	{"vision/batch/store", []string{"internal/files"}},
	{"vision/batch", []string{"internal/files", "tensor", "vision", "vision/batch/store", "vision/zoo", "weights"}},
	{"vision/batch/queue", []string{"vision/batch", "vision/batch/store"}},
	{"vision/hub", []string{"internal/files", "vision/zoo"}},
	{"serve/inference", nil},
	{"serve", []string{"graph", "models", "onnx", "serve/inference", "tensor", "vision", "vision/zoo", "weights"}},
	{"vision/index", []string{"internal/files", "models", "vision", "vision/batch", "vision/batch/store", "vision/zoo", "weights"}},
	{"golden", []string{"graph", "internal/files", "layers", "models", "tensor", "vision", "vision/decode", "vision/picture", "vision/zoo", "weights"}},
	{"bench", []string{"gpu", "graph", "internal/files", "models", "shaders", "tensor", "vision/zoo", "weights"}},
	{"bench/isa", []string{"gpu/driver", "gpu/plan", "gpu/webgpu", "graph", "models", "shaders", "tensor", "vision/zoo", "weights"}},
	{"bench/bytes", []string{"gpu/driver", "gpu/plan", "gpu/webgpu", "graph", "shaders", "tensor"}},
	{"bench/onnx", []string{"gpu", "graph", "onnx", "onnx/cases", "tensor"}},
	{"ui", []string{"bench", "golden", "gpu", "internal/files", "models", "shaders", "tensor", "vision", "vision/hub", "vision/index", "vision/picture", "vision/zoo"}},
	{"cmd/vertebra", []string{"bench", "golden", "gpu", "graph", "internal/files", "models", "onnx", "onnx/cases", "serve", "shaders", "tensor", "ui", "vision", "vision/batch", "vision/batch/queue", "vision/batch/store", "vision/decode", "vision/hub", "vision/index", "vision/picture", "vision/zoo", "weights"}},
}

// TestArrows holds the imports of every package against the list, which itself
// has no arrow upward. Each package has one comment.
func TestArrows(t *testing.T) {
	const root, module = "../..", "github.com/vertebra/vertebra/"
	got := map[string]map[string]bool{}
	comments := map[string]int{}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		folder := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), filepath.FromSlash(root+"/")))
		switch {
		case e.IsDir() && (e.Name() == "testdata" || e.Name() == "node_modules" || e.Name() == "examples" || strings.HasPrefix(e.Name(), ".git")):
			return fs.SkipDir
		case e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		if got[folder] == nil {
			got[folder] = map[string]bool{}
		}
		if file.Doc != nil {
			comments[folder]++
		}
		for _, i := range file.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			if to, ok := strings.CutPrefix(name, module); ok {
				got[folder][to] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for folder := range got {
		if comments[folder] != 1 {
			t.Errorf("%s has %d package comments", folder, comments[folder])
		}
	}
	above := map[string]bool{}
	for _, a := range arrows {
		for _, to := range a.to {
			if !above[to] {
				t.Errorf("the list has an arrow upward, from %s to %s", a.from, to)
			}
		}
		above[a.from] = true
		if have := slices.Sorted(maps.Keys(got[a.from])); !slices.Equal(have, a.to) {
			t.Errorf("%s imports %v, the list has %v", a.from, have, a.to)
		}
		delete(got, a.from)
	}
	for from, to := range got {
		t.Errorf("%s, which imports %v, is not in the list", from, slices.Sorted(maps.Keys(to)))
	}
}
