package shaders

import (
	"strings"

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
	six := append(tensor.Shape{1, 1, 1, 1, 1, 1}[:graph.MaxRank-len(result)], result...)
	params := append([]int{n}, six[1:]...)
	for _, a := range args {
		params = append(params, graph.BroadcastStrides(a, six)...)
	}
	bind := []int{0, 1, 2}
	if op.Onto > 0 {
		bind[op.Onto-1] = Absent
	}
	source := func(kernel string) string {
		src := must(kernel, Set{"KIND": int(op.Kind)})
		if op.Onto > 0 { // each invocation reads an element there before it stores the result
			src = strings.ReplaceAll(src, []string{" a[", " b["}[op.Onto-1], " y[")
		}
		return src
	}
	programs := []Program{{Name: "binary", Kernels: []Kernel{{
		Source: source("binary"),
		Grid:   flat(n, 64),
		Bind:   bind,
		Params: words(params...),
	}}}}
	if args[0].Equal(args[1]) && n%4 == 0 {
		programs = append([]Program{{Name: "binary_same", Kernels: []Kernel{{
			Source: source("binary_same"),
			Grid:   flat(n/4, 64),
			Bind:   bind,
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
