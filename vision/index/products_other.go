//go:build !amd64

package index

// times returns Σ z·u over all places.
func (f factors) times(z []uint64) uint64 { return products(z, f.pairs) }
