//go:build !sweep

package golden_test

// halfFiles are the files of models that TestF16 takes.
const halfFiles = "espcn_*.safetensors"
