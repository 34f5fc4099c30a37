//go:build sweep

package golden_test

// sweep makes tests run every candidate program of every op, and every model with f16.
const sweep = true
