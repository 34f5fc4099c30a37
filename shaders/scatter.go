package shaders

import (
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// copied returns the kernel that copies arg from to arg to, n elements.
func copied(n, from, to int) Kernel {
	k := strided([]axis{{n, 1}}, 0, Default)[0].Kernels[0]
	k.Bindings = inOut(to, from)
	return k
}

// six returns s with six dimensions, the first of which are 1.
func six(s []int, first int) []int {
	return append(slices.Repeat([]int{first}, graph.MaxRank-len(s)), s...)
}

// scatter lists a copy of x and a kernel that overwrites elements, or one kernel that
// merges.
func scatter(op graph.Scatter, args []tensor.Shape, result tensor.Shape) []Program {
	x, index := args[0], args[1]
	if op.Merge != graph.Replace {
		return scatterMerge(op, x, index)
	}
	strides := x.Strides()
	extent, stride := x[op.Axis], strides[op.Axis]
	strides[op.Axis] = 0
	lengths := slices.Concat([]int{index.Len()}, six(index, 1)[1:], six(strides, 0), []int{extent, stride})
	return []Program{{Name: "scatter", Kernels: []Kernel{copied(result.Len(), 0, 3), {
		File:     "scatter",
		Grid:     Flat(index.Len(), 64),
		Bindings: inOut(3, 1, 2),
		Sizes:    sizes("n d1 d2 d3 d4 d5 s0 s1 s2 s3 s4 s5 extent stride", lengths...),
	}}}}
}

func scatterMerge(op graph.Scatter, x, index tensor.Shape) []Program {
	strides, extents := index.Strides(), index.Clone()
	step := strides[op.Axis]
	strides[op.Axis], extents[op.Axis] = 0, x[op.Axis]
	lengths := slices.Concat([]int{x.Len()}, six(x, 1)[1:], six(extents, 1), six(strides, 0),
		[]int{x[op.Axis], x.Strides()[op.Axis], index[op.Axis], step})
	return []Program{{Name: "scatter_merge", Kernels: []Kernel{{
		File:     "scatter_merge",
		Set:      Set{"MERGE": int(op.Merge)},
		Grid:     Flat(x.Len(), 64),
		Bindings: inOut(3, 0, 1, 2),
		Sizes:    sizes("n d1 d2 d3 d4 d5 e0 e1 e2 e3 e4 e5 s0 s1 s2 s3 s4 s5 extent inner count step", lengths...),
	}}}}
}

// tuples returns the sizes d0 to s5 for tuples of m indices into s, whose rows have run
// elements of width each.
func tuples(s tensor.Shape, m, width int) Sizes {
	lengths := slices.Repeat([]int{1}, 12)
	for d, stride := range s.Strides()[:m] {
		lengths[d], lengths[6+d] = s[d], stride/width
	}
	return sizes("d0 d1 d2 d3 d4 d5 s0 s1 s2 s3 s4 s5", lengths...)
}

func gatherND(op graph.GatherND, args []tensor.Shape, result tensor.Shape) []Program {
	x, index := args[0], args[1]
	m := index[len(index)-1]
	inner := x[op.Batch:]
	l := index[op.Batch : len(index)-1].Len()
	return byFour("gather_nd", Set{"M": m}, inner[m:].Len(), func(r, width int) Kernel {
		n := result.Len() / width
		return Kernel{
			Grid:     Flat(n, 64),
			Bindings: inOut(2, 0, 1),
			Sizes:    slices.Concat(sizes("n r l batch", n, r, l, inner.Len()/width), tuples(inner, m, width), notANumber),
		}
	})
}

// scatterND lists a copy of x and a kernel that overwrites rows, or one kernel that merges.
func scatterND(op graph.ScatterND, args []tensor.Shape, result tensor.Shape) []Program {
	x, index, updates := args[0], args[1], args[2]
	m := index[len(index)-1]
	run := x[m:].Len()
	if op.Merge != graph.Replace {
		return []Program{{Name: "scatter_nd_merge", Kernels: []Kernel{{
			File:     "scatter_nd_merge",
			Set:      Set{"M": m, "MERGE": int(op.Merge)},
			Grid:     Flat(result.Len(), 64),
			Bindings: inOut(3, 0, 1, 2),
			Sizes:    append(sizes("n r l", result.Len(), run, index.Len()/m), tuples(x, m, 1)...),
		}}}}
	}
	programs := byFour("scatter_nd", Set{"M": m}, run, func(r, width int) Kernel {
		n := updates.Len() / width
		return Kernel{
			Grid:     Flat(n, 64),
			Bindings: inOut(3, 1, 2),
			Sizes:    append(sizes("n r", n, r), tuples(x, m, width)...),
		}
	})
	for i, p := range programs {
		programs[i].Kernels = append([]Kernel{copied(result.Len(), 0, 3)}, p.Kernels...)
	}
	return programs
}
