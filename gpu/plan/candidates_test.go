package plan

import (
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

// TestCandidates makes a plan with each choice. Together they must use every program
// of every op, and the first must be the default.
func TestCandidates(t *testing.T) {
	g, err := graph.Trace(func(g *graph.Graph) {
		x := g.Input("x", 1, 16, 16, 8)
		g.Output("y", graph.Apply(graph.Conv2d{Pad: graph.Both(1)}, x, g.Const(tensor.New(16, 8, 3, 3))).GELU())
	})
	if err != nil {
		t.Fatal(err)
	}
	missing := map[string]bool{}
	for _, c := range []shaders.Call{
		{Op: graph.Conv2d{Pad: graph.Both(1), Epilogue: graph.Epilogue{Act: graph.GELU}}, Args: []tensor.Shape{{1, 16, 16, 8}, {16, 8, 3, 3}}},
	} {
		for _, p := range shaders.Programs(c, shaders.Default) {
			missing[p.Name] = true
		}
	}
	if len(missing) < 3 {
		t.Fatalf("programs %v", missing)
	}
	first := true
	for c := range Candidates(Choice{Apart: true}) {
		p, err := New(g, shaders.Default, 1<<30, c.Choice)
		if err != nil {
			t.Fatal(err)
		}
		if !c.Choice.Apart {
			t.Error("the base of the choices is lost")
		}
		if byDefault, err := New(g, shaders.Default, 1<<30, Choice{}); first && (err != nil || p.String() != byDefault.String()) {
			t.Errorf("the first candidate is not the default:\n%s", p)
		}
		first = false
		delete(missing, c.Name)
	}
	if len(missing) > 0 {
		t.Errorf("never taken: %v", missing)
	}
}
