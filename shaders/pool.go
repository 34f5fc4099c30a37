package shaders

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

func maxPool2d(op graph.MaxPool2d, part Part, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	programs := pool2d("max_pool2d", op.Window, part, 0, Set{"MAX": true}, args, result)
	x, w := args[0], op.Defaults()
	above := part.pad(w.Pad[0], w.Stride[0])
	if x[3]%4 != 0 || w.Dilation != graph.Both(1) || w.Stride[1] >= w.Size[1] {
		return append(smallPool2d("max_pool2d", w, above, true, x, result, lim), programs...)
	}
	blocks := ceil(result[2], 4)
	n := result[0] * result[1] * blocks * x[3] / 4
	programs = append([]Program{{Name: "max_pool2d_across", Kernels: []Kernel{{
		File:     "max_pool2d_across",
		Grid:     Flat(n, 64),
		Bindings: inOut(1, 0),
		Sizes: append(sizes("n h w c4 oh ow kh kw stride_h stride_w pad_h pad_w blocks",
			n, x[1], x[2], x[3]/4, result[1], result[2], w.Size[0], w.Size[1],
			w.Stride[0], w.Stride[1], above, w.Pad[1], blocks), lowest...),
	}}}}, programs...)
	return append(smallPool2d("max_pool2d", w, above, true, x, result, lim), programs...)
}

// smallPool2d lists the kernel for windows of up to 3x3 pixels. Unrolled loads are for GPUs.
func smallPool2d(name string, w graph.Window, above int, largest bool, x, result tensor.Shape, lim Limits) []Program {
	if lim.Kind == CPU || max(w.Size[0], w.Size[1]) > 3 || w.Dilation != graph.Both(1) ||
		2*w.Pad[0] > w.Size[0] || 2*w.Pad[1] > w.Size[1] ||
		(result[1]-1)*w.Stride[0]-above >= x[1] || (result[2]-1)*w.Stride[1]-w.Pad[1] >= x[2] {
		return nil
	}
	width := 1
	if x[3]%4 == 0 {
		width = 4
	}
	c := x[3] / width
	rows, near := 2, 128 // bytes
	if w.Stride[0] == 1 {
		rows, near = 6, 64
	}
	program := func(rows int) Program {
		p := fmt.Sprintf("%s %dx%d", name, w.Size[0], w.Size[1])
		set := element(width).with(Set{"MAX": largest, "KH": w.Size[0], "KW": w.Size[1]})
		block := c
		if rows > 1 {
			p = fmt.Sprintf("%s rows%d", p, rows)
			set = set.with(Set{"ROWS": rows, "STRIDE": w.Stride[0]})
			block = nearBlock(c, width, near)
		}
		bands := ceil(result[1], rows)
		n := result[0] * bands * result[2] * c
		return Program{Name: p, Kernels: []Kernel{{
			File:     "pool2d_small",
			Set:      set,
			Grid:     Flat(n, 64),
			Bindings: inOut(1, 0),
			Sizes: sizes("n h w c oh ow stride_h stride_w pad_h pad_w bands block",
				n, x[1], x[2], c, result[1], result[2], w.Stride[0], w.Stride[1], above, w.Pad[1], bands, block),
		}}}
	}
	each := program(1)
	switch {
	case w.Stride[0] >= w.Size[0]: // windows share nothing
		return []Program{each}
	case busy(result, width*rows):
		return []Program{program(rows), each}
	}
	return []Program{each, program(rows)}
}

// busy reports whether a large card has enough to do if an invocation computes so many
// numbers of y.
func busy(y tensor.Shape, each int) bool { return y.Len()/each >= 128*64 }

// nearBlock returns how many of a pixel's n Elements of so many numbers lie side by side in
// a workgroup that has several pixels: those of 64 bytes or more, up to most, or all.
func nearBlock(n, width, most int) int {
	for size := most / 4 / width; size >= 16/width; size-- {
		if n%size == 0 {
			return size
		}
	}
	return n
}

// lowest is the value with which a maximum begins.
var lowest = sizes("lowest", math.Inf(-1))

