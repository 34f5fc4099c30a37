package models

import (
	"strings"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// shapes are the shapes of a source's tensors by name.
type shapes map[string]tensor.Shape

func shapesOf(src weights.Source) shapes {
	s := shapes{}
	described, ok := src.(interface {
		Entry(string) (weights.Entry, bool)
	})
	for _, n := range src.Names() {
		if ok {
			if e, ok := described.Entry(n); ok {
				s[n] = e.Shape
				continue
			}
		}
		if t, err := src.Tensor(n); err == nil {
			s[n] = t.Shape
		}
	}
	return s
}

// count is the number of blocks whose names begin with prefix and a number.
func (s shapes) count(prefix string) int {
	seen := map[string]bool{}
	for n := range s {
		if rest, ok := strings.CutPrefix(n, prefix); ok {
			block, _, _ := strings.Cut(rest, ".")
			seen[block] = true
		}
	}
	return len(seen)
}

func (s shapes) describe(name string) string {
	if shape, ok := s[name]; ok {
		return shape.String()
	}
	return "missing"
}
