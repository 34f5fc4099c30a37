package plan

import (
	"context"
	"math"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

// TestAlone expects results of usual size from an op with many products in a sum, with
// the key and shapes of the op that it stands for.
func TestAlone(t *testing.T) {
	g, err := graph.Trace(func(g *graph.Graph) {
		x := g.Input("x", 1, 8, 8, 64)
		g.Output("y", graph.Apply(graph.Conv2d{Pad: graph.Both(1)}, x, g.Const(tensor.New(32, 64, 3, 3))))
	})
	if err != nil {
		t.Fatal(err)
	}
	ops := Ops([]*graph.Graph{g}, Choice{}, shaders.Default)
	if len(ops) != 1 {
		t.Fatalf("%d ops, want 1", len(ops))
	}
	if half := Ops([]*graph.Graph{g}, Choice{F16: true}, shaders.Default); half[0].Key != ops[0].Key+"16" {
		t.Errorf("the key with f16 weights is %s", half[0].Key)
	}
	alone, inputs, err := ops[0].Alone(1)
	if err != nil {
		t.Fatal(err)
	}
	if again := Ops([]*graph.Graph{alone}, Choice{}, shaders.Default); len(again) != 1 || again[0].Key != ops[0].Key {
		t.Errorf("%+v, want the key %s", again, ops[0].Key)
	}
	y, err := alone.Eval(context.Background(), inputs...)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, v := range y[0].Data {
		sum += float64(v) * float64(v)
	}
	if size := math.Sqrt(sum / float64(len(y[0].Data))); size < 0.5 || size > 1.5 {
		t.Errorf("results of size %.2f, want about 1", size)
	}
}
