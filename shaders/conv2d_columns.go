package shaders

import (
	"github.com/vertebra/vertebra/tensor"
)

// conv2dColumns lists the programs that lay out the windows as rows and multiply them by
// the weights, the best guess first. They are for software devices.
func conv2dColumns(op conv, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	x, w := args[0], args[1]
	const most = 32 << 20 // bytes of rows
	m, run := result.Len()/result[3], w[3]*w[1]
	run4 := ceil(run, 4)
	k := w[2] * 4 * run4
	if op.Groups > 1 || w[2]*w[3] == 1 || op.Dilation[1] != 1 || 4*m*k > most {
		return nil
	}
	width := 1
	if x[3]%4 == 0 {
		width = 4
	}
	at := len(args) + 1 // the rows, in scratch
	c := x[3] / width
	rows := Kernel{
		File:     "im2col",
		Set:      element(width).with(Set{"WIDE": width == 4}),
		Grid:     Flat(m*w[2], 64),
		Bindings: inOut(at, 0),
		Sizes: sizes("m h width oh ow kh run run4 stride_h step pad_h before dilation",
			m, x[1], x[2]*c, result[1], result[2], w[2], run/width, run4,
			op.Stride[0], op.Stride[1]*c, op.Pad[0], op.Pad[1]*c, op.Dilation[0]),
	}
	bias, residual, _ := op.end().args(2)
	p := product{
		z: 1, m: m, n: result[3], k: k, end: op.end(),
		bind: []int{at, 1, bias, residual, len(args)},
	}
	columns := moves("columns", func(t *tensor.Tensor, s *tensor.Scratch) *tensor.Tensor {
		all := s.Permute(t, 0, 2, 3, 1)
		if run == 4*run4 {
			return all.Reshape(p.n, k)
		}
		out := s.Like(t, p.n, k)
		for i := range p.n * w[2] {
			all.Copy(i*run, run, out, i*4*run4)
		}
		return out
	})
	programs := p.programs(lim)
	if !lim.wide {
		programs = programs[:min(len(programs), 2)]
	}
	for i, q := range programs {
		programs[i].Name = "im2col " + q.Name
		programs[i].Kernels = append([]Kernel{rows}, q.Kernels...)
		programs[i].Scratch = []int{m * k}
		programs[i].Pack = map[int]Layout{1: columns.then(q.Pack[1])}
	}
	return programs
}
