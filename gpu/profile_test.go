package gpu

import (
	"context"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// TestProfile expects a time and a kernel name for each dispatch of a plan.
func TestProfile(t *testing.T) {
	g := trace(t, func(g *graph.Graph) { g.Output("y", g.Input("x", 5).GELU()) })
	p, err := open(t).Compile(g)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	times, err := p.Profile(context.Background(), tensor.New(5))
	if err != nil {
		t.Fatal(err)
	}
	if len(times) != 1 || times[0].Program != "activate" || times[0].Kernel != "activate-act_10" || times[0].Time <= 0 {
		t.Errorf("%+v", times)
	}
}
