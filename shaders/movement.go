package shaders

import (
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

func concat(op graph.Concat, args []tensor.Shape, result tensor.Shape) []Program {
	axis := op.Along(len(result))
	outer, stride := result[:axis].Len(), result[axis:].Len()
	p := Program{Name: "concat"}
	offset := 0
	for i, a := range args {
		length := a[axis:].Len()
		lanes := 1
		if length%4 == 0 && stride%4 == 0 && offset%4 == 0 {
			lanes = 4
		}
		n := outer * length / lanes
		p.Kernels = append(p.Kernels, Kernel{
			File:     "concat",
			Set:      element(lanes),
			Grid:     Flat(n, 64),
			Bindings: inOut(len(args), i),
			Sizes:    sizes("n length stride offset", n, length/lanes, stride/lanes, offset/lanes),
		})
		offset += length
	}
	return []Program{p}
}

func permute(op graph.Permute, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	from := args[0].Strides()
	axes := make([]axis, len(result))
	for d := range axes {
		axes[d] = axis{extent: result[d], stride: from[op.Order[d]]}
	}
	return strided(axes, 0, lim)
}

func expand(_ graph.Expand, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	axes := make([]axis, len(result))
	for d, s := range graph.BroadcastStrides(args[0], result) {
		axes[d] = axis{extent: result[d], stride: s}
	}
	return strided(axes, 0, lim)
}

func slice(op graph.Slice, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	start, step, _, err := op.Ranges(args[0])
	if err != nil {
		return nil
	}
	base, axes := 0, make([]axis, len(result))
	for d, s := range args[0].Strides() {
		base += start[d] * s
		axes[d] = axis{extent: result[d], stride: step[d] * s}
	}
	return strided(axes, base, lim)
}

// axis is a dimension of a result. stride is the distance of its elements in the arg.
type axis struct{ extent, stride int }

// strided lists the programs that read x at base plus index times stride of each axis. The
// outermost axis is the first.
func strided(axes []axis, base int, lim Limits) []Program {
	// Innermost first. Dimensions of one element are left out, and those that are one run
	// are joined.
	var dims []axis
	n := 1
	for d := len(axes) - 1; d >= 0; d-- {
		a, last := axes[d], len(dims)-1
		n *= a.extent
		switch {
		case a.extent == 1:
		case last >= 0 && a.stride == dims[last].extent*dims[last].stride:
			dims[last].extent *= a.extent
		default:
			dims = append(dims, a)
		}
	}
	if len(dims) == 0 {
		dims = []axis{{extent: 1, stride: 1}}
	}
	program := func(name string, lanes int) Program {
		lengths := [14]int{n / lanes, base / lanes}
		for d := range graph.MaxRank {
			lengths[2+d] = 1
			if d < len(dims) {
				lengths[2+d], lengths[8+d] = dims[d].extent, dims[d].stride/lanes
			}
		}
		if lanes > 1 {
			lengths[2], lengths[8] = dims[0].extent/lanes, 1
		}
		return Program{Name: name, Kernels: []Kernel{{
			File:     "strided",
			Set:      element(lanes).with(Set{"RANK": len(dims)}),
			Grid:     Flat(n/lanes, 64),
			Bindings: inOut(1, 0),
			Sizes:    sizes("n base e0 e1 e2 e3 e4 e5 s0 s1 s2 s3 s4 s5", lengths[:]...),
		}}}
	}
	fours := dims[0].stride == 1 && dims[0].extent%4 == 0 && base%4 == 0
	for _, a := range dims[1:] {
		fours = fours && a.stride%4 == 0
	}
	programs := []Program{program("strided", 1)}
	if fours {
		return append([]Program{program("strided_vec4", 4)}, programs...)
	}
	if p, ok := transpose(dims, base, lim); ok {
		if lim.Kind == GPU && min(dims[0].extent, dims[1].extent) >= transposeTile {
			return append([]Program{p}, programs...)
		}
		return append(programs, p)
	}
	return programs
}

// transposeTile is the side of the tiles of transpose.wgsl.
const transposeTile = 16

// transpose returns the program that exchanges the last two dimensions of x. It reports
// false if dims, innermost first, do something else.
func transpose(dims []axis, base int, lim Limits) (Program, bool) {
	if len(dims) < 2 || len(dims) > 3 || base != 0 {
		return Program{}, false
	}
	m, n, batch := dims[0].extent, dims[1].extent, 1
	if len(dims) == 3 {
		batch = dims[2].extent
	}
	grid := [3]int{ceil(n, transposeTile), ceil(m, transposeTile), batch}
	if dims[0].stride != n || dims[1].stride != 1 || batch > 1 && dims[2].stride != m*n ||
		max(grid[0], grid[1], grid[2]) > lim.WorkgroupsPerDim || lim.WorkgroupSize < transposeTile*transposeTile {
		return Program{}, false
	}
	return Program{Name: "transpose", Kernels: []Kernel{{
		File:     "transpose",
		Set:      Set{"TILE": transposeTile},
		Grid:     grid,
		Bindings: inOut(1, 0),
		Sizes:    sizes("m n", m, n),
	}}}, true
}

func pad(op graph.Pad, part Part, args []tensor.Shape, result tensor.Shape) []Program {
	dims := make([]border, len(result))
	for d := range dims {
		dims[d] = border{from: args[0][d], to: result[d], before: op.Before[d]}
	}
	if len(dims) > 1 {
		dims[1].before += part.First - part.From
	}
	return padded(dims, op.Mode, op.Value)
}

func roll(op graph.Roll, _ []tensor.Shape, result tensor.Shape) []Program {
	dims := make([]border, len(result))
	for d, n := range result {
		dims[d] = border{from: n, to: n, before: (op.Shift[d]%n + n) % n}
	}
	return padded(dims, graph.Circular, 0)
}

// border turns a dimension of extent from into one of extent to, whose first element is
// element -before of the old one.
type border struct{ from, to, before int }

// still reports whether the dimension stays as it is.
func (b border) still() bool { return b.from == b.to && b.before == 0 }

func padded(axes []border, mode graph.PadMode, value float32) []Program {
	// Innermost first. A dimension that stays joins the next outer one. If that one
	// changes, the mode must move runs of elements as a whole.
	var dims []border
	n := 1
	runs := mode == graph.Constant || mode == graph.Circular
	for d := len(axes) - 1; d >= 0; d-- {
		a, last := axes[d], len(dims)-1
		n *= a.to
		if last >= 0 && dims[last].still() && (runs || a.still()) {
			inner := dims[last].from
			dims[last] = border{a.from * inner, a.to * inner, a.before * inner}
			continue
		}
		dims = append(dims, a)
	}
	if len(dims) == 0 {
		dims = []border{{from: 1, to: 1}}
	}
	program := func(name string, lanes int) Program {
		var lengths [18]int
		for d := range graph.MaxRank {
			b := border{from: 1, to: 1}
			if d < len(dims) {
				b = dims[d]
			}
			if d == 0 {
				b = border{b.from / lanes, b.to / lanes, b.before / lanes}
			}
			lengths[d], lengths[6+d], lengths[12+d] = b.to, b.from, b.before
		}
		return Program{Name: name, Kernels: []Kernel{{
			File:     "pad",
			Set:      element(lanes).with(Set{"MODE": int(mode), "RANK": len(dims)}),
			Grid:     Flat(n/lanes, 64),
			Bindings: inOut(1, 0),
			Sizes: slices.Concat(sizes("n", n/lanes), sizes("value", float64(value)),
				sizes("e0 e1 e2 e3 e4 e5 n0 n1 n2 n3 n4 n5 b0 b1 b2 b3 b4 b5", lengths[:]...)),
		}}}
	}
	programs := []Program{program("pad", 1)}
	if b := dims[0]; b.from%4 == 0 && b.to%4 == 0 && b.before%4 == 0 && (runs || b.still()) {
		programs = append([]Program{program("pad_vec4", 4)}, programs...)
	}
	return programs
}
