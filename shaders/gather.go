package shaders

import (
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// notANumber is the result for an index outside its range.
var notANumber = sizes("nan", math.NaN())

func gather(op graph.Gather, args []tensor.Shape, result tensor.Shape) []Program {
	x := args[0]
	lead := make(tensor.Shape, graph.MaxRank-len(x))
	for i := range lead {
		lead[i] = 1
	}
	strides := x.Strides()
	extent, stride := x[op.Axis], strides[op.Axis]
	strides[op.Axis] = 0
	lengths := append([]int{result.Len()}, append(lead, result...)[1:]...)
	lengths = append(lengths, make([]int, len(lead))...)
	lengths = append(append(lengths, strides...), extent, stride)
	return []Program{{Name: "gather", Kernels: []Kernel{{
		File:     "gather",
		Grid:     Flat(result.Len(), 64),
		Bindings: inOut(2, 0, 1),
		Sizes:    append(sizes("n d1 d2 d3 d4 d5 s0 s1 s2 s3 s4 s5 extent stride", lengths...), notANumber...),
	}}}}
}

func takeRows(op graph.TakeRows, args []tensor.Shape, result tensor.Shape) []Program {
	_, n, c, l := op.Sizes(args)
	return selectRows(n, c, l, false, []int{0, 1, 2}, result.Len())
}

func embedding(args []tensor.Shape, result tensor.Shape) []Program {
	return selectRows(args[1][0], args[1][1], args[0].Len(), false, []int{1, 0, 2}, result.Len())
}

func selectAlong(op graph.Select, args []tensor.Shape, result tensor.Shape) []Program {
	outer, n, inner := graph.Along(args[0], op.Axis)
	return selectRows(n, inner, args[1].Len(), outer > 1, []int{0, 1, 2}, result.Len())
}

func selectRows(n, c, l int, shared bool, bind []int, total int) []Program {
	return byFour("take_rows", Set{"SHARED": shared}, c, func(c, per int) Kernel {
		return Kernel{Grid: Flat(total/per, 64), Bindings: inOut(bind[2], bind[:2]...), Sizes: append(sizes("total n c l", total/per, n, c, l), notANumber...)}
	})
}

func resample(op graph.Resample, args []tensor.Shape, result tensor.Shape) []Program {
	_, n, inner := graph.Along(args[0], op.Axis)
	l, k := args[1][0], args[1][1]
	return byFour("resample", nil, inner, func(r, per int) Kernel {
		return Kernel{
			Grid:     Flat(result.Len()/per, 64),
			Bindings: inOut(3, 0, 1, 2),
			Sizes:    append(sizes("total n r l k", result.Len()/per, n, r, l, k), notANumber...),
		}
	})
}

// byFour lists a kernel that moves vec4s, if c channels are a multiple of 4, and one that
// moves single elements. It calls build with the channels in the kernel's unit and
// the size of the unit.
func byFour(name string, set Set, c int, build func(c, per int) Kernel) []Program {
	var programs []Program
	if c%4 == 0 {
		k := build(c/4, 4)
		k.File, k.Set = name, set.with(element(4))
		programs = append(programs, Program{Name: name + "_vec4", Kernels: []Kernel{k}})
	}
	k := build(c, 1)
	k.File, k.Set = name, set.with(element(1))
	return append(programs, Program{Name: name, Kernels: []Kernel{k}})
}
