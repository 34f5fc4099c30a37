package models

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// shapes holds the shapes of a source's tensors by name.
type shapes map[string]tensor.Shape

func shapesOf(src weights.Source) shapes {
	s := shapes{}
	for _, n := range src.Names() {
		if shape, err := weights.ShapeOf(src, n); err == nil {
			s[n] = shape
		}
	}
	return s
}

// ErrOther is in the error for weights that are of another network.
var ErrOther = errors.New("not a checkpoint")

// require returns an error if one of these tensors is missing or empty, or has
// another number of dimensions.
func (s shapes) require(model string, ranks map[string]int) error {
	for _, name := range slices.Sorted(maps.Keys(ranks)) {
		if len(s[name]) != ranks[name] || slices.Contains(s[name], 0) {
			return fmt.Errorf("models: %w of %s: %s is %s, want %d dimensions", ErrOther, model, name, s.describe(name), ranks[name])
		}
	}
	return nil
}

// count returns the number of blocks whose names begin with prefix.
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
