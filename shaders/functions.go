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

// places returns the number of dimensions of a result, at least one, after it has joined
// neighbours along which all args go on alike. Then come the result's length, its extents and
// the strides of each arg in elements of the given width: of the first dimension, and of the
// others at the end of five.
func places(args []tensor.Shape, result tensor.Shape, width int) (dims int, lengths []int) {
	var extents []int
	strides := make([][]int, len(args))
	all := make([][]int, len(args))
	for i, a := range args {
		all[i] = graph.BroadcastStrides(a, result)
	}
	for d, n := range result {
		if n == 1 {
			continue
		}
		last, on := len(extents)-1, len(extents) > 0
		for i := range args {
			on = on && strides[i][last] == n*all[i][d]
		}
		if !on {
			last++
			extents = append(extents, 1)
			for i := range args {
				strides[i] = append(strides[i], 0)
			}
		}
		extents[last] *= n
		for i := range args {
			strides[i][last] = all[i][d]
		}
	}
	if len(extents) == 0 {
		extents = []int{1}
	}
	dims = len(extents)
	six := func(list []int, rest int) []int {
		out := []int{rest, rest, rest, rest, rest, rest}
		copy(out[graph.MaxRank-dims+1:], list[min(1, len(list)):])
		out[0] = list[0]
		return out
	}
	lengths = append([]int{result.Len() / width}, six(extents, 1)[1:]...)
	if dims > 1 {
		lengths[5] /= width
	}
	for i := range args {
		if len(strides[i]) == 0 {
			strides[i] = []int{0}
		}
		for d := range dims - 1 { // the last dimension counts elements
			strides[i][d] /= width
		}
		lengths = append(lengths, six(strides[i], 0)...)
	}
	return dims, lengths
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
	bindings := inOut(len(args), Absent, Absent, Absent, Absent)
	shapes := make([]tensor.Shape, graph.MaxPointwiseArgs) // an arg too few is one number
	same := result.Len()%4 == 0
	for i, s := range args {
		if i != onto-1 {
			bindings[i].Arg = i
		}
		shapes[i], same = s, same && s.Equal(result)
	}
	links := op.List()
	program := func(name string, width int) Program {
		dims, lengths := places(shapes, result, width)
		return Program{Name: name, Kernels: []Kernel{{
			File:     "pointwise",
			Set:      elements(width).with(Set{"ARGS": len(args), "ONTO": onto, "DIMS": dims, "chain": calls(links)}),
			Grid:     Flat(result.Len()/width, 64),
			Bindings: bindings,
			Sizes: append(sizes("n d1 d2 d3 d4 d5 x0 x1 x2 x3 x4 x5 a0 a1 a2 a3 a4 a5 b0 b1 b2 b3 b4 b5 c0 c1 c2 c3 c4 c5",
				lengths...), parameters(links, graph.MaxLinks)...),
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
		dims, lengths := places(args, result, width)
		return Program{Name: name, Kernels: []Kernel{{
			File:     "where",
			Set:      elements(width).with(Set{"DIMS": dims}),
			Grid:     Flat(result.Len()/width, 64),
			Bindings: inOut(3, 0, 1, 2),
			Sizes:    sizes("n d1 d2 d3 d4 d5 c0 c1 c2 c3 c4 c5 a0 a1 a2 a3 a4 a5 b0 b1 b2 b3 b4 b5", lengths...),
		}}}
	}
	programs := []Program{program("where", 1)}
	if allFours(args) {
		programs = append([]Program{program("where_vec4", 4)}, programs...)
	}
	return programs
}
