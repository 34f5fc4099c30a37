//go:build sweep

package golden_test

import (
	"testing"

	"github.com/vertebra/vertebra/golden"
	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
)

// TestUnfused compares operators and models whose attention is separate ops with the
// official implementations.
func TestUnfused(t *testing.T) {
	eachFile(t, "*.safetensors", func(t *testing.T, d *gpu.Device, c golden.Case) {
		if c.Run != nil {
			t.Run(c.Name, func(t *testing.T) { runMany(t, d, c, (*graph.Graph).Decompose) })
		}
		if c.Graph == nil || c.Host != nil {
			return
		}
		apart := c.Graph.Decompose()
		if apart == c.Graph {
			return
		}
		c.Graph = apart
		if c.Tolerance != golden.ModelTolerance {
			t.Run(c.Name, func(t *testing.T) { everyProgram(t, d, apart, c.Inputs, c.Want, c.Tolerance) })
			return
		}
		if len(c.Stages) > 0 {
			c = c.Staged()
		}
		t.Run(c.Name, func(t *testing.T) { runCase(t, d, c) })
	})
}
