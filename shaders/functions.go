package shaders

import (
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// elements returns the Set of a kernel that uses lib/functions: its Element, and unsigned
// numbers and flags of the same width.
func elements(width int) Set {
	if width == 4 {
		return Set{"Element": Type("vec4<f32>"), "Words": Type("vec4<u32>"), "Flags": Type("vec4<bool>")}
	}
	return Set{"Element": Type("f32"), "Words": Type("u32"), "Flags": Type("bool")}
}

// calls returns the names of a chain's functions.
func calls(c graph.Chain) Calls {
	var names []string
	for _, s := range c.List() {
		names = append(names, s.Fn.String())
	}
	return Calls(strings.Join(names, "."))
}

// parameters returns the sizes of a chain: two parameters for each step that it can have.
func parameters(c graph.Chain) Sizes {
	var all Sizes
	for i, s := range c {
		all = append(all, Size{fmt.Sprint("p", i), float64(s.A)}, Size{fmt.Sprint("q", i), float64(s.B)})
	}
	return all
}

func unary(op graph.Unary, result tensor.Shape) []Program {
	n := result.Len()
	program := func(name string, width int) Program {
		return Program{Name: name, Kernels: []Kernel{{
			File:     "unary",
			Set:      elements(width).with(Set{"chain": calls(op.Chain)}),
			Grid:     Flat(n/width, 64),
			Bindings: inOut(1, 0),
			Sizes:    append(sizes("n", n/width), parameters(op.Chain)...),
		}}}
	}
	programs := []Program{program("unary", 1)}
	if n%4 == 0 {
		programs = append([]Program{program("unary_vec4", 4)}, programs...)
	}
	return programs
}

// broadcast returns the result's length and its inner five extents, and the strides of each
// arg along all six, in elements of the given width.
func broadcast(args []tensor.Shape, result tensor.Shape, width int) []int {
	six := append(tensor.Shape{1, 1, 1, 1, 1, 1}[:graph.MaxRank-len(result)], result...)
	lengths := append([]int{result.Len() / width}, six[1:]...)
	lengths[5] /= width
	for _, a := range args {
		s := graph.BroadcastStrides(a, six)
		for _, along := range s[:5] {
			lengths = append(lengths, along/width)
		}
		lengths = append(lengths, s[5])
	}
	return lengths
}

// allFours reports whether rows of all shapes are whole vec4s.
func allFours(shapes []tensor.Shape) bool {
	for _, s := range shapes {
		if !fours(s) {
			return false
		}
	}
	return true
}

// pair lists the programs of a Binary that is more than one of the four operations.
func pair(op graph.Binary, onto int, args []tensor.Shape, result tensor.Shape) []Program {
	bindings := inOut(2, 0, 1)
	if onto > 0 {
		bindings[onto-1].Arg = Absent
	}
	flat := true
	for _, a := range args {
		flat = flat && (a.Equal(result) || a.Len() == 1)
	}
	program := func(name string, width int) Program {
		shapes, y := args, result
		if flat { // x is then a row
			shapes, y = nil, tensor.Shape{result.Len()}
			for _, a := range args {
				shapes = append(shapes, tensor.Shape{a.Len()})
			}
		}
		return Program{Name: name, Kernels: []Kernel{{
			File:     "pair",
			Set:      elements(width).with(Set{"KIND": int(op.Kind), "ONTO": onto, "FLAT": flat, "chain": calls(op.Then)}),
			Grid:     Flat(result.Len()/width, 64),
			Bindings: bindings,
			Sizes:    append(sizes("n "+fiveAndTwelve, broadcast(shapes, y, width)...), parameters(op.Then)...),
		}}}
	}
	programs := []Program{program("pair", 1)}
	if allFours(args) || args[0].Equal(args[1]) && result.Len()%4 == 0 {
		programs = append([]Program{program("pair_vec4", 4)}, programs...)
	}
	return programs
}

func where(args []tensor.Shape, result tensor.Shape) []Program {
	program := func(name string, width int) Program {
		return Program{Name: name, Kernels: []Kernel{{
			File:     "where",
			Set:      elements(width),
			Grid:     Flat(result.Len()/width, 64),
			Bindings: inOut(3, 0, 1, 2),
			Sizes:    sizes("n d1 d2 d3 d4 d5 c0 c1 c2 c3 c4 c5 a0 a1 a2 a3 a4 a5 b0 b1 b2 b3 b4 b5", broadcast(args, result, width)...),
		}}}
	}
	programs := []Program{program("where", 1)}
	if allFours(args) {
		programs = append([]Program{program("where_vec4", 4)}, programs...)
	}
	return programs
}
