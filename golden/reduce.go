package golden

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

func softmax(s sub) (Case, error) {
	var a struct {
		Dim int
		Log bool
	}
	if err := s.decode(&a); err != nil {
		return Case{}, err
	}
	return plain(s, graph.Softmax{Axis: a.Dim, Log: a.Log})
}

// reductions builds the sub-cases of shape_ops that reduce or sort.
func reductions(s sub) (Case, error) {
	var a struct {
		Dim  *int
		Dims []int
		K    int
	}
	if err := s.decode(&a); err != nil {
		return Case{}, err
	}
	dim := -1
	if a.Dim != nil {
		dim = *a.Dim
	}
	in := []*tensor.Tensor{s.in("x")}
	switch s.Kind {
	case "mean":
		return one(s.out("y"), in, func(_ *graph.Graph, in []*graph.Value) *graph.Value { return in[0].Mean(a.Dims...) })
	case "argmax":
		return one(s.out("y"), in, func(_ *graph.Graph, in []*graph.Value) *graph.Value { return in[0].Argmax(dim) })
	case "argsort":
		want := []*tensor.Tensor{s.out("y"), s.out("restore")}
		return several(want, in, func(_ *graph.Graph, in []*graph.Value) []*graph.Value {
			return []*graph.Value{in[0].Argsort(dim), graph.Apply(graph.Argsort{Axis: dim, Inverse: true}, in[0])}
		})
	case "topk":
		want := []*tensor.Tensor{s.out("values"), s.out("indices")}
		return several(want, in, func(_ *graph.Graph, in []*graph.Value) []*graph.Value {
			values, indices := in[0].TopK(a.K, dim)
			return []*graph.Value{values, indices}
		})
	}
	return Case{}, fmt.Errorf("kind %q is unknown", s.Kind)
}
