package shaders

// PeakFMA returns a kernel that only multiplies and adds, which is the most that a device
// can do. invocations is a multiple of 64. The kernel binds one buffer, with 16 bytes for
// each invocation, and does flops operations.
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

// PeakCopy returns a kernel that copies one buffer to another. bytes is a multiple of 4096.
// Each byte is read and written, so moved is 2·bytes.
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
