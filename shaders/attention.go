package shaders

import (
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// attention lists the programs for attention, the naive kernel last.
func attention(op graph.Attention, args []tensor.Shape, lim Limits) []Program {
	l, err := op.Layout(args)
	if err != nil || op.KH*op.KW > 1<<20 { // lib/scores divides in float32
		return nil
	}
	a := attend{op: op, args: args, AttentionLayout: l}
	naive := a.program("attention_naive", "", nil, Flat(l.B*l.H*ceil(l.Dv, 16)*l.N, 64), 1)
	if l.D%4 != 0 || l.Dv%4 != 0 || max(l.B, l.H) > lim.WorkgroupsPerDim {
		return []Program{naive}
	}
	room := Set{"D4": roomFor(l.D / 4), "DV4": roomFor(l.Dv / 4)}
	lanes := []Program{a.program("attention_lanes", "", room, [3]int{ceil(l.N, 32), l.H, l.B}, 4)}
	if p, ok := a.pane(room); ok && l.M >= manyKeys {
		lanes = append([]Program{p}, lanes...)
	} else if ok {
		lanes = append(lanes, p)
	}
	if lim.Kind == GPU {
		lanes = append(a.flash(Set{"D4": l.D / 4, "DV4": l.Dv / 4}, lim), lanes...)
	}
	return append(lanes, naive)
}

// roomFor returns the length of arrays for n vec4s of a head, in kernels whose loops have
// their bounds among the sizes. Heads of many sizes then share a text, which a software
// driver compiles for seconds.
func roomFor(n int) int {
	room := 8
	for room < n {
		room *= 2
	}
	return room
}

// manyKeys is the smallest number of keys for which panes are worth their copies and
// dispatches.
const manyKeys = 2048

// pane returns the program that sees keys and values through panes. It first copies
// those of each head together. It reports false if the parts begin at offsets that a
// pane may not have.
func (a attend) pane(set Set) (Program, bool) {
	most := paneFloats / max(a.D, a.Dv) // keys in a pane
	part, heads := min(most/8*8, a.M), 1
	if part == a.M {
		heads = min(most/a.M, a.B*a.H)
	}
	for _, d := range []int{a.D, a.Dv} {
		if part == 0 || a.M*d%paneAlign != 0 || part < a.M && part*d%paneAlign != 0 {
			return Program{}, false
		}
	}
	k, v := len(a.args)+1, len(a.args)+2
	p := Program{Name: "attention_pane", Scratch: []int{a.B * a.H * a.M * a.D, a.B * a.H * a.M * a.Dv, 2 * a.B * a.H * a.N}}
	for _, c := range []struct {
		from  graph.Operand
		width int
		to    int
	}{{a.K, a.D, k}, {a.V, a.Dv, v}} {
		axes := []axis{{a.B, a.M * c.from.Stride}, {a.H, c.width}, {a.M, c.from.Stride}, {c.width, 1}}
		copies := strided(axes, c.from.First, Default)[0].Kernels[0]
		copies.Bindings = inOut(c.to, c.from.Arg)
		p.Kernels = append(p.Kernels, copies)
	}
	a.K.First, a.K.Stride, a.V.First, a.V.Stride = 0, a.D, 0, a.Dv // as copied
	whole := a.program("attention_pane", "", set, [3]int{ceil(a.N, 32), 1, 1}, 4).Kernels[0]
	whole.Bindings = append(whole.Bindings, writes(v+1)...)
	for head := 0; head < a.B*a.H; head += heads {
		for first := 0; first < a.M; first += part {
			w := whole
			w.Grid[1] = min(heads, a.B*a.H-head)
			w.Bindings = slices.Clone(whole.Bindings)
			w.Bindings[1] = Binding{Arg: k, Access: Uniform, Offset: int64(4 * (head*a.M + first) * a.D)}
			w.Bindings[2] = Binding{Arg: v, Access: Uniform, Offset: int64(4 * (head*a.M + first) * a.Dv)}
			w.Sizes = append(slices.Clone(whole.Sizes[:len(whole.Sizes)-3]), sizes("head first keys", head, first, min(part, a.M-first))...)
			p.Kernels = append(p.Kernels, w)
		}
	}
	return p, true
}

// attend is an Attention with the extents of its args.
type attend struct {
	op   graph.Attention
	args []tensor.Shape
	graph.AttentionLayout
}

// program returns the program of a kernel that counts the channels of its operands in units
// of per elements.
func (a attend) program(kernel, variant string, set Set, grid [3]int, per int) Program {
	bindings := inOut(len(a.args), a.Q.Arg, a.K.Arg, a.V.Arg, Absent, Absent, Absent, Absent)
	lengths := []int{a.B, a.H, a.N, a.M, a.D / per, a.Dv / per}
	for _, p := range []graph.Operand{a.Q, a.K, a.V} {
		lengths = append(lengths, p.First/per, p.Stride/per)
	}
	full := tensor.Shape{a.B, a.H, a.N, a.M}
	for i := range 2 {
		strides := make([]int, 4)
		if i < a.op.Biases {
			bindings[3+i].Arg = a.Biases + i
			strides = graph.BroadcastStrides(a.args[a.Biases+i], full)
		}
		lengths = append(lengths, strides...)
	}
	if a.op.KH > 0 {
		bindings[5].Arg, bindings[6].Arg = a.Rel, a.Rel+1
	}
	lengths = append(lengths, a.op.KH, a.op.KW)
	return Program{Name: kernel + variant, Kernels: []Kernel{{
		File:     kernel,
		Set:      set.with(Set{"BIASES": a.op.Biases, "REL": a.op.KH > 0, "CAUSAL": a.op.Causal}),
		Grid:     grid,
		Bindings: bindings,
		Sizes: slices.Concat(
			sizes("b h n m d dv q_first q_stride k_first k_stride v_first v_stride"+
				" bias1_b bias1_h bias1_n bias1_m bias2_b bias2_h bias2_n bias2_m kh kw", lengths...),
			sizes("scale", a.op.ScaleFor(a.D)),
			sizes("head first keys", 0, 0, 0)), // attention_pane's
	}}}
}
