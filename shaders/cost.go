package shaders

import (
	"cmp"
	"slices"
)

// The guesses of this file order the programs for GPUs. They count clocks of a card with
// one of these numbers of multiprocessors. A guess is the mean over them, and no choice
// depends on one number.
var cards = [...]int{80, 100, 120, 150}

const (
	rate     = 128  // invocations of a multiprocessor that multiply and add in a clock
	waits    = 64   // invocations whose work is lost in waits
	traffic  = 600  // bytes that a card reads or writes in a clock
	dispatch = 3000 // clocks from the end of a dispatch to the work of the next
)

// compute guesses the clocks in which a card runs workgroups of the given invocations,
// with work instructions for each.
func compute(groups, invocations int, work float64) float64 {
	sum := 0.0
	for _, processors := range cards {
		sum += float64(max(ceil(groups, processors)*invocations, rate)+waits) * work / rate
	}
	return sum / float64(len(cards))
}

// move guesses the clocks of a dispatch that only moves floats.
func move(floats int) float64 { return dispatch + 4*float64(floats)/traffic }

// clocks guesses the time that a tiling takes on a GPU, with the merge of a split sum. Of
// tilings whose guesses differ by little, the one with less padding comes out faster.
func (g gemm) clocks(t tiling) float64 {
	grid := g.grid(t.tile, t.splits)
	reads := 2*(t.regM+t.regN) + 4*ceil(t.m+t.n, t.invocations()) // of workgroup memory, of buffers
	work := float64(4 * g.slice(t.tile, t.splits) * (t.regM*t.regN + reads))
	results := t.splits * g.z * g.m * g.n
	clocks := max(dispatch+compute(grid[0]*grid[1]*grid[2], t.invocations(), work), move(g.read()+results))
	if t.splits > 1 {
		clocks += move(results + g.m*g.n)
	}
	return clocks * (1 + g.waste(t)/2)
}

// read returns how many numbers the operands have.
func (g gemm) read() int {
	left := g.left
	if left == 0 {
		left = g.z * g.m * g.k
	}
	return left + g.z*g.k*g.n
}

// waste returns the share of a tiling's multiplications that lie outside the matrices.
func (g gemm) waste(t tiling) float64 {
	grid := g.grid(t.tile, t.splits)
	computed := grid[0] * t.n * grid[1] * t.m * t.splits * 4 * g.slice(t.tile, t.splits)
	return 1 - float64(g.m*g.n)*float64(g.k)/float64(computed)
}

// cheapest sorts programs by their guessed times. Those without a guess come last.
func cheapest(programs []Program) []Program {
	slices.SortStableFunc(programs, func(a, b Program) int {
		if a.clocks == 0 || b.clocks == 0 {
			return cmp.Compare(b.clocks, a.clocks)
		}
		return cmp.Compare(a.clocks, b.clocks)
	})
	return programs
}
