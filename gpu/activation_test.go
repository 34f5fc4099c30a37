package gpu

import (
	"context"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// TestSmallActivations expects the usual precision for small arguments of functions
// that have small values there. Larger values in the same test would hide the
// rounding.
func TestSmallActivations(t *testing.T) {
	d := open(t)
	for act := graph.ReLU; act <= graph.ExpClamped; act++ {
		for _, size := range []float32{1e-6, 1e-3, 0.02, 0.25} {
			x := tensor.New(101)
			for i := range x.Data {
				x.Data[i] = size * float32(i-50) / 50
				if act == graph.Softplus { // small for large negative arguments
					x.Data[i] -= 1 / size
				}
			}
			g := trace(t, func(g *graph.Graph) { g.Output("y", g.Input("x", 101).Activate(act)) })
			want, err := g.Eval(context.Background(), x)
			if err != nil {
				t.Fatal(err)
			}
			if tiny := want[0].Data[100]; tiny > 0 && tiny < 1e-37 {
				continue // a device may flush denormal numbers
			}
			t.Run(act.String(), func(t *testing.T) { everyProgram(t, d, nil, g, []*tensor.Tensor{x}, want, 1e-5) })
		}
	}
}
