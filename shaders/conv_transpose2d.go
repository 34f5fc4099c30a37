package shaders

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// convTranspose2d lists the ways to compute a transposed convolution, the
// naive kernel last.
func convTranspose2d(op graph.ConvTranspose2d, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	op = op.Defaults()
	var programs []Program
	if w := args[1]; op.Groups == 1 && op.Stride == (graph.Pair{w[2], w[3]}) && op.Pad == (graph.Pair{}) &&
		op.OutputPad == (graph.Pair{}) && op.Dilation == graph.Both(1) {
		programs = preferred(lim, convTranspose2dTiled(op, args, result, lim), convTranspose2dLinear(op, args, result, lim))
	}
	programs = append(programs, convTranspose2dDirect(op, args, result)...)
	return append(programs, convTranspose2dNaive(op, args, result))
}

func convTranspose2dNaive(op graph.ConvTranspose2d, args []tensor.Shape, result tensor.Shape) Program {
	return convTranspose2dGather("conv_transpose2d_naive", op, args, result, result.Len(), 1, 1)
}

// convTranspose2dGather is a kernel that sums what reaches an output, in n
// invocations, counting the channels of x and of y in units.
func convTranspose2dGather(name string, op graph.ConvTranspose2d, args []tensor.Shape, result tensor.Shape, n, unitX, unitY int) Program {
	x, w := args[0], args[1]
	bias, residual, set := epilogue(op.Epilogue, 2)
	return Program{Name: name, Kernels: []Kernel{{
		Source: must(name, set),
		Grid:   flat(n, 64),
		Bind:   []int{0, 1, bias, residual, len(args)},
		Params: words(n, x[1], x[2], x[3]/unitX, result[1], result[2], result[3]/unitY, w[2], w[3],
			x[3]/op.Groups/unitX, w[1]/unitY,
			op.Stride[0], op.Stride[1], op.Pad[0], op.Pad[1], op.Dilation[0], op.Dilation[1]),
	}}}
}

// convTranspose2dDirect lists the kernels that gather in fours of channels.
func convTranspose2dDirect(op graph.ConvTranspose2d, args []tensor.Shape, result tensor.Shape) []Program {
	c, og, kh, kw := args[1][0], args[1][1], args[1][2], args[1][3]
	g := op.Groups
	cg := c / g
	switch {
	case cg%4 == 0 && og%4 == 0:
		n := result[0] * result[1] * op.Stride[1] * ceil(result[2], 4*op.Stride[1]) * result[3] / 4
		p := convTranspose2dGather("conv_transpose2d_direct", op, args, result, n, 4, 4)
		p.Pack = map[int]Packing{1: {"transposed4x4", func(w *tensor.Tensor) *tensor.Tensor {
			return w.Reshape(g, cg/4, 4, og/4, 4, kh, kw).Permute(0, 3, 5, 6, 1, 2, 4)
		}}}
		return []Program{p}
	case cg%4 == 0:
		p := convTranspose2dGather("conv_transpose2d_gather", op, args, result, result.Len(), 4, 1)
		p.Pack = map[int]Packing{1: {"transposed", func(w *tensor.Tensor) *tensor.Tensor {
			return w.Reshape(g, cg, og, kh, kw).Permute(0, 2, 3, 4, 1)
		}}}
		return []Program{p}
	}
	return nil
}

// blockColumns is the layout [kH, kW, O, C] of a transposed convolution's
// weight: the columns of a matrix product, one below the other.
var blockColumns = Packing{"hwoc", func(w *tensor.Tensor) *tensor.Tensor { return w.Permute(2, 3, 1, 0) }}

// blockProduct is the matrix product that a transposed convolution is whose
// windows neither overlap nor leave gaps.
func blockProduct(args []tensor.Shape) gemm {
	x, w := args[0], args[1]
	return gemm{z: 1, m: x[0] * x[1] * x[2], n: w[1] * w[2] * w[3], k: x[3], transB: true, batch: single, scale: scale(1)}
}

// convTranspose2dTiled lists the kernels that store the tiles of the product
// where they belong.
func convTranspose2dTiled(op graph.ConvTranspose2d, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	g, w := blockProduct(args), args[1]
	if g.k%4 != 0 || w[1]%4 != 0 {
		return nil
	}
	g.epilogue = op.Epilogue
	var programs []Program
	for _, t := range g.tilings(lim, true, 0) {
		if t.splits > 1 {
			continue
		}
		const source = "conv_transpose2d_tiled_vec4"
		p := g.program(source+" "+t.String(), source, t, Set{"TRANS_B": true}, len(args),
			words(g.m, g.n/4, g.k/4, args[0][2], w[1]/4, w[2], w[3]))
		p.Pack = map[int]Packing{1: blockColumns}
		programs = append(programs, p)
	}
	return programs
}

// convTranspose2dLinear is the best linear layer for the device into scratch,
// and a kernel that moves its blocks.
func convTranspose2dLinear(op graph.ConvTranspose2d, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	g, w := blockProduct(args), args[1]
	x := tensor.Shape{g.m, g.k}
	p := linear(graph.Linear{}, []tensor.Shape{x, {g.n, g.k}}, tensor.Shape{g.m, g.n}, lim)[0]
	// What follows the two args of the linear layer, its result first, is
	// scratch after this op's args and result.
	p.Kernels = append([]Kernel{}, p.Kernels...)
	for i, k := range p.Kernels {
		bind := append([]int{}, k.Bind...)
		for j, b := range bind {
			if b >= 2 {
				bind[j] = b - 2 + len(args) + 1
			}
		}
		p.Kernels[i].Bind = bind
	}
	p.Scratch = append([]int{g.m * g.n}, p.Scratch...)
	matrix := blockColumns.then(Packing{"", func(w *tensor.Tensor) *tensor.Tensor { return w.Reshape(g.n, g.k) }})
	if next, ok := p.Pack[1]; ok {
		matrix = matrix.then(next)
	}
	p.Pack = map[int]Packing{1: matrix}
	name, n, o := "blocks_to_space", result.Len(), w[1]
	if o%4 == 0 {
		name, n, o = "blocks_to_space_vec4", n/4, o/4
	}
	bias, residual, set := epilogue(op.Epilogue, 2)
	p.Name += ", " + name
	p.Kernels = append(p.Kernels, Kernel{
		Source: must(name, set),
		Grid:   flat(n, 64),
		Bind:   []int{len(args) + 1, bias, residual, len(args)},
		Params: words(n, args[0][2], o, w[2], w[3]),
	})
	return []Program{p}
}
