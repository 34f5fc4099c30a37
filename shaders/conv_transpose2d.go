package shaders

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// convTranspose2d lists the ways to compute a transposed convolution, the
// naive kernel last.
func convTranspose2d(op graph.ConvTranspose2d, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	return []Program{convTranspose2dNaive(op.Defaults(), args, result)}
}

func convTranspose2dNaive(op graph.ConvTranspose2d, args []tensor.Shape, result tensor.Shape) Program {
	x, w := args[0], args[1]
	bias, residual, set := epilogue(op.Epilogue, 2)
	n := result.Len()
	return Program{Name: "conv_transpose2d_naive", Kernels: []Kernel{{
		Source: must("conv_transpose2d_naive", set),
		Grid:   flat(n, 64),
		Bind:   []int{0, 1, bias, residual, len(args)},
		Params: words(n, x[1], x[2], x[3], result[1], result[2], result[3], w[2], w[3], x[3]/op.Groups, w[1],
			op.Stride[0], op.Stride[1], op.Pad[0], op.Pad[1], op.Dilation[0], op.Dilation[1]),
	}}}
}
