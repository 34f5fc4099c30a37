package shaders

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

func activate(op graph.Activate, result tensor.Shape) []Program {
	n := result.Len()
	return []Program{{Name: "activate", Kernels: []Kernel{{
		Source: must("activate", Set{"ACT": int(op.Act)}),
		Grid:   flat(ceil(n, 4), 64),
		Bind:   []int{0, 1},
		Params: words(n),
	}}}}
}

func binary(op graph.Binary, args []tensor.Shape, result tensor.Shape) []Program {
	n := result.Len()
	set := Set{"KIND": int(op.Kind)}
	params := []int{n}
	six := append(tensor.Shape{1, 1, 1, 1, 1, 1}[:graph.MaxRank-len(result)], result...)
	params = append(params, six[1:]...)
	for _, a := range args {
		params = append(params, graph.BroadcastStrides(a, six)...)
	}
	programs := []Program{{Name: "binary", Kernels: []Kernel{{
		Source: must("binary", set),
		Grid:   flat(n, 64),
		Bind:   []int{0, 1, 2},
		Params: words(params...),
	}}}}
	if args[0].Equal(args[1]) && n%4 == 0 {
		programs = append([]Program{{Name: "binary_same", Kernels: []Kernel{{
			Source: must("binary_same", set),
			Grid:   flat(n/4, 64),
			Bind:   []int{0, 1, 2},
			Params: words(n / 4),
		}}}}, programs...)
	}
	return programs
}

func batchNorm(op graph.BatchNorm, args []tensor.Shape, result tensor.Shape) []Program {
	n, c := result.Len(), args[1][0]
	bind := []int{0, 1, 2, Absent, Absent, 3}
	if op.Affine {
		bind = []int{0, 1, 2, 3, 4, 5}
	}
	eps := op.Eps
	if eps == 0 {
		eps = 1e-5
	}
	return []Program{{Name: "batch_norm", Kernels: []Kernel{{
		Source: must("batch_norm", Set{"EPS": eps, "AFFINE": op.Affine}),
		Grid:   flat(n, 64),
		Bind:   bind,
		Params: words(n, c),
	}}}}
}
