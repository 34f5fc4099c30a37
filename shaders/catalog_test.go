package shaders

import (
	"io/fs"
	"strings"
	"testing"
)

// TestCatalog makes every text and expects at least one from every kernel file.
func TestCatalog(t *testing.T) {
	texts := catalog(t)
	names, files := map[string]bool{}, map[string]bool{}
	for _, text := range texts {
		if names[text.Name] {
			t.Errorf("two texts are named %s", text.Name)
		}
		names[text.Name] = true
		file, _, _ := strings.Cut(text.Name, "-")
		files[file] = true
	}
	for _, k := range kernelFiles() {
		if !files[k] {
			t.Errorf("%s.wgsl is never emitted: add a sample that needs it, or remove the file", k)
		}
	}
	t.Logf("%d texts of %d files", len(texts), len(files))
}

// kernelFiles lists the names of the kernel files.
func kernelFiles() []string {
	paths, _ := fs.Glob(files, "*.wgsl")
	for i, p := range paths {
		paths[i] = strings.TrimSuffix(p, ".wgsl")
	}
	return paths
}
