package shaders

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// convTranspose2d lists the programs for a transposed convolution, the naive kernel last.
func convTranspose2d(op convTransposed, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	x, w := args[0], args[1]
	ph := newPhases(op, w)
	product := convTranspose2dPhases(op, args, result, lim)
	direct := convTranspose2dDirect(op, args, result)
	programs := append(product, direct...)
	// Phases pad the window to whole strides, and compute the padding too.
	if padded := ph.taps[0] * ph.stride[0] * ph.taps[1] * ph.stride[1]; padded > 2*w[2]*w[3] {
		programs = append(direct, product...)
	}
	if op.Groups == 1 && op.Stride == (graph.Pair{w[2], w[3]}) && op.Pad == (graph.Pair{}) &&
		result[1] == x[1]*w[2] && result[2] == x[2]*w[3] && op.Dilation == graph.Both(1) {
		programs = preferred(lim, convTranspose2dTiled(op, args, result, lim), programs)
	}
	return append(programs, convTranspose2dNaive(op, args, result))
}

func convTranspose2dNaive(op convTransposed, args []tensor.Shape, result tensor.Shape) Program {
	return convTranspose2dGather("conv_transpose2d_naive", op, args, result, result.Len(), 1, 1)
}

// convTranspose2dGather returns a program with a kernel that sums what reaches an output.
// The kernel takes n invocations. It counts the channels of x and y in units of unitX and
// unitY.
func convTranspose2dGather(name string, op convTransposed, args []tensor.Shape, result tensor.Shape, n, unitX, unitY int) Program {
	x, w := args[0], args[1]
	bias, residual, set := op.end().args(2)
	return Program{Name: name, Kernels: []Kernel{{
		File:     name,
		Set:      set,
		Grid:     Flat(n, 64),
		Bindings: inOut(len(args), 0, 1, bias, residual),
		Sizes: sizes(counts(unitX, "n h w c* oh ow ")+counts(unitY, "o* kh kw ")+counts(unitX, "cg* ")+
			counts(unitY, "og* stride_h stride_w pad_h pad_w dilation_h dilation_w"),
			n, x[1], x[2], x[3]/unitX, result[1], result[2], result[3]/unitY, w[2], w[3],
			x[3]/op.Groups/unitX, w[1]/unitY,
			op.Stride[0], op.Stride[1], op.Pad[0], op.Pad[1], op.Dilation[0], op.Dilation[1]),
	}}}
}

// convTranspose2dDirect lists the kernels that gather four channels at a time.
func convTranspose2dDirect(op convTransposed, args []tensor.Shape, result tensor.Shape) []Program {
	c, og, kh, kw := args[1][0], args[1][1], args[1][2], args[1][3]
	g := op.Groups
	cg := c / g
	switch {
	case cg%4 == 0 && og%4 == 0:
		n := result[0] * result[1] * op.Stride[1] * ceil(result[2], 4*op.Stride[1]) * result[3] / 4
		p := convTranspose2dGather("conv_transpose2d_direct", op, args, result, n, 4, 4)
		p.Pack = map[int]Layout{1: moves("transposed4x4", func(w *tensor.Tensor, s *tensor.Scratch) *tensor.Tensor {
			return s.Permute(w.Reshape(g, cg/4, 4, og/4, 4, kh, kw), 0, 3, 5, 6, 1, 2, 4)
		})}
		return []Program{p}
	case cg%4 == 0:
		p := convTranspose2dGather("conv_transpose2d_gather", op, args, result, result.Len(), 4, 1)
		p.Pack = map[int]Layout{1: moves("transposed", func(w *tensor.Tensor, s *tensor.Scratch) *tensor.Tensor {
			return s.Permute(w.Reshape(g, cg, og, kh, kw), 0, 2, 3, 4, 1)
		})}
		return []Program{p}
	}
	return nil
}

// blockColumns is the layout [kH, kW, O, C] of a transposed convolution's weight. Its rows
// [C] are the columns of a matrix product.
var blockColumns = moves("hwoc", func(w *tensor.Tensor, s *tensor.Scratch) *tensor.Tensor { return s.Permute(w, 2, 3, 1, 0) })

