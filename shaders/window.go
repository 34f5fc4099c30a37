package shaders

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// The window kernels read x from storage and the weight through a uniform
// binding. An invocation computes windowRows rows by windowCols columns.
const (
	windowRows   = 8
	windowCols   = 16
	windowFloats = Window / 4
)

// windowing is how a weight [N, C, taps] is cut into windows: parts of step
// channels, one after the other, each cut into windows of cols columns.
type windowing struct {
	n, c, taps int // c a multiple of 4, as packed
	step, cols int
}

// newWindowing cuts a weight for m rows of x. It reports false if the taps of
// 16 columns by 4 channels are too many for a window.
func newWindowing(m, n, c, taps int) (windowing, bool) {
	c4 := 4 * ceil(c, 4)
	w := windowing{n: n, c: c4, taps: taps}
	most := windowFloats / (taps * windowCols) / 4 * 4 // channels of the fewest columns
	if most == 0 {
		return w, false
	}
	// With few rows a window must hold more columns, to have work for a few
	// thousand invocations.
	for most > 64 && ceil(m, windowRows)*(windowFloats/(taps*most)/windowCols) < 100 {
		most = most / 2 / 4 * 4
	}
	parts := ceil(c4, most)
	w.step = 4 * ceil(ceil(c4, parts), 4)
	w.cols = min(windowCols*ceil(n, windowCols), windowFloats/(taps*w.step)/windowCols*windowCols)
	return w, true
}

// kernels makes one dispatch for each window, in the order of pack. params
// lists the sizes that differ: channels, first channel, first column, columns
// and part.
func (w windowing) kernels(m int, source string, bind []int, params func(step, first, column, cols, part int) []int) []Kernel {
	var ks []Kernel
	at := int64(0)
	for first := 0; first < w.c; first += w.step {
		step := min(w.step, w.c-first)
		part := 0
		if first == 0 {
			part |= 1
		}
		if first+step == w.c {
			part |= 2
		}
		for column := 0; column < w.n; column += w.cols {
			cols := min(w.cols, windowCols*ceil(w.n-column, windowCols))
			ks = append(ks, Kernel{
				Source: source,
				Grid:   flat(ceil(m, windowRows)*(cols/windowCols), windowRows),
				Bind:   bind,
				Offset: []int64{0, at, 0, 0, 0},
				Params: words(params(step/4, first/4, column, cols, part)...),
			})
			at += 4 * int64(w.cols*w.taps*step)
		}
	}
	return ks
}

// packing lays the weight [N, C, taps...] out: for each part, blocks of 4
// columns by 4 channels, channel innermost, as [N/4, taps, step/4, 4, 4], and
// a window of zeros at the end.
func (w windowing) packing() Packing {
	return Packing{
		Name: fmt.Sprintf("window %d×%d", w.step, w.cols),
		Pack: func(t *tensor.Tensor) *tensor.Tensor {
			c := t.Shape[1]
			padded := w.cols * ceil(w.n, w.cols)
			out := make([]float32, padded*w.c*w.taps+windowFloats)
			at := 0
			for first := 0; first < w.c; first += w.step {
				for n0 := 0; n0 < padded; n0 += 4 {
					for tap := range w.taps {
						for c0 := first; c0 < min(first+w.step, w.c); c0 += 4 {
							for i := n0; i < n0+4; i++ {
								for j := c0; j < c0+4; j++ {
									if i < w.n && j < c {
										out[at] = t.Data[(i*c+j)*w.taps+tap]
									}
									at++
								}
							}
						}
					}
				}
			}
			return tensor.Of(out, len(out))
		},
	}
}

// linearWindow is for devices that read uniforms faster than storage.
func linearWindow(op graph.Linear, args []tensor.Shape, result tensor.Shape) []Program {
	n, k := args[1][0], args[1][1]
	m := result.Len() / n
	w, ok := newWindowing(m, n, k, 1)
	if !ok || n%4 != 0 || k%4 != 0 {
		return nil
	}
	bias, residual, set := epilogue(op.Epilogue, 2)
	return []Program{{
		Name: "linear_window",
		Kernels: w.kernels(m, must("linear_window", set), []int{0, 1, bias, residual, len(args)},
			func(step, first, column, cols, part int) []int {
				return []int{m, n, k / 4, step, first, column, cols, part}
			}),
		Pack: map[int]Packing{1: w.packing()},
	}}
}

// conv2dWindow is the same for convolutions without groups. Where four does
// not divide the channels, rows of windows are laid out first.
func conv2dWindow(op graph.Conv2d, args []tensor.Shape, result tensor.Shape) []Program {
	if op.Groups > 1 {
		return nil
	}
	x, weight := args[0], args[1]
	bias, residual, set := epilogue(op.Epilogue, 2)
	p := Program{}
	source := "conv2d_window"
	if result[3]%4 != 0 {
		source = "conv2d_window_scalar"
	}
	var rows Packing
	at := 0 // x, or its rows in scratch
	if x[3]%4 != 0 {
		k := weight[3] * x[3]
		k4 := ceil(k, 4)
		n := x[0] * x[1] * result[2] * k4
		at = len(args) + 1
		p.Name = " im2row"
		p.Scratch = []int{4 * n}
		p.Kernels = []Kernel{{
			Source: must("im2row", nil),
			Grid:   flat(n, 64),
			Bind:   []int{0, at},
			Params: words(n, x[2], x[3], result[2], k4, weight[3], op.Stride[1], op.Pad[1], op.Dilation[1]),
		}}
		rows = Packing{"rows", func(w *tensor.Tensor) *tensor.Tensor {
			return w.Permute(0, 3, 1, 2).Reshape(w.Shape[0], k, w.Shape[2], 1)
		}}
		x = tensor.Shape{x[0], x[1], result[2], 4 * k4}
		weight = tensor.Shape{weight[0], k, weight[2], 1}
		op.Stride[1], op.Pad[1], op.Dilation[1] = 1, 0, 1
	}
	kh, kw := weight[2], weight[3]
	m := result.Len() / result[3]
	w, ok := newWindowing(m, result[3], weight[1], kh*kw)
	if !ok {
		return nil
	}
	p.Kernels = append(p.Kernels, w.kernels(m, must(source, set), []int{at, 1, bias, residual, len(args)},
		func(step, first, column, cols, part int) []int {
			return []int{m, result[3], x[1], x[2], x[3] / 4, result[1], result[2], kh, kw,
				op.Stride[0], op.Stride[1], op.Pad[0], op.Pad[1], op.Dilation[0], op.Dilation[1],
				step, first, column, cols, part}
		})...)
	p.Name = source + p.Name
	p.Pack = map[int]Packing{1: w.packing()}
	if rows.Pack != nil {
		p.Pack[1] = rows.then(p.Pack[1])
	}
	return []Program{p}
}
