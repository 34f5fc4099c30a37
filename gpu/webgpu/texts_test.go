package webgpu

import (
	"testing"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/shaders"
)

// TestTexts checks that the binding's compiler accepts every kernel text.
func TestTexts(t *testing.T) {
	opened, err := Driver{}.Open("", func(list []driver.Info) (int, driver.Info, error) { return 0, list[0], nil })
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	texts, err := shaders.Catalog()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		if err := opened.(*device).parse(text.Source); err != nil {
			t.Errorf("%s: %v", text.Name, err)
		}
	}
}
