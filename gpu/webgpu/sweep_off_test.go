//go:build !sweep

package webgpu

// spread is how many texts of a kernel's file TestTexts takes.
const spread = 8
