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

// calls returns the names of functions. The args are x, a, b and c.
func calls(links []graph.Link) Calls {
	var names []string
	for _, l := range links {
		name := l.String()
		switch {
		case l.Arg == 0:
			name = l.Step.Fn.String()
		case l.First:
			name = "xabc"[l.Arg-1:l.Arg] + "~" + name
		default:
			name += "~" + "xabc"[l.Arg-1:l.Arg]
		}
		names = append(names, name)
	}
	return Calls(strings.Join(names, "."))
}

// parameters returns the sizes of functions: two parameters for each that there can be.
func parameters(links []graph.Link, most int) Sizes {
	var all Sizes
	for i := range most {
		var s graph.Step
		if i < len(links) {
			s = links[i].Step
		}
		all = append(all, Size{fmt.Sprint("p", i), float64(s.A)}, Size{fmt.Sprint("q", i), float64(s.B)})
	}
	return all
}

func unary(op graph.Unary, result tensor.Shape) []Program {
	n := result.Len()
	var links []graph.Link
	for _, s := range op.Chain.List() {
		links = append(links, graph.Link{Step: s})
	}
	program := func(name string, width int) Program {
		return Program{Name: name, Kernels: []Kernel{{
			File:     "unary",
			Set:      elements(width).with(Set{"chain": calls(links)}),
			Grid:     Flat(n/width, 64),
			Bindings: inOut(1, 0),
			Sizes:    append(sizes("n", n/width), parameters(links, graph.MaxSteps)...),
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

func pointwise(op graph.Pointwise, onto int, args []tensor.Shape, result tensor.Shape) []Program {
	bindings := inOut(len(args), 0, Absent, Absent, Absent)
	flat, same := true, result.Len()%4 == 0
	shapes := make([]tensor.Shape, graph.MaxPointwiseArgs)
	for i := range shapes {
		if i >= len(args) {
			continue // the empty shape, of one number
		}
		if bindings[i].Arg = i; i == onto-1 {
			bindings[i].Arg = Absent
		}
		shapes[i] = args[i]
		flat = flat && (args[i].Equal(result) || args[i].Len() == 1)
		same = same && args[i].Equal(result)
	}
	y := result
	if flat {
		y = tensor.Shape{result.Len()}
		for i, s := range shapes {
			shapes[i] = tensor.Shape{s.Len()}
		}
	}
	program := func(name string, width int) Program {
		links := op.List()
		return Program{Name: name, Kernels: []Kernel{{
			File:     "pointwise",
			Set:      elements(width).with(Set{"ARGS": len(args), "ONTO": onto, "FLAT": flat, "chain": calls(links)}),
			Grid:     Flat(result.Len()/width, 64),
			Bindings: bindings,
			Sizes: append(sizes("n d1 d2 d3 d4 d5 x0 x1 x2 x3 x4 x5 a0 a1 a2 a3 a4 a5 b0 b1 b2 b3 b4 b5 c0 c1 c2 c3 c4 c5",
				broadcast(shapes, y, width)...), parameters(links, graph.MaxLinks)...),
		}}}
	}
	programs := []Program{program("pointwise", 1)}
	if same || allFours(args) {
		programs = append([]Program{program("pointwise_vec4", 4)}, programs...)
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
