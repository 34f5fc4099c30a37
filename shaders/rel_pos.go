package shaders

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

func relPosTable(op graph.RelPosTable, args []tensor.Shape, result tensor.Shape) []Program {
	q, k, l := float64(op.Q), float64(op.K), args[0][0]
	rows := 2*max(op.Q, op.K) - 1
	return []Program{{Name: "rel_pos_table", Kernels: []Kernel{{
		File:     "rel_pos_table",
		Set:      Set{"RESAMPLE": rows != l},
		Grid:     Flat(result.Len(), 64),
		Bindings: inOut(1, 0),
		Sizes: append(sizes("n k d l rows", result.Len(), op.K, result[2], l, rows),
			sizes("stretch_q stretch_k offset", max(k/q, 1), max(q/k, 1), (k-1)*max(q/k, 1))...),
	}}}}
}

func relPos(op graph.RelPos, args []tensor.Shape, result tensor.Shape) []Program {
	q, r := args[0], args[1]
	one := Program{Name: "rel_pos", Kernels: []Kernel{{
		File:     "rel_pos",
		Set:      Set{"ACROSS": op.Axis == 1},
		Grid:     Flat(result.Len(), 64),
		Bindings: inOut(2, 0, 1),
		Sizes:    sizes("total heads n k d stride qw", result.Len(), result[1], result[2], result[3], r[2], q[2], op.QW),
	}}}
	if q[2]%4 != 0 || r[2]%4 != 0 {
		return []Program{one}
	}
	return []Program{{Name: "rel_pos_vec4", Kernels: []Kernel{{
		File:     "rel_pos_vec4",
		Set:      Set{"ACROSS": op.Axis == 1},
		Grid:     Flat(result[0]*result[2]*ceil(result[1], 4)*ceil(result[3], 4), 64),
		Bindings: inOut(2, 0, 1),
		Sizes:    sizes("b heads n k d stride qw", result[0], result[1], result[2], result[3], r[2]/4, q[2]/4, op.QW),
	}}}, one}
}
