//go:build sweep

package shaders

import "testing"

// TestTranslatesAll is TestTranslates with every text.
func TestTranslatesAll(t *testing.T) {
	for _, text := range catalog(t) {
		if err := translate(text.Source); err != nil {
			t.Errorf("%s: %v", text.Name, err)
		}
	}
}
