package shaders

// The workgroups of matvec: lanes that share a column, and columns.
const (
	matvecLanes   = 32
	matvecColumns = 4
)

// matvec lists the kernels for a product of few rows, for an op with so many
// args; none if there are more.
func (g gemm) matvec(args int, lim Limits) []Program {
	if g.m > 4 || g.z > lim.WorkgroupsPerDim || ceil(g.n, matvecColumns) > lim.WorkgroupsPerDim {
		return nil
	}
	set := Set{"ROWS": 4}
	if g.m == 1 {
		set = Set{"ROWS": 1}
	}
	params := func(k int) []uint32 {
		return append(append(append([]uint32{}, g.batch...), words(g.m, g.n, k)...), g.scale)
	}
	if !g.transB {
		return []Program{{Name: "matvec_columns", Kernels: []Kernel{{
			Source: must("matvec_columns", set),
			Grid:   [3]int{ceil(g.n, 64), 1, g.z},
			Bind:   []int{0, 1, args},
			Params: params(g.k),
		}}}}
	}
	source, k := "matvec", g.k
	if g.k%4 == 0 {
		source, k = "matvec_vec4", g.k/4
	}
	bias, residual, finish := epilogue(g.epilogue, 2)
	set = set.with(finish).with(Set{"LANES": matvecLanes, "COLUMNS": matvecColumns})
	return []Program{{Name: source, Kernels: []Kernel{{
		Source: must(source, set),
		Grid:   [3]int{ceil(g.n, matvecColumns), 1, g.z},
		Bind:   []int{0, 1, bias, residual, args},
		Params: params(k),
	}}}}
}
