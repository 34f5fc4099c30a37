package shaders

import (
	"fmt"
	"slices"
)

// flash describes the loop of lib/flash over the keys of one head.
type flash struct {
	heads, n, m, d, dv int // heads of all images
	cosine             bool
}

// The extents of lib/flash. Waves is how many workgroups a large card should have.
const (
	flashKeys  = 32
	flashLanes = 8 // side by side
	flashWaves = 256
)

// queries lists the queries of an invocation, REG_Q, that waste least and fill a large card
// best, and then the largest number. With more queries than these an RDNA 2 GPU runs fewer
// than three groups of lanes at once.
func (f flash) queries(lim Limits) []int {
	most := 0
	if by := []int{8, 5, 4, 4}; f.columns() <= len(by) {
		most = by[f.columns()-1]
	}
	if f.cosine {
		most = min(most, 5)
	}
	for most >= 4 && f.bytes(most) > lim.WorkgroupMemory {
		most--
	}
	if most < 4 { // the rows of a tile would not hold its keys
		return nil
	}
	best := most
	for r := most - 1; r >= 4; r-- {
		if f.cost(r) < f.cost(best) {
			best = r
		}
	}
	return slices.Compact([]int{best, most})
}

// groups returns the number of workgroups.
func (f flash) groups(r int) int { return f.heads * ceil(f.n, flashLanes*r) }

// cost estimates the time with r queries in an invocation.
func (f flash) cost(r int) int {
	return max(f.groups(r), flashWaves) * (r + 2) // 2 for loads and softmax
}

// part returns how many keys a workgroup should see, if more workgroups than these should
// share the keys, and else 0. It is a multiple of flashKeys.
func (f flash) part(r int) int {
	tiles := ceil(f.m, flashKeys)
	splits := min(flashWaves/f.groups(r), tiles/2)
	if splits < 2 {
		return 0
	}
	return ceil(tiles, splits) * flashKeys
}

// waste returns the share of the products that lies outside the scores.
func (f flash) waste(r int) float64 {
	n, m := ceil(f.n, flashLanes*r)*flashLanes*r, ceil(f.m, flashKeys)*flashKeys
	return 1 - float64(f.n)*float64(f.m)/(float64(n)*float64(m))
}

// columns returns how many vec4s of a query's sums an invocation has: COLS.
func (f flash) columns() int { return ceil(f.dv, 4*flashLanes) }

// slices returns SLICE and V_LOADS. Larger ones need fewer barriers and more registers.
func (f flash) slices(r int) (slice, loads int) {
	columns := f.columns()
	slice, loads = 4, 1
	if f.d%16 > 0 || columns == 1 && r > 6 || columns > 3 {
		slice = 2
	}
	if columns == 1 && (slice == 2 || f.cosine) {
		loads = 2
	}
	return slice, loads
}

// set returns the constants for r queries in an invocation.
func (f flash) set(r int) Set {
	slice, loads := f.slices(r)
	return Set{"REG_Q": r, "SLICE": slice, "V_LOADS": loads}
}

// bytes returns the workgroup memory.
func (f flash) bytes(r int) int {
	slice, loads := f.slices(r)
	loaded := flashLanes * flashLanes / slice
	tile := ceil(flashLanes*r, loaded) * loaded * (flashLanes + 1)
	values := loads * flashLanes * f.columns() * flashLanes
	return 16*(tile+values) + 4*flashLanes*flashLanes*r
}

// flash lists the programs around attention_flash, the best guess first.
func (a attend) flash(set Set, lim Limits) []Program {
	f := flash{heads: a.B * a.H, n: a.N, m: a.M, d: a.D, dv: a.Dv}
	var whole, split []Program
	for _, r := range f.queries(lim) {
		set := set.with(f.set(r)).with(Set{"REL_ROWS": a.op.KH > 0 && a.op.KW%flashKeys == 0})
		grid := [3]int{ceil(a.N, flashLanes*r), a.H, a.B}
		p := a.program("attention_flash", fmt.Sprint(" ", flashLanes*r), set, grid, 4)
		p.Kernels[0].Waste = f.waste(r)
		whole = append(whole, p)
		if keys := f.part(r); keys > 0 {
			if s, ok := a.split(p, keys, lim); ok {
				split = append(split, s)
			}
		}
	}
	return append(split, whole...)
}

// split makes a program of p, in which workgroups see only so many of the keys. It reports
// false if the device does not allow it.
func (a attend) split(p Program, keys int, lim Limits) (Program, bool) {
	splits, y := ceil(a.M, keys), len(a.args)
	rows := a.B * a.H * a.N
	size := splits * rows * (a.Dv + 4)
	if a.B*splits > lim.WorkgroupsPerDim || 4*int64(size) > lim.StorageBinding {
		return Program{}, false
	}
	k := p.Kernels[0]
	k.Set = k.Set.with(Set{"SPLIT": 1})
	k.Grid[2] *= splits
	k.Bindings = slices.Clone(k.Bindings)
	k.Bindings[7].Arg = y + 1
	k.Sizes = append(slices.Clone(k.Sizes[:len(k.Sizes)-1]), Size{"keys", keys})
	return Program{
		Name:    fmt.Sprint(p.Name, " split", splits),
		Scratch: []int{size},
		Kernels: []Kernel{k, {
			File:     "attention_merge",
			Grid:     Flat(rows*a.Dv/4, 64),
			Bindings: inOut(y, y+1),
			Sizes:    sizes("rows dv splits", rows, a.Dv/4, splits),
		}},
	}, true
}
