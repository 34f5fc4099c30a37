package shaders

import (
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// channelsLast is the layout [O, kH, kW, C/G] of a convolution's weight.
var channelsLast = moves("ohwi", func(w *tensor.Tensor, s *tensor.Scratch) *tensor.Tensor { return s.Permute(w, 0, 2, 3, 1) })

// conv2dTiled lists the kernels for a convolution that use workgroup memory. They
// compute it as a matrix product of windows and weights.
func conv2dTiled(op conv, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	small := args[1][2]*args[1][3] == 1
	op, args = folded(op, args)
	x, w := args[0], args[1]
	g := gemm{
		z: op.Groups, m: result[0] * result[1] * result[2], n: w[0] / op.Groups, k: w[1] * w[2] * w[3],
		left: x.Len(), transB: true, end: op.end(),
	}
	source, width, in := "conv2d_tiled_narrow", 1, 4
	const side = 16 // of a window: a bit of a u32 for each row and column
	switch {
	case w[1]%4 > 0 || max(w[2], w[3]) > side:
		return conv2dSingle(g, op, args, result, lim)
	case g.n%4 == 0:
		source, width = "conv2d_tiled_vec4", 4
	}
	var pack map[int]Layout
	if !small {
		pack = map[int]Layout{1: channelsLast}
	}
	const origin = 8 // bytes of each row's
	var programs []Program
	for _, t := range g.tilings(lim, width == 4, origin) {
		sizes := sizes(counts(width, "m n* ")+counts(in, "k* k_slice h w c* oh ow ")+counts(width, "o* kw ")+
			counts(in, "cg* stride_h stride_w pad_h pad_w dilation_h dilation_w side"),
			g.m, g.n/width, g.k/in, g.slice(t.tile, t.splits),
			x[1], x[2], x[3]/in, result[1], result[2], w[0]/width, w[3], w[1]/in,
			op.Stride[0], op.Stride[1], op.Pad[0], op.Pad[1], op.Dilation[0], op.Dilation[1], max(w[2], w[3]))
		p := g.program(source+" "+t.String(), source, t, Set{"TRANS_B": true, "STEADY": w[1]%t.k == 0}, len(args), sizes)
		p.Pack = pack
		programs = append(programs, p)
	}
	return programs
}

// conv2dSingle lists the kernels that read x number by number, in runs.
func conv2dSingle(g gemm, op conv, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	x, w := args[0], args[1]
	run, across := w[1], w[3] // numbers in a run, and runs in a row of the window
	if op.Groups == 1 && op.Dilation[1] == 1 {
		run, across = w[3]*w[1], 1
	}
	fours := ceil(run, 4)
	g.k = w[2] * across * fours * 4
	pack := map[int]Layout{1: channelsLast.then(runs(run))}
	const source, origin, bits = "conv2d_tiled", 16, 32 // bytes of each row's; of a mask
	var programs []Program
	for _, t := range g.tilings(lim, false, origin) {
		sizes := sizes("m n k4 k_slice h w c oh ow o kh kw cg cg4 run stride_h stride_w pad_h pad_w dilation_h dilation_w",
			g.m, g.n, g.k/4, g.slice(t.tile, t.splits),
			x[1], x[2], x[3], result[1], result[2], w[0], w[2], across, w[1], fours, run,
			op.Stride[0], op.Stride[1], op.Pad[0], op.Pad[1], op.Dilation[0], op.Dilation[1])
		set := Set{"TRANS_B": true, "WHOLE": across == 1 && max(w[2], run) <= bits, "APART": lim.ReadsApart}
		p := g.program(source+" "+t.String(), source, t, set, len(args), sizes)
		p.Pack = pack
		programs = append(programs, p)
	}
	return programs
}

// runs is the layout [..., ceil(run/4), 4] of a weight [..., run], with zeros at the end of
// each run.
func runs(run int) Layout {
	if run%4 == 0 {
		return moves("", func(w *tensor.Tensor, _ *tensor.Scratch) *tensor.Tensor { return w })
	}
	return moves(fmt.Sprint("fours of ", run), func(w *tensor.Tensor, s *tensor.Scratch) *tensor.Tensor {
		n, padded := w.Shape.Len()/run, ceil(run, 4)*4
		out := s.Like(w, n, padded)
		for i := range n {
			w.Copy(i*run, run, out, i*padded)
		}
		return out
	})
}

// conv2dLinear lists the kernels that compute a convolution as a linear layer. There
// are none unless its windows, after folding, have one pixel.
func conv2dLinear(op conv, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	small := args[1][2]*args[1][3] == 1
	op, args = folded(op, args)
	x, w := args[0], args[1]
	if w[2]*w[3] > 1 || op.Groups > 1 || op.Stride != graph.Both(1) || op.Pad != (graph.Pair{}) ||
		x[1] != result[1] || x[2] != result[2] {
		return nil
	}
	m, k, n := x[0]*x[1]*x[2], x[3], w[0]
	as := append([]tensor.Shape{{m, k}, {n, k}}, args[2:]...)
	if op.Residual {
		as[len(as)-1] = tensor.Shape{m, n}
	}
	programs := linear(dense{graph.Linear{Epilogue: op.Epilogue}, op.onto}, as, tensor.Shape{m, n}, lim)
	for i := range programs {
		p := &programs[i]
		flat := moves("", func(w *tensor.Tensor, _ *tensor.Scratch) *tensor.Tensor { return w.Reshape(n, k) })
		if !small {
			flat = channelsLast.then(flat)
		}
		if next, ok := p.Pack[1]; ok {
			p.Pack = map[int]Layout{1: flat.then(next)}
		} else if !small {
			p.Pack = map[int]Layout{1: flat}
		}
	}
	return programs
}

// then packs with p and then with next.
func (p Layout) then(next Layout) Layout {
	pack := func(t *tensor.Tensor, s *tensor.Scratch) *tensor.Tensor { return next.Pack(p.Pack(t, s), s) }
	return Layout{strings.Trim(p.Name+"+"+next.Name, "+"), pack, p.Moves && next.Moves}
}

// folded simplifies a convolution whose windows neither overlap nor have padding
// across. A row of a window becomes one pixel: [B, H, W, C] is [B, H, W/kW, kW·C] in
// the same memory, and the weight [O, kH, kW, C] is [O, kH, 1, kW·C]. If a window then
// has the height of the image, the whole window becomes one pixel. Patch embeddings
// become matrix products or nearly so.
func folded(op conv, args []tensor.Shape) (conv, []tensor.Shape) {
	x, w := args[0].Clone(), args[1].Clone()
	if op.Groups > 1 || op.Extra != (graph.Pair{}) {
		return op, args
	}
	if k := w[3]; op.Pad[1] == 0 && op.Dilation[1] == 1 && x[2]%k == 0 && (op.Stride[1] == k || x[2] == k) {
		x[2], x[3], w[1], w[3], op.Stride[1] = x[2]/k, x[3]*k, w[1]*k, 1, 1
	}
	if k := w[2]; x[2] == 1 && w[3] == 1 && op.Pad == (graph.Pair{}) && op.Dilation[0] == 1 &&
		x[1]%k == 0 && (op.Stride[0] == k || x[1] == k) {
		x[1], x[3], w[1], w[2], op.Stride[0] = x[1]/k, x[3]*k, w[1]*k, 1, 1
	}
	return op, append([]tensor.Shape{x, w}, args[2:]...)
}
