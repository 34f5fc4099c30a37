package layers

import (
	"context"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// TestTokenReduction projects each block to one of its tokens. The channel index
// runs fastest over the tokens of a block, row by row.
func TestTokenReduction(t *testing.T) {
	m := NewTokenReduction(3, 3, 2)
	weights.Walk(m, func(_ string, w *tensor.Tensor) { w.Data = make([]float32, w.Shape.Len()) })
	for c := range 3 {
		m.Proj.Weight.Data[c*12+c*4+2] = 1 // second row, first column
	}
	x := tensor.New(1, 4, 6, 3)
	for i := range x.Data {
		x.Data[i] = float32(i)
	}
	g, err := graph.Trace(func(g *graph.Graph) { g.Output("y", m.Forward(g.Input("x", x.Shape...))) })
	if err != nil {
		t.Fatal(err)
	}
	y, err := g.Eval(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	want := tensor.New(1, 2, 3, 3)
	for i := range want.Data {
		c, col, row := i%3, i/3%3, i/9
		want.Data[i] = float32(((2*row+1)*6+2*col)*3 + c)
	}
	if d, err := tensor.Diff(y[0], want); err != nil || d.Max != 0 {
		t.Errorf("%v, %v", d, err)
	}
}
