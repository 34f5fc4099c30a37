package gpu

import (
	"testing"

	"github.com/vertebra/vertebra/graph"
)

// TestCompiling compiles a graph twice. The first time the kernels are counted up to
// their number, the second time there is none.
func TestCompiling(t *testing.T) {
	var told [][2]int
	d, err := Open(Options{Compiling: func(done, total int) { told = append(told, [2]int{done, total}) }})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	g := trace(t, func(g *graph.Graph) { x := g.Input("x", 4); g.Output("y", x.Add(x).Mul(x)) })
	for range 2 {
		p, err := d.Compile(g)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(told) == 0 {
		t.Fatal("no kernel is told of")
	}
	for i, got := range told {
		if got != [2]int{i + 1, len(told)} {
			t.Errorf("told %v", told)
		}
	}
}
