package shaders

import (
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// matmul lists the ways to multiply matrices, the naive kernel last.
func matmul(op graph.MatMul, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	programs, naive := matmulTiled(op, args, result, lim), matmulNaive(op, args, result)
	const little = 16 // rows or columns that leave a tile empty
	if m, n, _ := op.Sizes(args); lim.Kind == CPU && m > 4 && min(m, n) < little {
		return append([]Program{naive}, programs...)
	}
	return append(programs, naive)
}

func matmulNaive(op graph.MatMul, args []tensor.Shape, result tensor.Shape) Program {
	m, n, k := op.Sizes(args)
	params := append(batch(args, result), words(result.Len(), m, n, k)...)
	return Program{Name: "matmul_naive", Kernels: []Kernel{{
		Source: must("matmul_naive", Set{"TRANS_B": op.TransB}),
		Grid:   flat(result.Len(), 64),
		Bind:   []int{0, 1, 2},
		Params: append(params, scale(op.Scale)),
	}}}
}

// batch is the uniform's struct Batch of lib/batch for a product of matrices.
func batch(args []tensor.Shape, result tensor.Shape) []uint32 {
	four := append(tensor.Shape{1, 1, 1, 1}[:graph.MaxRank-len(result)], result[:len(result)-2]...)
	params := words(four...)
	for _, a := range args[:2] {
		params = append(params, words(graph.BroadcastStrides(a[:len(a)-2], four)...)...)
	}
	return params
}

// scale is the word of a factor of which 0 means 1.
func scale(s float32) uint32 {
	if s == 0 {
		s = 1
	}
	return math.Float32bits(s)
}
