package shaders

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

func patchMerge(args []tensor.Shape, result tensor.Shape) []Program {
	x, n := args[0], result.Len()
	return byFour("patch_merge", nil, x[3], func(c, per int) Kernel {
		return Kernel{Grid: Flat(n/per, 64), Bindings: inOut(1, 0), Sizes: sizes("n h w c", n/per, x[1], x[2], c)}
	})
}

func windowPartition(w graph.Windows, reverse bool, result tensor.Shape) []Program {
	n := result.Len()
	return byFour("window_partition", Set{"REVERSE": reverse}, result[3], func(c, per int) Kernel {
		return Kernel{Grid: Flat(n/per, 64), Bindings: inOut(1, 0), Sizes: sizes("n h w c window_h window_w count_h count_w shift_h shift_w",
			n/per, w.Size[0], w.Size[1], c,
			w.Window[0], w.Window[1], w.Count[0], w.Count[1], w.Shift[0], w.Shift[1])}
	})
}

func relativePositionBias(op graph.RelativePositionBias, result tensor.Shape) []Program {
	return []Program{{Name: "relative_position_bias", Kernels: []Kernel{{
		File:     "relative_position_bias",
		Grid:     Flat(result.Len(), 64),
		Bindings: inOut(1, 0),
		Sizes:    sizes("n heads window_h window_w", result.Len(), result[0], op.Window[0], op.Window[1]),
	}}}}
}
