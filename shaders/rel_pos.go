package shaders

import (
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

func relPosTable(op graph.RelPosTable, args []tensor.Shape, result tensor.Shape) []Program {
	q, k, l := float64(op.Q), float64(op.K), args[0][0]
	rows := 2*max(op.Q, op.K) - 1
	bits := func(f float64) int { return int(math.Float32bits(float32(f))) }
	return []Program{{Name: "rel_pos_table", Kernels: []Kernel{{
		Source: must("rel_pos_table", Set{"RESAMPLE": rows != l}),
		Grid:   flat(result.Len(), 64),
		Bind:   []int{0, 1},
		Params: words(result.Len(), op.K, result[2], l, rows,
			bits(max(k/q, 1)), bits(max(q/k, 1)), bits((k-1)*max(q/k, 1))),
	}}}}
}

func relPos(op graph.RelPos, args []tensor.Shape, result tensor.Shape) []Program {
	q, r := args[0], args[1]
	one := Program{Name: "rel_pos", Kernels: []Kernel{{
		Source: must("rel_pos", Set{"ACROSS": op.Axis == 1}),
		Grid:   flat(result.Len(), 64),
		Bind:   []int{0, 1, 2},
		Params: words(result.Len(), result[1], result[2], result[3], r[2], q[2], op.QW),
	}}}
	if q[2]%4 != 0 || r[2]%4 != 0 {
		return []Program{one}
	}
	return []Program{{Name: "rel_pos_vec4", Kernels: []Kernel{{
		Source: must("rel_pos_vec4", Set{"ACROSS": op.Axis == 1}),
		Grid:   flat(result[0]*result[2]*ceil(result[1], 4)*ceil(result[3], 4), 64),
		Bind:   []int{0, 1, 2},
		Params: words(result[0], result[1], result[2], result[3], r[2]/4, q[2]/4, op.QW),
	}}}, one}
}
