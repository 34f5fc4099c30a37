package shaders

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// windowAttention lists the programs for window attention, the naive kernel last.
func windowAttention(op graph.WindowAttention, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	w, err := op.Windows(args[0])
	if err != nil {
		return nil
	}
	b, heads := result[0], max(op.Heads, 1)
	d := result[3] / heads
	bindings := inOut(len(args), 0, 1, 2, Absent)
	if op.Cosine {
		bindings[3].Arg = 3
	}
	program := func(name, variant string, set Set, grid [3]int, per int) Program {
		return Program{Name: name + variant, Kernels: []Kernel{{
			File:     name,
			Set:      set.with(Set{"COSINE": op.Cosine}),
			Grid:     grid,
			Bindings: bindings,
			Sizes: append(sizes("b h w heads d window_h window_w count_h count_w shift_h shift_w",
				b, w.Size[0], w.Size[1], heads, d/per, w.Window[0], w.Window[1], w.Count[0], w.Count[1], w.Shift[0], w.Shift[1]),
				sizes("scale", 1/math.Sqrt(float64(d)))...),
		}}}
	}
	naive := program("window_attention_naive", "", nil, Flat(b*heads*ceil(d, 16)*w.Size[0]*w.Size[1], 64), 1)
	windows, tokens := b*w.Count[0]*w.Count[1], w.Window[0]*w.Window[1]
	if d%4 != 0 || max(windows, heads) > lim.WorkgroupsPerDim {
		return []Program{naive}
	}
	set := Set{"PADDED": w.Padded != w.Size}
	lanes := []Program{program("window_attention_lanes", "", set.with(Set{"D4": roomFor(d / 4)}), [3]int{ceil(tokens, 32), heads, windows}, 4)}
	if lim.Kind == GPU {
		f := flash{heads * windows, tokens, tokens, d, d, op.Cosine}
		var programs []Program
		for _, r := range f.queries(lim) {
			more := f.set(r).with(Set{"D4": d / 4, "DV4": d / 4, "SHIFTED": w.Shift != graph.Pair{}})
			p := program("window_attention_flash", fmt.Sprint(" ", flashLanes*r), set.with(more), [3]int{ceil(tokens, flashLanes*r), heads, windows}, 4)
			p.Kernels[0].Waste = f.waste(r)
			programs = append(programs, p)
		}
		lanes = append(programs, lanes...)
	}
	return append(lanes, naive)
}
