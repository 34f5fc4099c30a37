package shaders

import (
	"github.com/vertebra/vertebra/tensor"
)

// linear lists the programs for a linear layer, the naive kernel last.
func linear(op dense, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	programs := append(linearPane(op, args, result, lim), linearNaive(op, args, result))
	return preferred(lim, linearTiled(op, args, result, lim), programs)
}

func linearNaive(op dense, args []tensor.Shape, result tensor.Shape) Program {
	n, k := args[1][0], args[1][1]
	m := result.Len() / n
	bias, residual, set := op.end().args(2)
	return Program{Name: "linear_naive", Kernels: []Kernel{{
		File:     "linear_naive",
		Set:      set,
		Grid:     Flat(m*n, 64),
		Bindings: inOut(len(args), 0, 1, bias, residual),
		Sizes:    sizes("m n k", m, n, k),
	}}}
}
