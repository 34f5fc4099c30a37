package gpu

import (
	"context"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// TestEmptyValues runs a graph in which values have no elements, on host and device
// tensors.
func TestEmptyValues(t *testing.T) {
	d := open(t)
	g := trace(t, func(g *graph.Graph) {
		none, x := g.Input("none", 0, 3), g.Input("x", 2, 3)
		g.Output("itself", none)
		g.Output("none", none.ReLU().Add(x.Slice(0, 0, 1)))
		g.Output("joined", graph.Cat(0, none, x.ReLU(), x.Slice(0, 1, 1)))
		g.Output("sum", none.Sum(0))
		// The bias depends on x, so that the result is no constant.
		bias := x.Slice(1, 0, 2).Slice(0, 0, 1).Reshape(2)
		g.Output("dense", graph.Apply(graph.Linear{Epilogue: graph.Epilogue{Bias: true}}, x.Slice(1, 1, 1), g.Const(tensor.New(2, 0)), bias))
	})
	inputs := []*tensor.Tensor{tensor.New(0, 3), tensor.Of([]float32{1, 2, 3, 4, 5, -6}, 2, 3)}
	want, err := g.Eval(context.Background(), inputs...)
	if err != nil {
		t.Fatal(err)
	}
	everyProgram(t, d, nil, g, inputs, want, 0)
	p, err := d.Compile(g)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	outputs, err := p.NewOutputs()
	if err != nil {
		t.Fatal(err)
	}
	var given []*Tensor
	for _, x := range inputs {
		in, err := d.Upload(x)
		if err != nil {
			t.Fatal(err)
		}
		given = append(given, in)
	}
	if err := p.RunInto(context.Background(), outputs, given); err != nil {
		t.Fatal(err)
	}
	for i, w := range want {
		got := tensor.New(w.Shape...)
		if err := outputs[i].Read(context.Background(), got); err != nil {
			t.Fatal(err)
		}
		if diff, err := tensor.Diff(got, w); err != nil || diff.Max > 0 {
			t.Errorf("output %d: %v, %v", i, diff, err)
		}
	}
	for _, x := range append(outputs, given...) {
		x.Close()
	}
}

// TestNoDispatches runs a plan without dispatches.
func TestNoDispatches(t *testing.T) {
	d := open(t)
	g := trace(t, func(g *graph.Graph) { g.Output("y", g.Input("x", 0).ReLU()) })
	everyProgram(t, d, nil, g, []*tensor.Tensor{tensor.New(0)}, []*tensor.Tensor{tensor.New(0)}, 0)
}
