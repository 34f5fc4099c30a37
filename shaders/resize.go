package shaders

import (
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

func resize(op graph.Resize, args []tensor.Shape, result tensor.Shape) []Program {
	x := args[0]
	steps := op.Steps(x, result)
	bits := func(f float32) int { return int(math.Float32bits(f)) }
	if op.Antialias {
		// Across first, as PyTorch does, into scratch [B, H, OUT_W, C].
		pass := func(outer, in, out, inner int, step float32, bind ...int) Kernel {
			name, lanes := "resize_filter", 1
			if inner%4 == 0 {
				name, lanes = "resize_filter_vec4", 4
			}
			n := outer * out * inner / lanes
			return Kernel{
				Source: must(name, Set{"CUBIC": op.Mode == graph.Bicubic}),
				Grid:   flat(n, 64),
				Bind:   bind,
				Params: words(n, in, out, inner/lanes, bits(step)),
			}
		}
		return []Program{{
			Name: "resize_filter",
			Kernels: []Kernel{
				pass(x[0]*x[1], x[2], result[2], x[3], steps[1], 0, 2),
				pass(x[0], x[1], result[1], result[2]*x[3], steps[0], 2, 1),
			},
			Scratch: []int{x[0] * x[1] * result[2] * x[3]},
		}}
	}
	program := func(name string, lanes int) Program {
		n := result.Len() / lanes
		return Program{Name: name + " " + op.Mode.String(), Kernels: []Kernel{{
			Source: must(name, Set{"MODE": int(op.Mode), "ALIGN": op.AlignCorners}),
			Grid:   flat(n, 64),
			Bind:   []int{0, 1},
			Params: words(n, x[1], x[2], result[1], result[2], x[3]/lanes, bits(steps[0]), bits(steps[1])),
		}}}
	}
	programs := []Program{program("resize", 1)}
	if x[3]%4 == 0 {
		programs = append([]Program{program("resize_vec4", 4)}, programs...)
	}
	return programs
}