// convTranspose2dTiled lists the kernels for windows that neither overlap nor leave gaps.
// The convolution is then a matrix product. Each row of it becomes a block of pixels.
func convTranspose2dTiled(op convTransposed, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	x, w := args[0], args[1]
	g := gemm{z: 1, m: x[0] * x[1] * x[2], n: w[1] * w[2] * w[3], k: x[3], transB: true, end: op.end()}
	if g.k%4 != 0 || w[1]%4 != 0 {
		return nil
	}
	var programs []Program
	for _, t := range g.tilings(lim, true, 0) {
		if t.splits > 1 {
			continue
		}
		const source = "conv_transpose2d_tiled_vec4"
		p := g.program(source+" "+t.String(), source, t, Set{"TRANS_B": true}, len(args),
			sizes("m n4 k4 w o4 kh kw", g.m, g.n/4, g.k/4, x[2], w[1]/4, w[2], w[3]))
		p.Pack = map[int]Layout{1: blockColumns}
		programs = append(programs, p)
	}
	return programs
}

// phases describes a transposed convolution as a convolution with stride 1. Outputs that
// lie a stride apart have the same phase, and need the same taps. The phases become
// channels [sh, sw, O] of the convolution, whose windows have size taps. With pad it
// computes every window that has a pixel.
type phases struct{ stride, taps, pad graph.Pair }

func newPhases(op convTransposed, w tensor.Shape) phases {
	p := phases{stride: op.Stride}
	for d := range 2 {
		p.taps[d] = ceil(w[2+d], op.Stride[d])
		p.pad[d] = p.taps[d] - 1
	}
	return p
}

// layout turns a weight [C, O, kH, kW] into that of the convolution,
// [sh·sw·O, C, taps...]. Tap a of phase f is w at f + s·(taps−1−a), or zero outside w.
func (p phases) layout() Layout {
	return moves(fmt.Sprint("phases ", p.stride), func(w *tensor.Tensor, s *tensor.Scratch) *tensor.Tensor {
		c, o, kh, kw := w.Shape[0], w.Shape[1], w.Shape[2], w.Shape[3]
		out := s.Like(w, p.stride[0]*p.stride[1]*o, c, p.taps[0], p.taps[1])
		i := 0
		for f := range p.stride[0] {
			for g := range p.stride[1] {
				for n := range o {
					for k := range c {
						for a := range p.taps[0] {
							for b := range p.taps[1] {
								u, v := f+p.stride[0]*(p.pad[0]-a), g+p.stride[1]*(p.pad[1]-b)
								if u < kh && v < kw {
									w.Copy(((k*o+n)*kh+u)*kw+v, 1, out, i)
								}
								i++
							}
						}
					}
				}
			}
		}
		return out
	})
}

// convTranspose2dPhases lists a program of two steps. The device's best convolution
// computes the phases in scratch. A kernel then moves them to their places.
func convTranspose2dPhases(op convTransposed, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	if op.Groups > 1 || op.Dilation != graph.Both(1) {
		return nil
	}
	x, w := args[0], args[1]
	ph := newPhases(op, w)
	inner := conv{Conv2d: graph.Conv2d{Pad: ph.pad}.Defaults()}
	convArgs := []tensor.Shape{x, {ph.stride[0] * ph.stride[1] * w[1], w[0], ph.taps[0], ph.taps[1]}}
	t, err := inner.Shape(convArgs)
	if err != nil {
		return nil
	}
	p := conv2d(inner, convArgs, t, lim)[0]
	// The convolution's result and scratch follow its two args. They become scratch of
	// this op, which follows its args and result.
	p.Kernels = append([]Kernel{}, p.Kernels...)
	for i, k := range p.Kernels {
		p.Kernels[i].Bindings = rebound(k.Bindings, func(arg int) int {
			if arg >= 2 {
				arg += len(args) - 1
			}
			return arg
		})
	}
	p.Scratch = append([]int{t.Len()}, p.Scratch...)
	layout := ph.layout()
	if next, ok := p.Pack[1]; ok {
		layout = layout.then(next)
	}
	p.Pack = map[int]Layout{1: layout}
	name, width := "blocks_to_space", 1
	if w[1]%4 == 0 {
		name, width = "blocks_to_space_vec4", 4
	}
	n := result.Len() / width
	bias, residual, set := op.end().args(2)
	p.Name += ", " + name
	p.Kernels = append(p.Kernels, Kernel{
		File:     name,
		Set:      set,
		Grid:     Flat(n, 64),
		Bindings: inOut(len(args), len(args)+1, bias, residual),
		Sizes: sizes(counts(width, "n* oh ow o* th tw stride_h stride_w pad_h pad_w"),
			n, result[1], result[2], w[1]/width, t[1], t[2], op.Stride[0], op.Stride[1], op.Pad[0], op.Pad[1]),
	})
	return []Program{p}
}
