package shaders

import (
	"slices"

	"github.com/vertebra/vertebra/tensor"
)

// conv2d lists the programs for a convolution, the naive kernel last.
func conv2d(op conv, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	w := args[1]
	rest := append(conv2dPane(op, args, result, lim), conv2dNaive(op, args, result))
	if products := conv2dLinear(op, args, result, lim); products != nil {
		return append(products, rest...)
	}
	tiled, groups := conv2dTiled(op, args, result, lim), conv2dGroups(op, args, result)
	fast := conv2dWinograd(op, args, result, lim)
	if lim.Kind == CPU {
		return slices.Concat(groups, fast, rest, conv2dColumns(op, args, result, lim), tiled)
	}
	fast = cheapest(append(fast, tiled...))
	const wide = 32 // channels of a group that fill a tile
	if w[0]/op.Groups >= wide {
		return slices.Concat(fast, groups, rest)
	}
	return slices.Concat(groups, fast, rest)
}

// convolution returns the sizes of kernels that loop over single channels.
const convolution = "n h w c oh ow o kh kw cg og stride_h stride_w pad_h pad_w dilation_h dilation_w"

func conv2dNaive(op conv, args []tensor.Shape, result tensor.Shape) Program {
	x, w := args[0], args[1]
	bias, residual, set := op.end().args(2)
	n := result.Len()
	return Program{Name: "conv2d_naive", Kernels: []Kernel{{
		File:     "conv2d_naive",
		Set:      set,
		Grid:     Flat(n, 64),
		Bindings: inOut(len(args), 0, 1, bias, residual),
		Sizes: sizes(convolution, n, x[1], x[2], x[3], result[1], result[2], result[3], w[2], w[3], w[1], w[0]/op.Groups,
			op.Stride[0], op.Stride[1], op.Pad[0], op.Pad[1], op.Dilation[0], op.Dilation[1]),
	}}}
}
