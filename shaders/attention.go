package shaders

import (
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// attention lists the ways to compute attention, the naive kernel last.
func attention(op graph.Attention, args []tensor.Shape, lim Limits) []Program {
	l, err := op.Layout(args)
	if err != nil {
		return nil
	}
	a := attend{op: op, args: args, AttentionLayout: l}
	return []Program{a.program("attention_naive", "", nil, flat(l.B*l.H*ceil(l.Dv, 16)*l.N, 64), 1)}
}

// attend is an Attention with the extents of its args.
type attend struct {
	op   graph.Attention
	args []tensor.Shape
	graph.AttentionLayout
}

// program makes a program of a kernel that reads the operands in units of
// per elements.
func (a attend) program(kernel, variant string, set Set, grid [3]int, per int) Program {
	bind := []int{a.Q.Arg, a.K.Arg, a.V.Arg, Absent, Absent, Absent, Absent, len(a.args)}
	params := []int{a.B, a.H, a.N, a.M, a.D / per, a.Dv / per}
	for _, p := range []graph.Operand{a.Q, a.K, a.V} {
		params = append(params, p.First/per, p.Stride/per)
	}
	full := tensor.Shape{a.B, a.H, a.N, a.M}
	for i := range 2 {
		strides := make([]int, 4)
		if i < a.op.Biases {
			bind[3+i] = a.Biases + i
			strides = graph.BroadcastStrides(a.args[a.Biases+i], full)
		}
		params = append(params, strides...)
	}
	if a.op.KH > 0 {
		bind[5], bind[6] = a.Rel, a.Rel+1
	}
	params = append(params, a.op.KH, a.op.KW, int(math.Float32bits(float32(a.op.ScaleFor(a.D)))))
	return Program{Name: kernel + variant, Kernels: []Kernel{{
		Source: must(kernel, set.with(Set{"BIASES": a.op.Biases, "REL": a.op.KH > 0, "CAUSAL": a.op.Causal})),
		Grid:   grid,
		Bind:   bind,
		Params: words(params...),
	}}}
}
