package shaders

import (
	"github.com/vertebra/vertebra/tensor"
)

// conv2dGroups lists the kernels for groups: depthwise convolutions and small groups,
// four channels at a time.
func conv2dGroups(op conv, args []tensor.Shape, result tensor.Shape) []Program {
	x, w := args[0], args[1]
	cg, og := w[1], w[0]/op.Groups
	bias, residual, set := op.end().args(2)
	bindings := inOut(len(args), 0, 1, bias, residual)
	const under = " stride_h stride_w pad_h pad_w dilation_h dilation_w"
	window := []int{op.Stride[0], op.Stride[1], op.Pad[0], op.Pad[1], op.Dilation[0], op.Dilation[1]}
	switch {
	case cg == 1 && og == 1 && op.Groups%4 == 0:
		n := result[0] * result[1] * ceil(result[2], 4) * result[3] / 4
		set["SLIDE"] = op.Stride[1] == 1 && op.Dilation[1] == 1
		return []Program{{
			Name: "conv2d_depthwise",
			Kernels: []Kernel{{
				File:     "conv2d_depthwise",
				Set:      set,
				Grid:     Flat(n, 64),
				Bindings: bindings,
				Sizes:    sizes("n h w c4 oh ow kh kw"+under, append([]int{n, x[1], x[2], x[3] / 4, result[1], result[2], w[2], w[3]}, window...)...),
			}},
			Pack: map[int]Layout{1: moves("hwc", func(w *tensor.Tensor, s *tensor.Scratch) *tensor.Tensor { return s.Permute(w, 2, 3, 0, 1) })},
		}}
	case op.Groups > 1 && cg%4 == 0 && og%4 == 0:
		n := result[0] * result[1] * ceil(result[2], 2) * result[3] / 4
		return []Program{{
			Name: "conv2d_grouped",
			Kernels: []Kernel{{
				File:     "conv2d_grouped",
				Set:      set,
				Grid:     Flat(n, 64),
				Bindings: bindings,
				Sizes: sizes("n h w c4 oh ow o4 kh kw cg4 og4"+under, append([]int{n, x[1], x[2], x[3] / 4, result[1], result[2], result[3] / 4,
					w[2], w[3], cg / 4, og / 4}, window...)...),
			}},
			Pack: map[int]Layout{1: blocks4x4},
		}}
	}
	return nil
}

// blocks4x4 turns [O, C, kH, kW] into [O/4, kH, kW, C/4] blocks of 4 channels of C by
// 4 of O. In WGSL a block is a matrix with one column for each channel of C.
var blocks4x4 = moves("blocks4x4", func(w *tensor.Tensor, s *tensor.Scratch) *tensor.Tensor {
	o, c, kh, kw := w.Shape[0], w.Shape[1], w.Shape[2], w.Shape[3]
	return s.Permute(w.Reshape(o/4, 4, c/4, 4, kh, kw), 0, 4, 5, 2, 3, 1)
})
