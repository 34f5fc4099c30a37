package models

import (
	"strings"

	"github.com/vertebra/vertebra/weights"
)

// partOfQKV returns the place of a tensor whose name contains ".query.", ".key."
// or ".value.": a part of the tensor that joins all three.
func partOfQKV(name string) weights.Place {
	for i, part := range []string{".query.", ".key.", ".value."} {
		if before, after, ok := strings.Cut(name, part); ok {
			return weights.Place{Name: before + ".qkv." + after, Part: i, Of: 3}
		}
	}
	return weights.Place{Name: name}
}
