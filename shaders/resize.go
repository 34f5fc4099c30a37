package shaders

import (
	"fmt"
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

func resize(op graph.Resize, part Part, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	x := args[0]
	steps := op.Steps(part.whole(x))
	if op.Antialias {
		return []Program{twoPass("resize_filter", Set{"CUBIC": op.Mode == graph.Bicubic}, part, x, result, steps)}
	}
	program := func(name string, lanes int) Program {
		n := result.Len() / lanes
		return Program{Name: name + " " + op.Mode.String(), Kernels: []Kernel{{
			File:     "resize",
			Set:      element(lanes).with(Set{"MODE": int(op.Mode), "ALIGN": op.AlignCorners}),
			Grid:     Flat(n, 64),
			Bindings: inOut(1, 0),
			Sizes: slices.Concat(
				sizes("n in_h in_w out_h out_w channels", n, x[1], x[2], result[1], result[2], x[3]/lanes),
				sizes("step_y step_x", float64(steps[0]), float64(steps[1])),
				sizes("whole_h first from_row", part.whole(x)[1], part.First, part.From)),
		}}}
	}
	programs := []Program{program("resize", 1)}
	if x[3]%4 == 0 {
		programs = append([]Program{program("resize_vec4", 4)}, programs...)
	}
	if lim.Kind == GPU && op.Mode == graph.Bilinear && steps[0] <= 0.75 {
		p, first := resizeRows(op, part, x, result, steps)
		if first {
			programs = append([]Program{p}, programs...)
		} else {
			programs = append(programs, p)
		}
	}
	if op.Mode < graph.Bilinear || 4*int64(x[0]*x[1]*result[2]*x[3]) > lim.StorageBinding {
		return programs
	}
	set := Set{"MODE": int(op.Mode), "ALIGN": op.AlignCorners}
	p := twoPass("resize_axis", set, part, x, result, steps)
	p.Name += " " + op.Mode.String()
	// Scratch pays if it is small and the second pass reads vec4s where the direct kernel
	// cannot.
	if 2*x[1] <= result[1] && (op.Mode == graph.Bicubic || x[3]%4 != 0 && result[2]*x[3]%4 == 0) {
		return append([]Program{p}, programs...)
	}
	return append(programs, p)
}

// resizeRows returns the program whose invocations compute several rows of y, which share
// rows of x, and whether they are enough for a large card.
func resizeRows(op graph.Resize, part Part, x, y tensor.Shape, steps [2]float32) (p Program, first bool) {
	width := 1
	if x[3]%4 == 0 {
		width = 4
	}
	const rows = 8
	c, bands := x[3]/width, ceil(y[1], rows)
	n := y[0] * bands * y[2] * c
	return Program{Name: fmt.Sprintf("resize %v rows%d", op.Mode, rows), Kernels: []Kernel{{
		File:     "resize_rows",
		Set:      element(width).with(Set{"ALIGN": op.AlignCorners, "ROWS": rows}),
		Grid:     Flat(n, 64),
		Bindings: inOut(1, 0),
		Sizes: slices.Concat(
			sizes("n in_h in_w out_h out_w channels", n, x[1], x[2], y[1], y[2], c),
			sizes("step_y step_x", float64(steps[0]), float64(steps[1])),
			sizes("whole_h first from_row bands block", part.whole(x)[1], part.First, part.From, bands, nearBlock(c, width, 128))),
	}}}, busy(y, width*rows)
}

// twoPass returns the program that resizes across into scratch [B, H, OUT_W, C], and then
// down. PyTorch sums in this order.
func twoPass(kernel string, set Set, part Part, x, y tensor.Shape, steps [2]float32) Program {
	pass := func(part Part, whole, outer, in, out, inner int, step float32, from, to int) Kernel {
		lanes := 1
		if inner%4 == 0 {
			lanes = 4
		}
		n := outer * out * inner / lanes
		return Kernel{
			File:     kernel,
			Set:      set.with(element(lanes)),
			Grid:     Flat(n, 64),
			Bindings: inOut(to, from),
			Sizes: slices.Concat(sizes("n extent out inner", n, whole, out, inner/lanes),
				sizes("step", float64(step)), sizes("given first from_out", in, part.First, part.From)),
		}
	}
	return Program{
		Name: kernel,
		Kernels: []Kernel{
			pass(Part{}, x[2], x[0]*x[1], x[2], y[2], x[3], steps[1], 0, 2),
			pass(part, part.whole(x)[1], x[0], x[1], y[1], y[2]*x[3], steps[0], 2, 1),
		},
		Scratch: []int{x[0] * x[1] * y[2] * x[3]},
	}
}
