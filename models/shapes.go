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
	for _, n := range src.Names() {
		if shape, err := shapeOf(src, n); err == nil {
			s[n] = shape
		}
	}
	return s
}

// shapeOf is the shape of a tensor, which is read only if src cannot describe
// it.
func shapeOf(src weights.Source, name string) (tensor.Shape, error) {
	if e, ok := weights.Describe(src, name); ok {
		return e.Shape, nil
	}
	t, err := src.Tensor(name)
	if err != nil {
		return nil, err
	}
	return t.Shape, nil
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
