package plan

import (
	"iter"

	"github.com/vertebra/vertebra/shaders"
)

// Candidate is a choice of one program for each op of a graph.
type Candidate struct {
	Choice Choice
	Name   string // of the program chosen last; the only one for a graph of one op
}

// Candidates yields choices that together use every program of every op. The first
// uses every op's first program, the second every op's second, and so on. An op with
// fewer programs uses its last. The loop's body compiles its graphs with each
// Choice, one after the other; Candidates counts the programs meanwhile.
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
