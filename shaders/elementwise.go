package shaders

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

func activate(op graph.Activate, result tensor.Shape) []Program {
	n := result.Len()
	return []Program{{Name: "activate", Kernels: []Kernel{{
		File:     "activate",
		Set:      Set{"ACT": int(op.Act)},
		Grid:     Flat(ceil(n, 4), 64),
		Bindings: inOut(1, 0),
		Sizes:    sizes("n", n),
	}}}}
}

// fiveAndTwelve names the inner five extents of a result of six dimensions, and the
// strides of two args along all six.
const fiveAndTwelve = "d1 d2 d3 d4 d5 a0 a1 a2 a3 a4 a5 b0 b1 b2 b3 b4 b5"

func binary(op graph.Binary, onto int, args []tensor.Shape, result tensor.Shape) []Program {
	n := result.Len()
	six := append(tensor.Shape{1, 1, 1, 1, 1, 1}[:graph.MaxRank-len(result)], result...)
	lengths := append([]int{n}, six[1:]...)
	for _, a := range args {
		lengths = append(lengths, graph.BroadcastStrides(a, six)...)
	}
	bindings := inOut(2, 0, 1)
	if onto > 0 {
		bindings[onto-1].Arg = Absent
	}
	set := Set{"KIND": int(op.Kind), "ONTO": onto}
	programs := []Program{{Name: "binary", Kernels: []Kernel{{
		File:     "binary",
		Set:      set,
		Grid:     Flat(n, 64),
		Bindings: bindings,
		Sizes:    sizes("n "+fiveAndTwelve, lengths...),
	}}}}
	if args[0].Equal(args[1]) && n%4 == 0 {
		programs = append([]Program{{Name: "binary_same", Kernels: []Kernel{{
			File:     "binary_same",
			Set:      set,
			Grid:     Flat(n/4, 64),
			Bindings: bindings,
			Sizes:    sizes("n4", n/4),
		}}}}, programs...)
	}
	return programs
}

func batchNorm(op graph.BatchNorm, args []tensor.Shape, result tensor.Shape) []Program {
	n, c := result.Len(), args[1][0]
	bindings := inOut(3, 0, 1, 2, Absent, Absent)
	if op.Affine {
		bindings = inOut(5, 0, 1, 2, 3, 4)
	}
	eps := op.Eps
	if eps == 0 {
		eps = 1e-5
	}
	return []Program{{Name: "batch_norm", Kernels: []Kernel{{
		File:     "batch_norm",
		Set:      Set{"EPS": eps, "AFFINE": op.Affine},
		Grid:     Flat(n, 64),
		Bindings: bindings,
		Sizes:    sizes("n c", n, c),
	}}}}
}
