package shaders

import (
	"fmt"
	"slices"
)

// flash describes the loop of lib/flash over the keys of one head.
type flash struct{ heads, n, m, d, dv int } // heads of all images

// The extents of lib/flash. Waves is how many workgroups a large card should have.
const (
	flashKeys  = 32
	flashLanes = 8 // side by side
	flashWaves = 256
)

// queries lists the queries of an invocation, REG_Q, that waste least and fill a large card
// best, and then the largest number. An invocation keeps REG_Q * (4*COLS + 4) sums and
// scores: with more than 84 a GPU runs fewer than three groups of lanes at once.
func (f flash) queries(lim Limits) []int {
	most := min(8, 84/(4*ceil(f.dv, 4*flashLanes)+4))
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

// bytes returns the workgroup memory.
func (f flash) bytes(r int) int {
	return 16 * (ceil(r, 4)*32*(flashLanes+1) + flashLanes*flashLanes*ceil(f.dv, 4*flashLanes))
}

// flash lists the programs around attention_flash, the best guess first.
func (a attend) flash(set Set, lim Limits) []Program {
	f := flash{a.B * a.H, a.N, a.M, a.D, a.Dv}
	var whole, split []Program
	for _, r := range f.queries(lim) {
		set := set.with(Set{"REG_Q": r, "REL_ROWS": a.op.KH > 0 && a.op.KW%flashKeys == 0})
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
