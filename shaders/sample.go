package shaders

import (
	"math"
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

func gridSample(op graph.GridSample, args []tensor.Shape, result tensor.Shape) []Program {
	x, solid := args[0], len(args[0]) == 5
	last := len(x) - 1
	n0 := 1
	if solid {
		n0 = x[1]
	}
	set := Set{"MODE": int(op.Mode), "BORDER": int(op.Border), "ALIGN": op.AlignCorners, "SOLID": solid}
	return byFour("grid_sample", set, x[last], func(c, per int) Kernel {
		return Kernel{
			Grid:     Flat(result.Len()/per, 64),
			Bindings: inOut(2, 0, 1),
			Sizes:    sizes("n n0 n1 n2 c p", result.Len()/per, n0, x[last-2], x[last-1], c, result[1:last].Len()),
		}
	})
}

func roiAlign(op graph.RoiAlign, args []tensor.Shape, result tensor.Shape) []Program {
	x, scale, shift, least := args[0], op.Scale, 0.0, 1.0
	if scale == 0 {
		scale = 1
	}
	if op.HalfPixel {
		shift, least = 0.5, math.Inf(-1)
	}
	return byFour("roi_align", Set{"MAX": op.Max}, x[3], func(c, per int) Kernel {
		return Kernel{
			Grid:     Flat(result.Len()/per, 64),
			Bindings: inOut(3, 0, 1, 2),
			Sizes: slices.Concat(sizes("n b h w c oh ow samples", result.Len()/per, x[0], x[1], x[2], c, result[1], result[2], op.Samples),
				sizes("scale shift least", scale, shift, least), lowest, notANumber),
		}
	})
}

func deformColumns(op graph.DeformColumns, args []tensor.Shape, result tensor.Shape) []Program {
	op = op.Defaults()
	x, mask := args[0], Absent
	if op.Mask {
		mask = 2
	}
	return []Program{{Name: "deform_columns", Kernels: []Kernel{{
		File:     "deform_columns",
		Set:      Set{"MASK": op.Mask},
		Grid:     Flat(result.Len(), 64),
		Bindings: inOut(len(args), 0, 1, mask),
		Sizes: sizes("n h w c oh ow kw taps groups cg stride_h stride_w pad_h pad_w dilation_h dilation_w",
			result.Len(), x[1], x[2], x[3], result[1], result[2], op.Size[1], op.Size[0]*op.Size[1], op.Groups, x[3]/op.Groups,
			op.Stride[0], op.Stride[1], op.Pad[0], op.Pad[1], op.Dilation[0], op.Dilation[1]),
	}}}}
}

// nonMaxSuppression lists a kernel that chooses the boxes of each line, and one that writes
// the rows of all lines.
func nonMaxSuppression(op graph.NonMaxSuppression, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	b, n, classes := args[0][0], args[0][1], args[1][1]
	lines, k := b*classes, min(op.Most, n)
	wg := 256
	if lim.Kind == CPU || lim.WorkgroupSize < 256 {
		wg = 8 // more lanes only wait
	}
	left, number := 3, Absent
	if op.Count {
		left, number = 4, 2
	}
	chosen, found := left+1, left+2
	choose := Kernel{
		File:     "nms",
		Set:      Set{"FILTER": op.Filter, "CENTERS": op.Centers, "COUNT": op.Count, "WG": wg},
		Grid:     Flat(lines, 1),
		Bindings: slices.Concat(reads(0, 1), writes(left, chosen, found), reads(number)),
		Sizes:    append(sizes("lines classes n k", lines, classes, n, k), sizes("iou above", op.IoU, op.Score)...),
	}
	rows := Kernel{
		File:     "nms_rows",
		Grid:     Flat(result[0], 64),
		Bindings: inOut(left-1, chosen, found),
		Sizes:    sizes("rows lines classes k", result[0], lines, classes, k),
	}
	return []Program{{Name: "non_max_suppression", Kernels: []Kernel{choose, rows}, Scratch: []int{lines * n, lines * k, lines}}}
}
