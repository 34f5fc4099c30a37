package shaders

import (
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// matmul lists the programs for a matrix product, the naive kernel last.
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
	return Program{Name: "matmul_naive", Kernels: []Kernel{{
		File:     "matmul_naive",
		Set:      Set{"TRANS_B": op.TransB},
		Grid:     Flat(result.Len(), 64),
		Bindings: inOut(2, 0, 1),
		Sizes:    slices.Concat(batches(args, result), sizes("count m n k", result.Len(), m, n, k), sizes("scale", scale(op.Scale))),
	}}}
}

// batches returns the batch of a product of matrices.
func batches(args []tensor.Shape, result tensor.Shape) Sizes {
	four := append(tensor.Shape{1, 1, 1, 1}[:graph.MaxRank-len(result)], result[:len(result)-2]...)
	d := [3][4]int{[4]int(four)}
	for i, a := range args[:2] {
		d[1+i] = [4]int(graph.BroadcastStrides(a[:len(a)-2], four))
	}
	return batch(d)
}

// batch returns the struct Batch of lib/batch: extents, and the strides of the left and the
// right matrices.
func batch(d [3][4]int) Sizes {
	return sizes("d0 d1 d2 d3 l0 l1 l2 l3 r0 r1 r2 r3", slices.Concat(d[0][:], d[1][:], d[2][:])...)
}

// scale returns a factor, where 0 means 1.
func scale(s float32) float64 {
	if s == 0 {
		return 1
	}
	return float64(s)
}
