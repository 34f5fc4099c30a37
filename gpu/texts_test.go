package gpu

import (
	"testing"

	"github.com/rajveermalviya/go-webgpu/wgpu"

	"github.com/vertebra/vertebra/shaders"
)

// TestTexts holds every kernel text to being one that the binding's compiler
// takes.
func TestTexts(t *testing.T) {
	d := open(t)
	texts, err := shaders.Catalog()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		m, err := d.device.CreateShaderModule(&wgpu.ShaderModuleDescriptor{
			WGSLDescriptor: &wgpu.ShaderModuleWGSLDescriptor{Code: text.Source},
		})
		if err != nil {
			t.Errorf("%s: %v", text.Name, err)
			continue
		}
		m.Release()
	}
}
