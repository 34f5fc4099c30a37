package index

import "golang.org/x/sys/cpu"

// productsAVX2 returns Σ z·u over 32·blocks bytes, all of which are below 128.
//
//go:noescape
func productsAVX2(z *uint64, u *byte, blocks int) uint32

// times returns Σ z·u over all places.
func (f factors) times(z []uint64) uint64 {
	if !cpu.X86.HasAVX2 || len(z) < 4 {
		return products(z, f.pairs)
	}
	blocks := len(z) / 4
	_ = f.bytes[32*blocks-1]
	return uint64(productsAVX2(&z[0], &f.bytes[0], blocks)) + products(z[4*blocks:], f.pairs[4*blocks:])
}
