package shaders

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// joined is a run of neighbouring dimensions that all stay or all go.
type joined struct {
	n, stride int
	goes      bool
}

// join joins neighbouring dimensions of x that all stay or all go. It leaves out those of
// extent 1.
func join(x tensor.Shape, axes graph.Axes) []joined {
	var runs []joined
	for d, stride := range x.Strides() {
		goes := axes.Has(d)
		switch last := len(runs) - 1; {
		case x[d] == 1:
		case last >= 0 && runs[last].goes == goes:
			runs[last].n *= x[d]
			runs[last].stride = stride
		default:
			runs = append(runs, joined{x[d], stride, goes})
		}
	}
	return runs
}

// reduction lists special cases first. If only one run of dimensions goes, x is [O, N, C],
// or rows [M, N].
func reduction(op graph.Reduce, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	runs := join(args[0], op.Axes)
	var stays, goes []joined
	for _, r := range runs {
		if r.goes {
			goes = append(goes, r)
		} else {
			stays = append(stays, r)
		}
	}
	general := reduceAny(op.Kind, stays, goes, lim)
	if len(goes) != 1 {
		return []Program{general}
	}
	n, inner := goes[0].n, goes[0].stride
	outer := args[0].Len() / (n * inner)
	if inner > 1 {
		return append(reduceColumns(op.Kind, outer, n, inner, lim), general)
	}
	if op.Kind == graph.Prod {
		return []Program{general}
	}
	row := func(kernel string, width int) Program {
		wg := rowSize(n/width, lim)
		return Program{Name: fmt.Sprint(kernel, " ", wg), Kernels: []Kernel{{
			File:     kernel,
			Set:      Set{"KIND": int(op.Kind), "WG": wg},
			Grid:     Flat(outer, 1),
			Bindings: inOut(1, 0),
			Sizes:    sizes(counts(width, "m n*"), outer, n/width),
		}}}
	}
	rows := []Program{row("reduce_row", 1)}
	if n%4 == 0 {
		rows = preferred(lim, []Program{row("reduce_row_vec4", 4)}, rows)
	}
	return order(lim, outer, n, []Program{general}, rows)
}

// reduceAny returns the program for any dimensions.
func reduceAny(kind graph.ReduceKind, stays, goes []joined, lim Limits) Program {
	n := 1
	for _, r := range stays {
		n *= r.n
	}
	three := func(runs []joined) (r [3]joined) {
		for i := range r {
			r[i].n = 1
		}
		copy(r[3-len(runs):], runs)
		return r
	}
	k, r := three(stays), three(goes)
	wg := fewLanes(lim)
	return Program{Name: "reduce", Kernels: []Kernel{{
		File:     "reduce",
		Set:      Set{"KIND": int(kind), "WG": wg},
		Grid:     Flat(n, wg),
		Bindings: inOut(1, 0),
		Sizes: sizes("n k1 k2 kept0 kept1 kept2 r0 r1 r2 step0 step1 step2",
			n, k[1].n, k[2].n, k[0].stride, k[1].stride, k[2].stride,
			r[0].n, r[1].n, r[2].n, r[0].stride, r[1].stride, r[2].stride),
	}}}
}

// reduceColumns lists the program that reduces [outer, n, c] to [outer, c], four columns at
// a time. It lists none if c is not a multiple of 4.
func reduceColumns(kind graph.ReduceKind, outer, n, c int, lim Limits) []Program {
	if c%4 != 0 {
		return nil
	}
	program := func(columns, slices int) Program {
		blocks := ceil(c/4, columns)
		return Program{Name: fmt.Sprintf("reduce_column %dx%d", columns, slices), Kernels: []Kernel{{
			File:     "reduce_column",
			Set:      Set{"KIND": int(kind), "COLUMNS": columns, "SLICES": slices},
			Grid:     Flat(outer*blocks, 1),
			Bindings: inOut(1, 0),
			Sizes:    sizes("o n c4 blocks", outer, n, c/4, blocks),
		}}}
	}
	return order(lim, outer*c/4, n, []Program{program(8, 1)}, []Program{program(16, 16)})
}

func argmax(op graph.Argmax, args []tensor.Shape, lim Limits) []Program {
	outer, n, inner := graph.Along(args[0], op.Axis)
	wg := fewLanes(lim)
	return []Program{{Name: "argmax", Kernels: []Kernel{{
		File:     "argmax",
		Set:      Set{"WG": wg, "MIN": op.Min, "LAST": op.Last},
		Grid:     Flat(outer*inner, wg),
		Bindings: inOut(1, 0),
		Sizes:    sizes("columns n c", outer*inner, n, inner),
	}}}}
}

func argsort(op graph.Argsort, args []tensor.Shape, lim Limits) []Program {
	out := 0
	if op.Inverse {
		out = 2
	}
	_, n, _ := graph.Along(args[0], op.Axis)
	return rank("argsort", op.Axis, n, out, op.Descending, args[0], lim)
}

func topK(op graph.TopK, args []tensor.Shape, lim Limits) []Program {
	out := 1
	if op.Indices {
		out = 0
	}
	programs := rank("topk", op.Axis, op.K, out, !op.Smallest, args[0], lim)
	p := topSelected(op, out, args[0], lim)
	const many = 1024 // elements, from which comparing all with all takes longer
	if _, n, _ := graph.Along(args[0], op.Axis); n >= many && 2*op.K <= n {
		return append([]Program{p}, programs...)
	}
	return append(programs, p)
}

// topSelected returns the program that first selects the elements, and then sorts only these.
func topSelected(op graph.TopK, out int, x tensor.Shape, lim Limits) Program {
	outer, n, inner := graph.Along(x, op.Axis)
	columns, wg := outer*inner, fewLanes(lim)
	blocks := ceil(op.K, wg)
	const chosen = 2
	return Program{Name: "topk selected", Scratch: []int{columns * op.K}, Kernels: []Kernel{{
		File:     "top_chosen",
		Set:      Set{"DESCENDING": !op.Smallest, "WG": rowSize(n, lim)},
		Grid:     Flat(columns, 1),
		Bindings: inOut(chosen, 0),
		Sizes:    sizes("columns n c k", columns, n, inner, op.K),
	}, {
		File:     "top_rank",
		Set:      Set{"DESCENDING": !op.Smallest, "OUT": out, "WG": wg},
		Grid:     Flat(columns*blocks, 1),
		Bindings: inOut(1, 0, chosen),
		Sizes:    sizes("columns blocks n c k", columns, blocks, n, inner, op.K),
	}}}
}

func rank(name string, axis, k, out int, descending bool, x tensor.Shape, lim Limits) []Program {
	outer, n, inner := graph.Along(x, axis)
	lines, wg := outer*inner, fewLanes(lim)
	blocks := ceil(n, wg)
	return []Program{{Name: name, Kernels: []Kernel{{
		File:     "rank",
		Set:      Set{"DESCENDING": descending, "OUT": out, "WG": wg},
		Grid:     Flat(lines*blocks, 1),
		Bindings: inOut(1, 0),
		Sizes:    sizes("columns blocks n c k", lines, blocks, n, inner, k),
	}}}}
}
