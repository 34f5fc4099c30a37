package golden

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/tensor"
)

// maePieces builds the parts of masked autoencoders.
func maePieces(s sub) (Case, error) {
	var a struct {
		Dim, Grid int
		ClsToken  bool `json:"cls_token"`
	}
	if err := s.decode(&a); err != nil {
		return Case{}, err
	}
	switch s.Kind {
	case "sincos_2d":
		table, rows := s.ranked("output", "table", 2), 0
		if a.ClsToken {
			rows = 1
		}
		if a.Dim < 1 || a.Dim%4 != 0 || a.Grid < 1 || a.Grid > 1<<12 || !table.Shape.Equal(tensor.Shape{rows + a.Grid*a.Grid, a.Dim}) {
			return Case{}, fmt.Errorf("table is %v, but the config has dim %d, grid %d, cls_token %v", table.Shape, a.Dim, a.Grid, a.ClsToken)
		}
		return Case{Want: []*tensor.Tensor{table}, Host: func() ([]*tensor.Tensor, error) {
			return []*tensor.Tensor{layers.SinCos2D(a.Dim, a.Grid, a.ClsToken)}, nil
		}}, nil
	case "random_masking":
		return randomMasking(s)
	}
	return Case{}, fmt.Errorf("kind %q is unknown", s.Kind)
}

// randomMasking keeps the tokens with the smallest noise.
func randomMasking(s sub) (Case, error) {
	want := []*tensor.Tensor{s.ranked("output", "x_masked", 3), s.ranked("output", "mask", 2), s.out("ids_restore")}
	batch, tokens, keep := want[1].Shape[0], want[1].Shape[1], want[0].Shape[1]
	if keep > tokens {
		return Case{}, fmt.Errorf("x_masked is %v and mask %v: the case keeps more tokens than it has", want[0].Shape, want[1].Shape)
	}
	removed := tensor.New(tokens, 1)
	for i := keep; i < tokens; i++ {
		removed.Data[i] = 1
	}
	return several(want, []*tensor.Tensor{s.in("x"), s.in("noise")}, func(g *graph.Graph, in []*graph.Value) []*graph.Value {
		shuffle := graph.Apply(graph.Argsort{Axis: 1}, in[1])
		restore := graph.Apply(graph.Argsort{Axis: 1}, shuffle)
		kept := graph.Apply(graph.Slice{Stop: [graph.MaxRank]int{1: keep}}, shuffle)
		mask := restore.Embedding(g.Const(removed)).Reshape(batch, tokens)
		return []*graph.Value{in[0].TakeRows(kept), mask, restore}
	})
}
