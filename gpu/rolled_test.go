package gpu

import (
	"context"
	"fmt"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// TestShiftByIndex compares the kernels that shift by index arithmetic with the
// paper's definition, which has an op for each step: pad, roll and cut, attend in
// every window under a mask, join and roll back. Some of the windows and shifts fit
// the sizes and some do not.
func TestShiftByIndex(t *testing.T) {
	d := open(t)
	_, b := rowChecks(t, d)
	for _, c := range []struct{ window, shift, size graph.Pair }{
		{graph.Both(1), graph.Both(0), graph.Pair{3, 5}},
		{graph.Both(2), graph.Both(1), graph.Pair{4, 6}},
		{graph.Both(2), graph.Both(1), graph.Pair{3, 3}},
		{graph.Both(3), graph.Both(1), graph.Pair{7, 8}},
		{graph.Both(3), graph.Both(2), graph.Pair{9, 10}},
		{graph.Both(4), graph.Both(0), graph.Pair{9, 11}},
		{graph.Both(4), graph.Both(2), graph.Pair{8, 16}},
		{graph.Both(4), graph.Both(3), graph.Pair{5, 13}},
		{graph.Both(4), graph.Both(2), graph.Pair{3, 9}}, // not shifted down
		{graph.Both(7), graph.Both(3), graph.Pair{14, 14}},
		{graph.Both(7), graph.Both(3), graph.Pair{15, 11}},
		{graph.Both(7), graph.Both(3), graph.Pair{5, 7}}, // one window
		{graph.Both(8), graph.Both(4), graph.Pair{10, 17}},
		{graph.Pair{3, 5}, graph.Pair{1, 2}, graph.Pair{8, 12}},
		{graph.Pair{4, 2}, graph.Pair{0, 1}, graph.Pair{9, 9}},
		{graph.Both(12), graph.Both(6), graph.Pair{13, 25}},
	} {
		for _, cosine := range []bool{false, true} {
			t.Run(fmt.Sprintf("w%v s%v %v cosine=%v", c.window, c.shift, c.size, cosine), func(t *testing.T) {
				a := layers.NewWindowAttention(12, graph.WindowAttention{Heads: 3, Window: c.window, Shift: c.shift, Cosine: cosine})
				weights.Random(a, 3)
				x := ramp(2, c.size[0], c.size[1], 12)
				g := trace(t, func(g *graph.Graph) { g.Output("y", a.Forward(g.Input("x", x.Shape...))) })
				want, err := g.Decompose().Eval(context.Background(), x)
				if err != nil {
					t.Fatal(err)
				}
				everyProgram(t, d, b, g, []*tensor.Tensor{x}, want, 1e-5)
			})
		}
	}
}
