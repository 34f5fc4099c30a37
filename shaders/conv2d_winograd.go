package shaders

import (
	"slices"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// winograd is one of Winograd's algorithms for convolution with a 3x3 kernel (Lavin
// and Gray, arXiv:1509.09308). It computes tiles of size×size outputs, each from a
// window of (size+2)² inputs, with (size+2)² matrix products.
type winograd struct {
	name string // of the kernels, without _input and _output
	size int
	g    [][3]float64 // transforms the weights: G g Gᵀ

	// channels is the largest number of channels. Up to it the rounding error is well
	// below 1e-5 of the largest value.
	channels int
}

// winograds are F(4x4, 3x3), with the points 0, ±3/4, ±3/2 and infinity, and
// F(2x2, 3x3). On random data the error of the first, relative to the largest value,
// is 4e-6 with 512 channels and 5e-6 with 1024; with the usual points 0, ±1, ±2 it is
// 1.2e-5 with 512. The error of the second is 8e-7 and 1.3e-6.
var winograds = []winograd{
	{"conv2d_winograd43", 4, points(0, 0.75, -0.75, 1.5, -1.5), 1024},
	{"conv2d_winograd23", 2, points(0, 1, -1), 1 << 20},
}

// points returns the matrix G for interpolation at p and at infinity.
func points(p ...float64) [][3]float64 {
	var g [][3]float64
	for i, a := range p {
		n := 1.0
		for j, b := range p {
			if j != i {
				n *= a - b
			}
		}
		g = append(g, [3]float64{1 / n, a / n, a * a / n})
	}
	return append(g, [3]float64{0, 0, 1})
}

// layout transforms a weight [O, C, 3, 3], in float64, to [(size+2)², O, C].
func (f winograd) layout() Layout {
	return Layout{Name: strings.TrimPrefix(f.name, "conv2d_"), Pack: func(w *tensor.Tensor, s *tensor.Scratch) *tensor.Tensor {
		n, oc := len(f.g), w.Shape[0]*w.Shape[1]
		u := s.New(n*n, w.Shape[0], w.Shape[1])
		for k := range oc {
			var half [8][3]float64 // G g
			for i, row := range f.g {
				for c := range 3 {
					for r := range 3 {
						half[i][c] += row[r] * float64(w.Data[9*k+3*r+c])
					}
				}
			}
			for i := range n {
				for j, row := range f.g {
					sum := row[0]*half[i][0] + row[1]*half[i][1] + row[2]*half[i][2]
					u.Data[(i*n+j)*oc+k] = float32(sum)
				}
			}
		}
		return u
	}}
}

// conv2dWinograd lists Winograd's algorithms for a 3x3 convolution with stride 1, the
// best guess first.
func conv2dWinograd(op conv, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	w := args[1]
	const few = 16 // channels; with fewer, the transforms cost more than they save
	if w[2] != 3 || w[3] != 3 || op.Groups > 1 || op.Stride != graph.Both(1) || op.Dilation != graph.Both(1) ||
		w[0] < few || w[1] < few || w[0]%4 != 0 || w[1]%4 != 0 {
		return nil
	}
	ways := slices.Clone(winograds)
	// On a small map much of a large tile is wasted.
	if small := 2 * ways[0].size; result[1] < small && result[2] < small {
		slices.Reverse(ways)
	}
	var programs []Program
	for _, f := range ways {
		if w[1] <= f.channels {
			programs = append(programs, f.programs(op, args, result, lim, true)...)
			if lim.wide && lim.Kind == CPU {
				programs = append(programs, f.programs(op, args, result, lim, false)...)
			}
		}
	}
	return programs
}

// programs lists the programs of f, one for each product. For software devices the loops of
// the transforms are rolled, or they are not.
func (f winograd) programs(op conv, args []tensor.Shape, result tensor.Shape, lim Limits, rolled bool) []Program {
	x, w := args[0], args[1]
	n := (f.size + 2) * (f.size + 2)
	down, across := ceil(result[1], f.size), ceil(result[2], f.size)
	tiles := x[0] * down * across
	if 4*int64(n)*int64(tiles)*int64(max(w[0], w[1])) > lim.StorageBinding {
		return nil
	}
	v, m := len(args)+1, len(args)+2 // scratch
	tiled := gemm{
		z: n, m: tiles, n: w[0], k: w[1], transB: true, scale: 1,
		batch: batch([3][4]int{{1, 1, 1, n}, {0, 0, 0, 1}, {0, 0, 0, 1}}),
	}.tiled("", len(args), lim)
	for i := range tiled {
		tiled[i].Kernels[0].Bindings = inOut(m, v, 1, Absent, Absent)
	}
	product := product{z: n, m: tiles, n: w[0], k: w[1], bind: []int{v, 1, Absent, Absent, m}}
	panes := product.programs(lim)
	if 4*int64(n)*int64(w[0])*int64(w[1]) > lim.StorageBinding { // only panes of the weights can be bound
		if lim.Kind == GPU {
			return nil
		}
		tiled, panes = nil, product.weights(4)
	}
	fewTiled, fewPanes := 1, 2
	if lim.wide && lim.Kind == CPU && rolled {
		fewPanes = len(panes)
	}
	switch {
	case lim.wide && lim.Kind == GPU:
		fewTiled = 8
	case !rolled:
		fewTiled = 0
	}
	tiled, panes = tiled[:min(len(tiled), fewTiled)], panes[:min(len(panes), fewPanes)]
	products := preferred(lim, tiled, panes)

	lengths := func(channels int) Sizes {
		return sizes("h w c4 oh ow pad_h pad_w tiles_h tiles_w tiles side",
			x[1], x[2], channels/4, result[1], result[2], op.Pad[0], op.Pad[1], down, across, tiles, f.size+2)
	}
	// llvmpipe compiles loops fast, and takes seconds for unrolled transforms.
	form, lanes, variant := "", 64, ""
	if lim.Kind == CPU && !rolled {
		variant = " unrolled"
	} else if lim.Kind == CPU {
		form, lanes = "_rolled", 8
	}
	bias, residual, _ := op.end().args(2)
	var programs []Program
	for _, p := range products {
		pack := f.layout()
		if next, ok := p.Pack[1]; ok {
			pack = pack.then(next)
		}
		kernels := []Kernel{{
			File:     f.name + "_input" + form,
			Grid:     Flat(tiles*w[1]/4, lanes),
			Bindings: inOut(v, 0),
			Sizes:    lengths(w[1]),
		}}
		kernels = append(kernels, p.Kernels...)
		kernels = append(kernels, Kernel{
			File:     f.name + "_output" + form,
			Set:      op.end().act(),
			Grid:     Flat(tiles*w[0]/4, lanes),
			Bindings: inOut(len(args), m, bias, residual),
			Sizes:    append(lengths(w[0]), sizes("epilogue", op.end().flags())...),
		})
		next := Program{
			Name:    f.name + " " + strings.Trim(p.Name, " _") + variant,
			Kernels: kernels,
			Scratch: []int{n * tiles * w[1], n * tiles * w[0]},
			Pack:    map[int]Layout{1: pack},
			exact:   f.size > 2, // the large transform enlarges what rounding loses
		}
		if p.clocks > 0 {
			next.clocks = move(x.Len()+n*tiles*w[1]) + p.clocks + move(n*tiles*w[0]+result.Len())
		}
		programs = append(programs, next)
	}
	return programs
}
