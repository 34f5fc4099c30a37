package shaders

import (
	"testing"

	"github.com/gogpu/naga"
	"github.com/gogpu/naga/hlsl"
	"github.com/gogpu/naga/msl"
	"github.com/gogpu/naga/spirv"
)

// TestTranslates compiles every kernel text to what Vulkan, Metal and Direct3D
// take, with a compiler of WGSL other than the one the binding links: how those
// systems are kept working from one that has only the first.
func TestTranslates(t *testing.T) {
	texts, err := Catalog()
	if err != nil {
		t.Fatal(err)
	}
	if len(texts) < 100 {
		t.Fatalf("%d texts in the catalog", len(texts))
	}
	for _, text := range texts {
		if err := translate(text.Source); err != nil {
			t.Errorf("%s: %v", text.Name, err)
		}
	}
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
