package shaders

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// layerNorm lists kernels whose invocations compute a row, and kernels whose workgroups do.
func layerNorm(op graph.LayerNorm, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	op = op.Defaults()
	n := result[len(result)-op.Dims:].Len()
	m := result.Len() / n
	weight, bias, set := weightBias(op.Weight, op.Bias)
	program := func(name, kernel string, width, wg int, grid [3]int) Program {
		return Program{Name: name, Kernels: []Kernel{{
			File:     kernel,
			Set:      set.with(Set{"WG": wg}),
			Grid:     grid,
			Bindings: inOut(len(args), 0, weight, bias),
			Sizes:    append(sizes(counts(width, "m n*"), m, n/width), sizes("eps", op.Eps)...),
		}}}
	}
	each := func(kernel string, width int) Program {
		return program(kernel, kernel, width, fewLanes(lim), Flat(m, fewLanes(lim)))
	}
	row := func(kernel string, width int) Program {
		wg := rowSize(n/width, lim)
		return program(fmt.Sprint(kernel, " ", wg), kernel, width, wg, Flat(m, 1))
	}
	if n%4 != 0 {
		return order(lim, m, n, []Program{each("layer_norm", 1)}, []Program{row("layer_norm_row", 1)})
	}
	shared := []Program{row("layer_norm_row_vec4", 4), row("layer_norm_row", 1)}
	if lim.Kind == GPU && n <= 16*rowSize(n/4, lim) {
		shared = append([]Program{row("layer_norm_held_vec4", 4)}, shared...)
	}
	if n > 1<<14 { // Welford's method rounds too much in long rows
		return append(shared, each("layer_norm", 1))
	}
	return order(lim, m, n, []Program{each("layer_norm_vec4", 4), each("layer_norm", 1)}, shared)
}

func rmsNorm(op graph.RMSNorm, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	op = op.Defaults()
	n := result[len(result)-op.Dims:].Len()
	m := result.Len() / n
	weight := Absent
	if op.Weight {
		weight = 1
	}
	program := func(name, kernel string, wg int, grid [3]int) Program {
		return Program{Name: name, Kernels: []Kernel{{
			File:     kernel,
			Set:      Set{"HAS_WEIGHT": op.Weight, "WG": wg},
			Grid:     grid,
			Bindings: inOut(len(args), 0, weight),
			Sizes:    append(sizes("m n", m, n), sizes("eps", op.Eps)...),
		}}}
	}
	lanes, wg := fewLanes(lim), rowSize(n, lim)
	return order(lim, m, n, []Program{program("rms_norm", "rms_norm", lanes, Flat(m, lanes))},
		[]Program{program(fmt.Sprint("rms_norm_row ", wg), "rms_norm_row", wg, Flat(m, 1))})
}

func cumSum(op graph.CumSum, args []tensor.Shape, lim Limits) []Program {
	return columns("cumsum", Set{"EXCLUSIVE": op.Exclusive, "REVERSE": op.Reverse}, args[0], op.Axis, lim)
}

func groupNorm(op graph.GroupNorm, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	op = op.Defaults()
	c := result[len(result)-1]
	places, cg := result[1:].Len()/c, c/op.Groups
	groups := result[0] * op.Groups
	weight, bias, set := weightBias(op.Weight, op.Bias)
	y, stats := len(args), len(args)+1
	wg := rowSize(places*cg, lim)
	program := func(suffix string, width int) Program {
		stat := Kernel{
			File:     "group_norm_stats" + suffix,
			Set:      Set{"WG": wg},
			Grid:     Flat(groups, 1),
			Bindings: inOut(stats, 0),
			Sizes:    append(sizes(counts(width, "m places c* cg*"), groups, places, c/width, cg/width), sizes("eps", op.Eps)...),
		}
		return Program{
			Name:    fmt.Sprint("group_norm", suffix, " ", wg),
			Scratch: []int{4 * groups},
			Kernels: []Kernel{stat, {
				File:     "group_norm",
				Set:      set.with(element(width)),
				Grid:     Flat(result.Len()/width, 64),
				Bindings: append(inOut(y, 0, weight, bias), reads(stats)...),
				Sizes:    sizes("n places c cg", result.Len()/width, places, c/width, cg/width),
			}},
		}
	}
	programs := []Program{program("", 1)}
	if cg%4 == 0 {
		programs = append([]Program{program("_vec4", 4)}, programs...)
	}
	if k, ok := heldGroups(result[0], places, c, cg, lim); ok {
		k.Set = k.Set.with(set)
		k.Bindings = inOut(y, 0, weight, bias)
		k.Sizes = append(k.Sizes, sizes("eps", op.Eps)...)
		programs = append([]Program{{Name: fmt.Sprint("group_norm_held ", k.Set["HELD"]), Kernels: []Kernel{k}}}, programs...)
	}
	return programs
}

