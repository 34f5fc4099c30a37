//go:build !sweep

package gpu

// sweep makes tests run every candidate program of every row.
const sweep = false
