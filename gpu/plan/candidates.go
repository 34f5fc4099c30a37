package plan

import (
	"iter"

	"github.com/vertebra/vertebra/shaders"
)

// Candidate is a choice of one program for each op of a graph.
type Candidate struct {
	Choice Choice
	Name   string // of the program taken last, which is all there is for a graph of one op
}

// Candidates yields choices that together take each program of each op: the
// first takes every op's first program, the next every op's second, and so on;
// where an op has no more, its last. The loop compiles what it wants tried with
// each Choice, one graph at a time, and learns from that how many there are.
func Candidates(base Choice) iter.Seq[*Candidate] {
	return func(yield func(*Candidate) bool) {
		for i, most := 0, 1; i < most; i++ {
			c := &Candidate{Choice: base}
			c.Choice.Program = func(_ shaders.Call, programs []shaders.Program) int {
				most = max(most, len(programs))
				n := min(i, len(programs)-1)
				c.Name = programs[n].Name
				return n
			}
			if !yield(c) {
				return
			}
		}
	}
}
