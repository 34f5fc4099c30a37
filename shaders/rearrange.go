package shaders

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

func pixelShuffle(op graph.PixelShuffle, result tensor.Shape, lim Limits) []Program {
	return shuffle("pixel_shuffle", op.R, false, result, lim)
}

func pixelUnshuffle(op graph.PixelUnshuffle, result tensor.Shape, lim Limits) []Program {
	return shuffle("pixel_unshuffle", op.R, true, result, lim)
}

func shuffle(name string, r int, inverse bool, result tensor.Shape, lim Limits) []Program {
	n, width, channels := result.Len(), result[2], result[3]
	set := Set{"UNSHUFFLE": inverse}
	one := []Program{{Name: name, Kernels: []Kernel{{
		File:     "pixel_shuffle",
		Set:      set,
		Grid:     Flat(n, 64),
		Bindings: inOut(1, 0),
		Sizes:    sizes("n width channels r", n, width, channels, r),
	}}}}
	fours := n / 4
	if !inverse {
		fours /= r
	}
	if !inverse && width*channels%4 != 0 || inverse && channels%4 != 0 {
		return one
	}
	return preferred(lim, []Program{{Name: name + "_vec4", Kernels: []Kernel{{
		File:     "pixel_shuffle_vec4",
		Set:      set,
		Grid:     Flat(fours, 64),
		Bindings: inOut(1, 0),
		Sizes:    sizes("n row4 channels r width", fours, width*channels/4, channels, r, width),
	}}}}, one)
}
