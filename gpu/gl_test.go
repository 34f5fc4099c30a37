//go:build gl

package gpu

import (
	"context"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// TestGL runs a graph on one device of GL while others of its adapter are opened and
// closed. They share the process's display. "make gl" runs the test.
func TestGL(t *testing.T) {
	first, err := Open(Options{Backend: "gl"})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	g := trace(t, func(g *graph.Graph) {
		x := g.Input("x", 1, 64, 64, 16)
		g.Output("y", x.ReLU().Add(x).PixelShuffle(2).Softmax(-1))
	})
	x := ramp(1, 64, 64, 16)
	want, err := g.Eval(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := Adapters("gl"); err != nil {
			t.Fatal(err)
		}
		second, err := Open(first.self)
		if err != nil {
			t.Fatal(err)
		}
		everyProgram(t, second, nil, g, []*tensor.Tensor{x}, want, opTolerance)
		second.Close()
		everyProgram(t, first, nil, g, []*tensor.Tensor{x}, want, opTolerance)
	}
}
