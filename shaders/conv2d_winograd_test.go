package shaders

import (
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// TestWinogradBindings checks that transformed weights are bound whole only if a
// binding may be that large. They are four times as large as the weights.
func TestWinogradBindings(t *testing.T) {
	op := graph.Conv2d{Pad: graph.Both(1)}
	args := []tensor.Shape{{1, 4, 4, 64}, {64, 64, 3, 3}}
	for _, kind := range []Kind{GPU, CPU} {
		lim := Default
		lim.Kind = kind
		for _, whole := range []bool{true, false} {
			lim.StorageBinding = 4 * 36 * 64 * 64
			if !whole {
				lim.StorageBinding = 4*9*64*64 - 4
			}
			other := 0
			for _, p := range Programs(Call{Op: op, Args: args}, lim) {
				if strings.Contains(p.Name, "winograd") && !strings.Contains(p.Name, " linear_pane") {
					other++
				}
			}
			if whole != (other > 0) {
				t.Errorf("kind %d, %d bytes: %d programs bind transformed weights whole", kind, lim.StorageBinding, other)
			}
		}
	}
}
