package gpu

import (
	"context"
	"slices"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// TestScaledConstants uploads one weight in three scales, as batch normalisation
// folds them into it. The weight is unloaded after each upload.
func TestScaledConstants(t *testing.T) {
	d := open(t)
	w, unloaded := ramp(8, 8, 3, 3), 0
	w.Unload = func() { unloaded++ }
	before := slices.Clone(w.Data)
	norm := func(g *graph.Graph, x *graph.Value, by float32) *graph.Value {
		variance := tensor.New(8)
		for i := range variance.Data {
			variance.Data[i] = by * float32(i+1)
		}
		return graph.Apply(graph.BatchNorm{}, x, g.Const(ramp(8)), g.Const(variance))
	}
	g := trace(t, func(g *graph.Graph) {
		x := g.Input("x", 1, 6, 7, 8)
		conv := func() *graph.Value { return graph.Apply(graph.Conv2d{Pad: graph.Both(1)}, x, g.Const(w)) }
		g.Output("plain", conv())
		g.Output("once", norm(g, conv(), 2))
		g.Output("twice", norm(g, norm(g, conv(), 3), 5))
	})
	x := ramp(1, 6, 7, 8)
	want, err := g.Eval(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // two plans side by side
		p, err := d.Compile(g)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		got, err := p.Run(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if diff, err := tensor.Diff(got[i], want[i]); err != nil || diff.Relative > 1e-5 {
				t.Errorf("%s: %v, %v\n%v", want[i].Name, diff, err, p)
			}
		}
	}
	// The plans share the unscaled constant.
	if unloaded != 5 {
		t.Errorf("unloaded %d times, want 5", unloaded)
	}
	if !slices.Equal(w.Data, before) {
		t.Error("Compile has changed the weight")
	}
}
