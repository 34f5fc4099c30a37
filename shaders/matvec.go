package shaders

import "slices"

// The workgroups of matvec: lanes that share a column, and columns.
const (
	matvecLanes   = 32
	matvecColumns = 4
)

// matvec lists the kernels for a product with few rows, for an op with the given number
// of args. It lists none for more rows.
func (g gemm) matvec(args int, lim Limits) []Program {
	if g.m > 4 || g.z > lim.WorkgroupsPerDim || ceil(g.n, matvecColumns) > lim.WorkgroupsPerDim {
		return nil
	}
	set := Set{"ROWS": 4}
	if g.m == 1 {
		set = Set{"ROWS": 1}
	}
	lengths := func(width int) Sizes {
		return slices.Concat(g.batch, sizes(counts(width, "m n k*"), g.m, g.n, g.k/width), sizes("scale", g.scale))
	}
	if !g.transB {
		return []Program{{Name: "matvec_columns", Kernels: []Kernel{{
			File:     "matvec_columns",
			Set:      set,
			Grid:     [3]int{ceil(g.n, 64), 1, g.z},
			Bindings: inOut(args, 0, 1),
			Sizes:    lengths(1),
		}}}}
	}
	source, width := "matvec", 1
	if g.k%4 == 0 {
		source, width = "matvec_vec4", 4
	}
	bias, residual, finish := g.end.args(2)
	set = set.with(finish).with(Set{"LANES": matvecLanes, "COLUMNS": matvecColumns})
	return []Program{{Name: source, Kernels: []Kernel{{
		File:     source,
		Set:      set,
		Grid:     [3]int{ceil(g.n, matvecColumns), 1, g.z},
		Bindings: inOut(args, 0, 1, bias, residual),
		Sizes:    lengths(width),
	}}}}
}
