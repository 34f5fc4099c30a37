package shaders

import (
	"fmt"
	"slices"
	"sort"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// tile is a choice of constants in lib/tiled: the tile of a workgroup, its step along K, and
// the patch of an invocation.
type tile struct{ m, n, k, regM, regN int }

// tiles are the shapes worth trying. Large ones read least, small ones fill a device with
// little work, and flat ones suit few rows. Those of seven rows are for maps of 7, 14, 28
// and 56 pixels, of which other tiles waste up to a third.
var tiles = []tile{
	{128, 64, 16, 8, 8},
	{112, 64, 16, 7, 8},
	{64, 64, 8, 8, 8},
	{56, 64, 8, 7, 8},
	{56, 32, 16, 7, 4},
	{64, 64, 16, 4, 8},
	{32, 32, 32, 4, 4},
	{16, 64, 16, 4, 4},
}

// softTiles are those for software devices, which compile steps of 32 for ten seconds.
var softTiles = []tile{
	{128, 64, 16, 8, 8},
	{64, 64, 8, 8, 8},
	{64, 64, 16, 4, 8},
	{32, 32, 16, 4, 4},
	{16, 64, 16, 4, 4},
}

func (t tile) String() string {
	return fmt.Sprintf("%dx%dx%d %dx%d", t.m, t.n, t.k, t.regM, t.regN)
}

func (t tile) invocations() int { return t.m / t.regM * (t.n / t.regN) }

// bytes returns the workgroup memory of lib/tiled. Invocations copy whole turns of rows.
func (t tile) bytes() int {
	lanes := t.lanes()
	return 4 * t.k * (ceil(t.m, lanes)*lanes + t.n + 4)
}

// lanes returns how many rows a workgroup copies at once.
func (t tile) lanes() int { return 4 * t.invocations() / t.k }

func (t tile) set() Set {
	return Set{"TILE_M": t.m, "TILE_N": t.n, "TILE_K": t.k, "REG_M": t.regM, "REG_N": t.regN}
}

// gemm is a batch of z products of [m, k] and [k, n].
type gemm struct {
	z, m, n, k int
	left       int   // numbers in the left matrices if rows share some; 0 means z*m*k
	transB     bool  // the right matrices are [n, k]
	batch      Sizes // struct Batch of lib/batch
	scale      float64
	end        epilogue
}

// single is the Batch of one product.
var single = batch([3][4]int{{1, 1, 1, 1}})

// vec4 reports whether the matrices can be read and written in fours.
func (g gemm) vec4() bool { return g.k%4 == 0 && g.n%4 == 0 }

// grid returns the workgroups for a tile: those of y for each split and each z.
func (g gemm) grid(t tile, splits int) [3]int {
	return [3]int{ceil(g.n, t.n), ceil(g.m, t.m), g.z * splits}
}

// cost estimates the time that a tiling takes, to compare tilings. On a software device it
// is the number of rounds in which 16 lanes run all invocations, times the multiplications
// and reads of one.
func (g gemm) cost(kind Kind, t tiling) float64 {
	if kind == GPU {
		return g.clocks(t)
	}
	const lanes = 16
	grid := g.grid(t.tile, t.splits)
	rounds := ceil(grid[0]*grid[1]*grid[2]*t.invocations(), lanes)
	cost := rounds * ceil(g.k, t.splits) * (t.regM*t.regN + 2*(t.regM+t.regN))
	if t.splits > 1 {
		cost += lanes/4 + 8*ceil(t.splits*g.m*g.n, lanes)
	}
	return float64(cost)
}

// slice returns how many fours of K each split has, in whole steps of t.
func (g gemm) slice(t tile, splits int) int {
	return ceil(ceil(g.k, t.k), splits) * t.k / 4
}

// split chooses how many workgroups share the K of a tile. It is 1 if the tiles alone
// fill the device or if K is short.
func (g gemm) split(kind Kind, t tile) int {
	best := tiling{t, 1}
	for _, s := range []int{2, 3, 4, 6, 8, 12, 16} {
		if next := (tiling{t, s}); g.z == 1 && g.k >= s*64 && g.cost(kind, next) < g.cost(kind, best) {
			best = next
		}
	}
	return best.splits
}

// tiling is a tile and the number of ranges that K is split into.
type tiling struct {
	tile
	splits int
}

func (t tiling) String() string {
	if t.splits > 1 {
		return fmt.Sprintf("%v split%d", t.tile, t.splits)
	}
	return t.tile.String()
}

// tilings lists the tilings that the device allows, the cheapest guess first: each
// tile, and the best one with K split. Kernels that read single elements have only
// patches of 4x4, which keeps their text short. extra is the workgroup memory, in
// bytes, that a kernel takes for each row of a tile.
func (g gemm) tilings(lim Limits, vec4 bool, extra int) []tiling {
	var all []tiling
	cost := func(t tiling) float64 { return g.cost(lim.Kind, t) }
	split := tiling{splits: 1}
	for _, t := range lim.tiles() {
		if t.bytes()+extra*t.m > lim.WorkgroupMemory || t.invocations() > lim.WorkgroupSize || !vec4 && t.regM > 4 {
			continue
		}
		if grid := g.grid(t, 1); max(grid[0], grid[1], grid[2]) > lim.WorkgroupsPerDim {
			continue
		}
		all = append(all, tiling{t, 1})
		s := tiling{t, g.split(lim.Kind, t)}
		if lim.wide && g.z == 1 && lim.Kind == GPU {
			all = append(all, g.splits(lim, t)...)
		}
		if s.splits > 1 && 4*int64(s.splits)*int64(g.m*g.n) <= lim.StorageBinding && (split.splits == 1 || cost(s) < cost(split)) {
			split = s
		}
	}
	if split.splits > 1 {
		all = append(all, split)
	}
	sort.SliceStable(all, func(i, j int) bool { return cost(all[i]) < cost(all[j]) })
	const many = 24 // of the best guesses
	if lim.wide && len(all) > many {
		all = all[:many]
	}
	return all
}

// program completes a program with one multiplying kernel whose constants are set. The
// op has the given number of args and an epilogue from arg 2. If K is split, the
// kernel writes its sums to scratch for split_sum.
func (g gemm) program(name, source string, t tiling, set Set, args int, lengths Sizes) Program {
	bias, residual, finish := g.end.args(2)
	k := Kernel{File: source, Grid: g.grid(t.tile, t.splits), Sizes: lengths, Waste: g.waste(t)}
	if t.splits == 1 {
		k.Set = set.with(t.set()).with(finish)
		k.Bindings = inOut(args, 0, 1, bias, residual)
		return Program{Name: name, Kernels: []Kernel{k}, clocks: g.clocks(t)}
	}
	k.Set = set.with(t.set()).with(Set{"SPLIT": true})
	k.Bindings = inOut(args+1, 0, 1, Absent, Absent)
	sum, width := "split_sum", 1
	if g.n%4 == 0 {
		sum, width = "split_sum_vec4", 4
	}
	return Program{Name: name, Kernels: []Kernel{k, {
		File:     sum,
		Set:      finish,
		Grid:     Flat(g.m*g.n/width, 64),
		Bindings: inOut(args, args+1, bias, residual),
		Sizes:    sizes(counts(width, "count* n* splits"), g.m*g.n/width, g.n/width, t.splits),
	}}, Scratch: []int{t.splits * g.m * g.n}, clocks: g.clocks(t)}
}

// tiled lists the kernels of the linear_tiled family that compute g for an op with the
// given number of args.
func (g gemm) tiled(op string, args int, lim Limits) []Program {
	source, suffix, width := "linear_tiled", "_tiled ", 1
	if g.vec4() {
		source, suffix, width = "linear_tiled_vec4", "_tiled_vec4 ", 4
	}
	var programs []Program
	for _, t := range g.tilings(lim, g.vec4(), 0) {
		lengths := slices.Concat(g.batch, sizes(counts(width, "m n* k*"), g.m, g.n/width, g.k/width),
			sizes("scale", g.scale), sizes("k_slice", g.slice(t.tile, t.splits)))
		programs = append(programs, g.program(op+suffix+t.String(), source, t, Set{"TRANS_B": g.transB}, args, lengths))
	}
	return programs
}

// linearTiled lists the kernels for a linear layer that share loads and sums in workgroup
// memory.
func linearTiled(op dense, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	n, k := args[1][0], args[1][1]
	g := gemm{z: 1, m: result.Len() / n, n: n, k: k, transB: true, batch: single, scale: 1, end: op.end()}
	return append(g.matvec(len(args), lim), g.tiled("linear", len(args), lim)...)
}

// matmulTiled lists the kernels for a product of matrices that share loads and sums in
// workgroup memory.
func matmulTiled(op graph.MatMul, args []tensor.Shape, result tensor.Shape, lim Limits) []Program {
	m, n, k := op.Sizes(args)
	g := gemm{z: result.Len() / (m * n), m: m, n: n, k: k, transB: op.TransB, batch: batches(args, result), scale: scale(op.Scale)}
	few := g.matvec(len(args), lim)
	columns := 1024 // that fill a device, each with an invocation
	if lim.Kind == CPU {
		columns = 2
	}
	if !g.transB && n*g.z < columns {
		return append(g.tiled("matmul", len(args), lim), few...)
	}
	return append(few, g.tiled("matmul", len(args), lim)...)
}
