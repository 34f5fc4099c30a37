package onnx

import (
	"crypto/sha256"
	"fmt"
	"slices"
)

// Hash returns a hash of all that an opened file holds: its bytes, and those of the files
// that have elements of its tensors.
func (m *Model) Hash() (sum [32]byte, err error) {
	h := sha256.New()
	h.Write(m.file.Data)
	names := slices.Clone(m.outside)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		f, err := m.open(name)
		if err != nil {
			return sum, err
		}
		fmt.Fprintf(h, "%q %d\n", name, len(f.Data))
		h.Write(f.Data)
	}
	return [32]byte(h.Sum(nil)), nil
}
