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
	set := Set{"D4": d / 4, "PADDED": w.Padded != w.Size}
	lanes := []Program{program("window_attention_lanes", "", set, [3]int{ceil(tokens, 32), heads, windows}, 4)}
	var tiled []Program
	if d <= 128 { // a query and its sums then fit an invocation's registers
		keys := min(64, ceil(tokens, 4)*4, lim.WorkgroupMemory/(8*d)/4*4)
		more := Set{"KEYS": keys, "UNROLL": lim.Kind == GPU}
		tiled = append(tiled, program("window_attention_tiled", fmt.Sprint(" ", keys), set.with(more), [3]int{ceil(tokens, 64), heads, windows}, 4))
	}
	return append(preferred(lim, tiled, lanes), naive)
}
