package shaders

import (
	"strings"
	"sync"
	"testing"

	"github.com/gogpu/naga"
	"github.com/gogpu/naga/hlsl"
	"github.com/gogpu/naga/msl"
	"github.com/gogpu/naga/spirv"
)

// spread is how many texts of a kernel's file TestTranslates takes. The tag sweep has a
// test of all.
const spread = 8

// TestTranslates compiles kernel texts to what Vulkan, Metal and Direct3D take, with a
// compiler of WGSL other than the one the binding links. This keeps those systems
// working from one that has only the first.
func TestTranslates(t *testing.T) {
	files := map[string][]Text{}
	for _, text := range catalog(t) {
		file, _, _ := strings.Cut(text.Name, "-")
		files[file] = append(files[file], text)
	}
	if len(files) < 80 {
		t.Fatalf("texts of %d files in the catalog", len(files))
	}
	for _, texts := range files {
		for i := range min(spread, len(texts)) {
			text := texts[i*len(texts)/min(spread, len(texts))]
			if err := translate(text.Source); err != nil {
				t.Errorf("%s: %v", text.Name, err)
			}
		}
	}
}

var catalogOnce = sync.OnceValues(func() ([]Text, error) {
	kernels, err := emittedOnce()
	if err != nil {
		return nil, err
	}
	return textsOf(kernels)
})

func catalog(t *testing.T) []Text {
	t.Helper()
	texts, err := catalogOnce()
	if err != nil {
		t.Fatal(err)
	}
	if len(texts) < 100 {
		t.Fatalf("%d texts in the catalog", len(texts))
	}
	return texts
}

func translate(source string) error {
	ast, err := naga.Parse(source)
	if err != nil {
		return err
	}
	module, err := naga.LowerWithSource(ast, source)
	if err != nil {
		return err
	}
	problems, err := naga.Validate(module)
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		return problems[0]
	}
	if _, err := naga.GenerateSPIRV(module, spirv.DefaultOptions()); err != nil {
		return err
	}
	if _, _, err := msl.Compile(module, msl.DefaultOptions()); err != nil {
		return err
	}
	_, _, err = hlsl.Compile(module, hlsl.DefaultOptions())
	return err
}

// TestTranslateRefuses holds the compilers to refusing what is wrong.
func TestTranslateRefuses(t *testing.T) {
	if translate("@compute @workgroup_size(1) fn main() { let x: u32 = missing; }") == nil {
		t.Error("a text with an undefined name compiled")
	}
}
