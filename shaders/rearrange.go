package shaders

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

func pixelShuffle(op graph.PixelShuffle, _ []tensor.Shape, result tensor.Shape) []Program {
	return shuffle("pixel_shuffle", op.R, false, result)
}

func pixelUnshuffle(op graph.PixelUnshuffle, _ []tensor.Shape, result tensor.Shape) []Program {
	return shuffle("pixel_unshuffle", op.R, true, result)
}

func shuffle(name string, r int, inverse bool, result tensor.Shape) []Program {
	n := result.Len()
	return []Program{{Name: name, Kernels: []Kernel{{
		File:     "pixel_shuffle",
		Set:      Set{"UNSHUFFLE": inverse},
		Grid:     Flat(n, 64),
		Bindings: inOut(1, 0),
		Sizes:    sizes("n width channels r", n, result[2], result[3], r),
	}}}}
}
