package golden

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// samPieces builds the parts of SAM, in a graph or on the host.
func samPieces(s sub) (Case, error) {
	switch s.Kind {
	case "window_pad":
		return samWindows(s)
	case "get_rel_pos":
		return samRelPos(s)
	case "add_decomposed_rel_pos":
		return samDecomposed(s)
	}
	return samHost(s)
}

func samWindows(s sub) (Case, error) {
	var a struct{ Window int }
	if err := s.decode(&a); err != nil {
		return Case{}, err
	}
	x := s.ranked("input", "x", 4)
	return several([]*tensor.Tensor{s.out("windows"), s.out("restored")}, []*tensor.Tensor{x}, func(_ *graph.Graph, in []*graph.Value) []*graph.Value {
		windows := in[0].WindowPartition(graph.Both(a.Window), graph.Pair{})
		return []*graph.Value{windows, windows.WindowReverse(x.Shape[1], x.Shape[2], graph.Pair{})}
	})
}

func samRelPos(s sub) (Case, error) {
	var op graph.RelPosTable
	if err := s.decode(&op); err != nil {
		return Case{}, err
	}
	return one(s.out("y"), []*tensor.Tensor{s.in("rel_pos")}, func(_ *graph.Graph, in []*graph.Value) *graph.Value {
		return graph.Apply(op, in[0])
	})
}

func samDecomposed(s sub) (Case, error) {
	var a struct {
		Q graph.Pair `json:"q_size"`
		K graph.Pair `json:"k_size"`
	}
	if err := s.decode(&a); err != nil {
		return Case{}, err
	}
	attn := s.ranked("input", "attn", 3)
	b, n, m := attn.Shape[0], attn.Shape[1], attn.Shape[2]
	in := []*tensor.Tensor{attn, s.in("q"), s.in("rel_h"), s.in("rel_w")}
	return one(s.out("y"), in, func(_ *graph.Graph, in []*graph.Value) *graph.Value {
		y := in[0].Reshape(b, n, a.K[0], a.K[1])
		for axis, shape := range [2][]int{{b, n, a.K[0], 1}, {b, n, 1, a.K[1]}} {
			table := graph.Apply(graph.RelPosTable{Q: a.Q[axis], K: a.K[axis]}, in[2+axis])
			rel := graph.Apply(graph.RelPos{QH: a.Q[0], QW: a.Q[1], Axis: axis}, in[1], table)
			y = y.Add(rel.Reshape(shape...))
		}
		return y.Reshape(b, n, m)
	})
}
