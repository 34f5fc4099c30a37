package gpu

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestSeam checks that only one package imports the bindings, and that the pure
// packages need neither of them nor C.
func TestSeam(t *testing.T) {
	const module, bound = "github.com/vertebra/vertebra/", "gpu/webgpu"
	pure := map[string]bool{"gpu/plan": true, "gpu/driver": true, "shaders": true, "graph": true, "tensor": true}
	found := false
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel("..", filepath.Dir(path))
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(rel)
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if name == "C" || strings.Contains(name, "webgpu/wgpu") {
				found = found || dir == bound
				if dir != bound {
					t.Errorf("%s imports %s, but only %s may import it", path, name, bound)
				}
			}
			ours, isOurs := strings.CutPrefix(name, module)
			if pure[dir] && isOurs && !pure[ours] && !strings.HasSuffix(path, "_test.go") {
				t.Errorf("%s imports %s, which is not pure", path, ours)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !found {
		t.Errorf("%s does not import a binding", bound)
	}
}
