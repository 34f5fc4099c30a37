//go:build sweep

package webgpu

import "math"

// spread is how many texts of a kernel's file TestTexts takes.
const spread = math.MaxInt
