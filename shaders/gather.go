package shaders

import (
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// nanBits is what an index outside its range selects.
var nanBits = int(math.Float32bits(float32(math.NaN())))

func gather(op graph.Gather, args []tensor.Shape, result tensor.Shape) []Program {
	x := args[0]
	lead := make(tensor.Shape, graph.MaxRank-len(x))
	for i := range lead {
		lead[i] = 1
	}
	strides := x.Strides()
	extent, stride := x[op.Axis], strides[op.Axis]
	strides[op.Axis] = 0
	params := append([]int{result.Len()}, append(lead, result...)[1:]...)
	params = append(params, make([]int, len(lead))...)
	params = append(append(params, strides...), extent, stride, nanBits)
	return []Program{{Name: "gather", Kernels: []Kernel{{
		Source: must("gather", nil),
		Grid:   flat(result.Len(), 64),
		Bind:   []int{0, 1, 2},
		Params: words(params...),
	}}}}
}

func takeRows(op graph.TakeRows, args []tensor.Shape, result tensor.Shape) []Program {
	_, n, c, l := op.Sizes(args)
	return selectRows(n, c, l, []int{0, 1, 2}, result.Len())
}

func embedding(args []tensor.Shape, result tensor.Shape) []Program {
	return selectRows(args[1][0], args[1][1], args[0].Len(), []int{1, 0, 2}, result.Len())
}

func selectRows(n, c, l int, bind []int, total int) []Program {
	return byFour("take_rows", nil, c, func(c, per int) Kernel {
		return Kernel{Grid: flat(total/per, 64), Bind: bind, Params: words(total/per, n, c, l, nanBits)}
	})
}

// byFour lists a kernel that moves vec4s, if four divides c channels, and the
// one that moves single elements. Build is given the channels in the kernel's
// unit and the size of the unit.
func byFour(name string, set Set, c int, build func(c, per int) Kernel) []Program {
	var programs []Program
	if c%4 == 0 {
		k := build(c/4, 4)
		k.Source = must(name+"_vec4", set)
		programs = append(programs, Program{Name: name + "_vec4", Kernels: []Kernel{k}})
	}
	k := build(c, 1)
	k.Source = must(name, set)
	return append(programs, Program{Name: name, Kernels: []Kernel{k}})
}
