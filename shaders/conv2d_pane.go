package shaders

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// conv2dPane lists the pane kernels for a convolution without groups, the best guess first.
func conv2dPane(op conv, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	if op.Groups > 1 {
		return nil
	}
	x, weight := args[0], args[1]
	var programs []Program
	if x[3] < 4 {
		programs = conv2dRuns(op, args, result)
	}
	if weight[2]*weight[3] == 1 && op.Pad == (graph.Pair{}) && op.Extra == (graph.Pair{}) &&
		op.Stride != graph.Both(1) && x[3]%4 == 0 {
		programs = conv2dSampled(op, args, result, lim)
	}
	bias, residual, _ := op.end().args(2)
	p := Program{}
	var rows Layout
	at := 0 // x, or its rows in scratch
	if x[3]%4 != 0 {
		k := weight[3] * x[3]
		k4 := ceil(k, 4)
		n := x[0] * x[1] * result[2] * k4
		at = len(args) + 1
		p.Name = " im2row"
		p.Scratch = []int{4 * n}
		p.Kernels = []Kernel{{
			File:     "im2row",
			Grid:     Flat(n, 64),
			Bindings: inOut(at, 0),
			Sizes:    sizes("n w c ow k4 kw stride pad dilation", n, x[2], x[3], result[2], k4, weight[3], op.Stride[1], op.Pad[1], op.Dilation[1]),
		}}
		rows = moves("rows", func(w *tensor.Tensor, s *tensor.Scratch) *tensor.Tensor {
			return s.Permute(w, 0, 3, 1, 2).Reshape(w.Shape[0], k, w.Shape[2], 1)
		})
		x = tensor.Shape{x[0], x[1], result[2], 4 * k4}
		weight = tensor.Shape{weight[0], k, weight[2], 1}
		op.Stride[1], op.Pad[1], op.Dilation[1] = 1, 0, 1
	}
	source, down, across := "conv2d_pane", 4, 16
	if result[3]%4 != 0 {
		source, down, across = "conv2d_pane_scalar", 4, 12
	}
	kh, kw := weight[2], weight[3]
	m := result.Len() / result[3]
	w, ok := newCut(m, 1, result[3], weight[1], kh*kw, down, across)
	if !ok {
		return programs
	}
	p.Name = source + p.Name
	p.Kernels = append(p.Kernels, w.kernels(m, Kernel{File: source, Set: op.end().act()}, op.end(), []int{at, 1, bias, residual, len(args)}, func(a pane) Sizes {
		return sizes("m n h w c4 oh ow kernel_h kernel_w stride_h stride_w pad_h pad_w dilation_h dilation_w step_c4 first_c4 first_col cols part epilogue",
			m, result[3], x[1], x[2], x[3]/4, result[1], result[2], kh, kw,
			op.Stride[0], op.Stride[1], op.Pad[0], op.Pad[1], op.Dilation[0], op.Dilation[1],
			a.step/4, a.first/4, a.column, a.cols, a.part, op.end().flags())
	})...)
	p.Pack = map[int]Layout{1: w.layout()}
	if rows.Pack != nil {
		p.Pack[1] = rows.then(p.Pack[1])
	}
	return append(programs, p)
}

// conv2dRuns is for images with few channels. The pixels under a row of the kernel are
// one run of numbers, which takes the place of the channels.
func conv2dRuns(op conv, args []tensor.Shape, result tensor.Shape) []Program {
	x, weight := args[0], args[1]
	kh, kw := weight[2], weight[3]
	m, run := result.Len()/result[3], kw*x[3]
	w, ok := newCut(m, 1, result[3], run, kh, 4, 16)
	if !ok || w.step < w.c || op.Dilation[1] != 1 || result[3]%4 != 0 {
		return nil
	}
	bias, residual, _ := op.end().args(2)
	rows := moves("runs", func(w *tensor.Tensor, s *tensor.Scratch) *tensor.Tensor {
		return s.Permute(w, 0, 3, 1, 2).Reshape(w.Shape[0], run, w.Shape[2])
	})
	return []Program{{
		Name: "conv2d_row_pane",
		Kernels: w.kernels(m, Kernel{File: "conv2d_row_pane", Set: op.end().act()}, op.end(), []int{0, 1, bias, residual, len(args)}, func(a pane) Sizes {
			return sizes("m n h w c oh ow kernel_h kernel_w stride_h stride_w pad_h pad_w dilation_h run4 first_col cols epilogue",
				m, result[3], x[1], x[2], x[3], result[1], result[2], kh, kw,
				op.Stride[0], op.Stride[1], op.Pad[0], op.Pad[1], op.Dilation[0], a.step/4, a.column, a.cols, op.end().flags())
		}),
		Pack: map[int]Layout{1: rows.then(w.layout())},
	}}
}

// conv2dSampled is for windows of one pixel with a stride. It first gathers the pixels
// under the windows.
func conv2dSampled(op conv, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	x, n, k := args[0], result[3], args[0][3]
	row := x[2] * k
	at := len(args) + 1 // the pixels, in scratch
	gather := strided([]axis{
		{result[0], x[1] * row}, {result[1], op.Stride[0] * row}, {result[2], op.Stride[1] * k}, {k, 1},
	}, 0, Default)[0].Kernels[0]
	gather.Bindings = inOut(at, 0)
	bias, residual, _ := op.end().args(2)
	p := product{
		z: 1, m: result.Len() / n, n: n, k: k, end: op.end(),
		bind: []int{at, 1, bias, residual, len(args)},
	}
	programs := p.programs(lim)
	for i, q := range programs {
		programs[i].Name = "sampled " + q.Name
		programs[i].Kernels = append([]Kernel{gather}, q.Kernels...)
		programs[i].Scratch = []int{p.m * k}
	}
	return programs
}