// heldGroups returns the kernel of a group norm that keeps groups of cg channels in the
// registers of a workgroup. It reports false if they have no room there.
func heldGroups(images, places, c, cg int, lim Limits) (Kernel, bool) {
	if lim.Kind == CPU || cg%4 > 0 {
		return Kernel{}, false
	}
	const near = 4 // vec4s: neighbouring workgroups then share no line of memory
	width := cg / 4
	for width < near && c/4%(2*width) == 0 {
		width *= 2
	}
	lines := 1
	for 2*lines*width <= min(256, lim.WorkgroupSize) && lines < places {
		lines *= 2
	}
	held := 4
	for held < 16 && held*lines < places {
		held *= 2
	}
	if held*lines < places || width*lines < 32 || width*lines > min(256, lim.WorkgroupSize) {
		return Kernel{}, false
	}
	n := images * c / 4 / width
	return Kernel{
		File:  "group_norm_held_vec4",
		Set:   Set{"WIDTH": width, "LINES": lines, "HELD": held},
		Grid:  Flat(n, 1),
		Sizes: sizes("m places c4 cg4", n, places, c/4, cg/4),
	}, true
}

func localResponseNorm(op graph.LocalResponseNorm, result tensor.Shape) []Program {
	n, c := result.Len(), result[len(result)-1]
	program := func(kernel string, width int, set Set) Program {
		return Program{Name: kernel, Kernels: []Kernel{{
			File:     kernel,
			Set:      set,
			Grid:     Flat(n/width, 64),
			Bindings: inOut(1, 0),
			Sizes: append(sizes(counts(width, "n c* size"), n/width, c/width, op.Size),
				sizes("alpha_n beta k", op.Alpha/float64(op.Size), op.Beta, op.K)...),
		}}}
	}
	programs := []Program{program("local_response_norm", 1, nil)}
	if c%4 == 0 {
		set := Set{"THREE_QUARTERS": op.Beta == 0.75}
		programs = append([]Program{program("local_response_norm_vec4", 4, set)}, programs...)
	}
	return programs
}

func softmax(op graph.Softmax, args []tensor.Shape, lim Limits) []Program {
	programs := columns("softmax", Set{"LOG": op.Log}, args[0], op.Axis, lim)
	outer, n, inner := graph.Along(args[0], op.Axis)
	if inner > 1 || n%4 != 0 || lim.Kind == CPU {
		return programs
	}
	wg := rowSize(n/4, lim)
	row := func(kernel string) Program {
		return Program{Name: fmt.Sprint(kernel, " ", wg), Kernels: []Kernel{{
			File:     kernel,
			Set:      Set{"LOG": op.Log, "WG": wg},
			Grid:     Flat(outer, 1),
			Bindings: inOut(1, 0),
			Sizes:    sizes("m n4", outer, n/4),
		}}}
	}
	rows := []Program{row("softmax_row_vec4")}
	if n <= 16*wg {
		rows = append([]Program{row("softmax_held_vec4")}, rows...)
	}
	return order(lim, outer, n, programs, rows)
}

