package shaders

// PeakFMA is a kernel that multiplies and adds and does nothing else, in a
// multiple of 64 invocations: what a device can do at most. It binds one buffer
// of 16 bytes an invocation and makes flops operations.
func PeakFMA(invocations, rounds int) (k Kernel, flops int64) {
	k = Kernel{
		File:     "peak_fma",
		Grid:     [3]int{invocations / 64, 1, 1},
		Bindings: writes(0),
		// The sequence a, a·m + c, … stays near 1.
		Sizes: append(sizes("rounds", rounds), sizes("factor term", 0.5, 0.5)...),
	}
	return k, 128 * int64(invocations) * int64(rounds)
}

// PeakCopy is a kernel that copies a buffer of so many bytes, a multiple of
// 4096, to another: what moves is read and written once, so moved is twice that.
func PeakCopy(bytes int64) (k Kernel, moved int64) {
	n := int(bytes / 16)
	k = Kernel{
		File:     "peak_copy",
		Grid:     Flat(n/4, 64),
		Bindings: inOut(1, 0),
		Sizes:    sizes("n", n),
	}
	return k, 2 * bytes
}
