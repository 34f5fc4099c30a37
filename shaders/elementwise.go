package shaders

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

func activate(op graph.Activate, result tensor.Shape) []Program {
	n := result.Len()
	program := func(kernel string, width int) Program {
		return Program{Name: kernel, Kernels: []Kernel{{
			File:     kernel,
			Set:      Set{"ACT": int(op.Act)},
			Grid:     Flat(ceil(n, 4), 64),
			Bindings: inOut(1, 0),
			Sizes:    sizes(counts(width, "n*"), n/width),
		}}}
	}
	programs := []Program{program("activate", 1)}
	if n%4 == 0 {
		programs = append([]Program{program("activate_vec4", 4)}, programs...)
	}
	return programs
}

// fiveAndTwelve names the inner five extents of a result of six dimensions, and the
// strides of two args along all six.
const fiveAndTwelve = "d1 d2 d3 d4 d5 a0 a1 a2 a3 a4 a5 b0 b1 b2 b3 b4 b5"

func binary(op graph.Binary, onto int, args []tensor.Shape, result tensor.Shape) []Program {
	if op.Kind > graph.Div || op.Then[0].Fn != 0 {
		return pointwise(op.Pointwise(), onto, args, result)
	}
	n := result.Len()
	bindings := inOut(2, 0, 1)
	if onto > 0 {
		bindings[onto-1].Arg = Absent
	}
	set := Set{"KIND": int(op.Kind), "ONTO": onto}
	program := func(name string, width int) Program {
		return Program{Name: name, Kernels: []Kernel{{
			File:     "binary",
			Set:      set.with(element(width)),
			Grid:     Flat(n/width, 64),
			Bindings: bindings,
			Sizes:    sizes("n "+fiveAndTwelve, broadcast(args, result, width)...),
		}}}
	}
	programs := []Program{program("binary", 1)}
	if fours(args[0]) && fours(args[1]) {
		programs = append([]Program{program("binary_vec4", 4)}, programs...)
	}
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

// fours reports whether rows of s are whole vec4s.
func fours(s tensor.Shape) bool { return len(s) > 0 && s[len(s)-1]%4 == 0 }

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
	program := func(name string, width int) Program {
		return Program{Name: name, Kernels: []Kernel{{
			File:     "batch_norm",
			Set:      Set{"EPS": eps, "AFFINE": op.Affine}.with(element(width)),
			Grid:     Flat(n/width, 64),
			Bindings: bindings,
			Sizes:    sizes("n c", n/width, c/width),
		}}}
	}
	programs := []Program{program("batch_norm", 1)}
	if c%4 == 0 {
		programs = append([]Program{program("batch_norm_vec4", 4)}, programs...)
	}
	return programs
}