func normalize(op graph.Normalize, args []tensor.Shape, lim Limits) []Program {
	return columns("normalize", nil, args[0], op.Axis, lim, sizes("eps", op.Defaults().Eps)...)
}

// columns lists the kernel in which an invocation takes a column [N] of [O, N, C]. If C
// is 1, it also lists KERNEL_row, in which a workgroup takes a row.
func columns(kernel string, set Set, x tensor.Shape, axis int, lim Limits, more ...Size) []Program {
	outer, n, inner := graph.Along(x, axis)
	lines, wg := outer*inner, fewLanes(lim)
	each := []Program{{Name: kernel, Kernels: []Kernel{{
		File:     kernel,
		Set:      set.with(Set{"WG": wg}),
		Grid:     Flat(lines, wg),
		Bindings: inOut(1, 0),
		Sizes:    append(sizes("columns n c", lines, n, inner), more...),
	}}}}
	if inner > 1 {
		return each
	}
	wg = rowSize(n, lim)
	return order(lim, lines, n, each, []Program{{Name: fmt.Sprint(kernel, "_row ", wg), Kernels: []Kernel{{
		File:     kernel + "_row",
		Set:      set.with(Set{"WG": wg}),
		Grid:     Flat(lines, 1),
		Bindings: inOut(1, 0),
		Sizes:    append(sizes("m n", lines, n), more...),
	}}}})
}

func cosineSimilarity(op graph.CosineSimilarity, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	s, err := graph.Broadcast(args[0], args[1])
	if err != nil {
		return nil
	}
	axis, err := graph.Axis(op.Axis, len(s))
	if err != nil {
		return nil
	}
	six := append(tensor.Shape{1, 1, 1, 1, 1, 1}[:graph.MaxRank-len(s)], s...)
	axis += graph.MaxRank - len(s)
	along := six[axis]
	var strides, steps []int
	for _, a := range args {
		st := graph.BroadcastStrides(a, six)
		strides, steps = append(strides, st...), append(steps, st[axis])
	}
	six[axis] = 1
	lengths := append(append([]int{result.Len()}, six[1:]...), strides...)
	lengths = append(append(lengths, along), steps...)
	wg := fewLanes(lim)
	return []Program{{Name: "cosine_similarity", Kernels: []Kernel{{
		File:     "cosine_similarity",
		Set:      Set{"WG": wg},
		Grid:     Flat(result.Len(), wg),
		Bindings: inOut(2, 0, 1),
		Sizes:    append(sizes("n "+fiveAndTwelve+" along step_a step_b", lengths...), sizes("eps", op.Defaults().Eps)...),
	}}}}
}

// weightBias returns the args of an optional weight and bias, which follow x, and the
// constants for them.
func weightBias(hasWeight, hasBias bool) (weight, bias int, set Set) {
	weight, bias = Absent, Absent
	next := 1
	if hasWeight {
		weight = next
		next++
	}
	if hasBias {
		bias = next
	}
	return weight, bias, Set{"HAS_WEIGHT": hasWeight, "HAS_BIAS": hasBias}
}

// order joins programs whose invocations compute a row of n elements and programs whose
// workgroups do. Those that suit the device and the number of rows come first.
func order(lim Limits, rows, n int, each, shared []Program) []Program {
	if lim.Kind == GPU && n >= 32 || lim.Kind == CPU && rows < fewLanes(lim) {
		return append(shared, each...)
	}
	return append(each, shared...)
}

// fewLanes is the workgroup size of kernels with much work per invocation. It is small,
// which gives enough workgroups for all processors.
func fewLanes(lim Limits) int {
	if lim.Kind == CPU {
		return 8
	}
	return 64
}

// rowSize returns the size, a power of two, of a workgroup that shares n elements.
func rowSize(n int, lim Limits) int {
	least, most := 32, min(256, lim.WorkgroupSize)
	if lim.Kind == CPU {
		least, most = 8, 8
	}
	size := least
	for size < most && 4*size <= n {
		size *= 2
	}
	return size
}