func avgPool2d(op graph.AvgPool2d, part Part, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	programs := pool2d("avg_pool2d", op.Window, part, op.Divisor, Set{"MAX": false, "COUNT_PAD": !op.ExcludePad, "DILATED": op.Window.Defaults().Dilation != graph.Both(1)}, args, result)
	if x := args[0]; op.Size == (graph.Pair{x[1], x[2]}) && op.Pad == (graph.Pair{}) && op.Extra == (graph.Pair{}) &&
		op.Divisor == 0 && part == (Part{}) {
		return append(reduceColumns(graph.Mean, x[0], x[1]*x[2], x[3], lim), programs...)
	}
	w, x := op.Window.Defaults(), args[0]
	above := part.pad(0, w.Stride[0])
	inside := (result[1]-1)*w.Stride[0]+w.Size[0]-above <= x[1] && (result[2]-1)*w.Stride[1]+w.Size[1] <= x[2]
	if w.Pad == (graph.Pair{}) && op.Divisor == 0 && inside {
		return append(smallPool2d("avg_pool2d", w, above, false, x, result, lim), programs...)
	}
	return programs
}

func pool2d(name string, w graph.Window, part Part, divisor int, set Set, args []tensor.Shape, result tensor.Shape) []Program {
	w = w.Defaults()
	x := args[0]
	// Where the padding ends, from the top of the first window.
	ends := graph.Pair{part.whole(x)[1] + 2*w.Pad[0] + w.Extra[0] - part.From*w.Stride[0], x[2] + 2*w.Pad[1] + w.Extra[1]}
	above := part.pad(w.Pad[0], w.Stride[0])
	program := func(name string, width int) Program {
		n := result.Len() / width
		lengths := sizes("n h w c oh ow kh kw stride_h stride_w pad_h pad_w dilation_h dilation_w end_h end_w divisor",
			n, x[1], x[2], x[3]/width, result[1], result[2], w.Size[0], w.Size[1],
			w.Stride[0], w.Stride[1], above, w.Pad[1], w.Dilation[0], w.Dilation[1], ends[0], ends[1], divisor)
		return Program{Name: name, Kernels: []Kernel{{
			File:     "pool2d",
			Set:      set.with(element(width)),
			Grid:     Flat(n, 64),
			Bindings: inOut(1, 0),
			Sizes:    append(lengths, lowest...),
		}}}
	}
	programs := []Program{program(name, 1)}
	if x[3]%4 == 0 {
		programs = append([]Program{program(name+" vec4", 4)}, programs...)
	}
	return programs
}

func maxPool2dIndex(op graph.MaxPool2dIndex, args []tensor.Shape, result tensor.Shape) []Program {
	x, w, n := args[0], op.Defaults(), result.Len()
	down, across := x[2], 1
	if op.Columns {
		down, across = 1, x[1]
	}
	return []Program{{Name: "max_pool2d_index", Kernels: []Kernel{{
		File:     "max_pool2d_index",
		Grid:     Flat(n, 64),
		Bindings: inOut(1, 0),
		Sizes: sizes("n h w c oh ow kh kw stride_h stride_w pad_h pad_w dilation_h dilation_w step_h step_w",
			n, x[1], x[2], x[3], result[1], result[2], w.Size[0], w.Size[1], w.Stride[0], w.Stride[1],
			w.Pad[0], w.Pad[1], w.Dilation[0], w.Dilation[1], down, across),
	}}}}
}

func adaptivePool2d(op graph.AdaptivePool2d, part Part, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	x, n := args[0], result.Len()
	program := func(name string, width int) Program {
		return Program{Name: name, Kernels: []Kernel{{
			File:     "adaptive_pool2d",
			Set:      Set{"MAX": op.Max}.with(element(width)),
			Grid:     Flat(n/width, 64),
			Bindings: inOut(1, 0),
			Sizes: sizes("n h w c oh ow whole_h whole_oh first from_row",
				n/width, x[1], x[2], x[3]/width, result[1], result[2], part.whole(x)[1], op.Out[0], part.First, part.From),
		}}}
	}
	programs := []Program{program("adaptive_pool2d", 1)}
	if x[3]%4 == 0 {
		programs = append([]Program{program("adaptive_pool2d_vec4", 4)}, programs...)
	}
	if op.Out == graph.Both(1) && part == (Part{}) {
		kind := graph.Mean
		if op.Max {
			kind = graph.Max
		}
		return append(reduceColumns(kind, x[0], x[1]*x[2], x[3], lim), programs...)
	}
	return programs
}
