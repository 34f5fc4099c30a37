package shaders

import (
	"fmt"
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
	naive := a.program("attention_naive", "", nil, flat(l.B*l.H*ceil(l.Dv, 16)*l.N, 64), 1)
	if l.D%4 != 0 || l.Dv%4 != 0 || max(l.B, l.H) > lim.WorkgroupsPerDim {
		return []Program{naive}
	}
	set := Set{"D4": l.D / 4, "DV4": l.Dv / 4}
	lanes := []Program{a.program("attention_lanes", "", set, [3]int{ceil(l.N, 32), l.H, l.B}, 4)}
	var tiled []Program
	// Beyond these a query and its sums do not fit an invocation's registers.
	if l.D <= 128 && l.Dv <= 128 {
		keys := min(64, lim.WorkgroupMemory/(4*(l.D+l.Dv))/4*4)
		for _, wg := range []int{64, 32} {
			variant := fmt.Sprintf(" %dx%d", wg, keys)
			more := Set{"KEYS": keys, "WG": wg, "UNROLL": lim.Kind == GPU}
			tiled = append(tiled, a.program("attention_tiled", variant, set.with(more), [3]int{ceil(l.N, wg), l.H, l.B}, 4))
		}
		if l.N <= 32 || l.B*l.H*ceil(l.N, 64) < 64 { // too few for all processors
			tiled[0], tiled[1] = tiled[1], tiled[0]
		}
	}
	return append(preferred(lim, tiled, lanes), naive)
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
