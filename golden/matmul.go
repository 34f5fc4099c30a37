package golden

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

func matmul(s sub) (Case, error) {
	var a struct {
		TransposeB bool `json:"transpose_b"`
	}
	if err := s.decode(&a); err != nil {
		return Case{}, err
	}
	return one(s.out("y"), []*tensor.Tensor{s.in("a"), s.in("b")}, func(_ *graph.Graph, in []*graph.Value) *graph.Value {
		return graph.Apply(graph.MatMul{TransB: a.TransposeB}, in...)
	})
}
