package models

import (
	"strings"

	"github.com/vertebra/vertebra/weights"
)

// Canonical is src under m's own names. The checkpoints of some models come in
// several layouts, those of torchvision, of the authors and of transformers
// say; all that is not known passes as it is.
func Canonical(m any, src weights.Source) weights.Source {
	if l, ok := m.(interface {
		Canonical(weights.Source) weights.Source
	}); ok {
		return l.Canonical(src)
	}
	return src
}

// Bind fills the weights of m from a checkpoint in any of its layouts, as
// weights.Bind does.
func Bind(m any, src weights.Source, ignore ...string) error {
	return weights.Bind(m, Canonical(m, src), ignore...)
}

// partOfQKV is the place of a query, key or value, with the dots around it, in
// a tensor of all three.
func partOfQKV(name string) weights.Place {
	for i, part := range []string{".query.", ".key.", ".value."} {
		if before, after, ok := strings.Cut(name, part); ok {
			return weights.Place{Name: before + ".qkv." + after, Part: i, Of: 3}
		}
	}
	return weights.Place{Name: name}
}
