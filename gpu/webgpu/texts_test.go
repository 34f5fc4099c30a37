package webgpu

import (
	"strings"
	"testing"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/shaders"
)

// TestTexts checks that the binding's compiler accepts the kernel texts: spread of them
// from each file, or all with the tag sweep.
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
	files := map[string][]shaders.Text{}
	for _, text := range texts {
		file, _, _ := strings.Cut(text.Name, "-")
		files[file] = append(files[file], text)
	}
	for _, texts := range files {
		n := min(spread, len(texts))
		for i := range n {
			text := texts[i*len(texts)/n]
			if err := opened.(*device).parse(text.Source); err != nil {
				t.Errorf("%s: %v", text.Name, err)
			}
		}
	}
}
