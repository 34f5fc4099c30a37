package models

import (
	"strings"

	"github.com/vertebra/vertebra/weights"
)

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
