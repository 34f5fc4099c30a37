package graph

import (
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

// TestMisuse checks the errors of Trace.
func TestMisuse(t *testing.T) {
	var elsewhere *Value
	if _, err := Trace(func(g *Graph) { elsewhere = g.Input("x", 4); g.Output("y", elsewhere) }); err != nil {
		t.Fatal(err)
	}
	for want, f := range map[string]func(g *Graph){
		"no output":               func(g *Graph) { g.Input("x", 4) },
		"input x: shape [-1]":     func(g *Graph) { g.Input("x", -1) },
		"input x: shape [429":     func(g *Graph) { g.Input("x", 1<<32, 1<<32) },
		"output y is not a value": func(g *Graph) { g.Output("y", nil) },
		"output z is not a value": func(g *Graph) { g.Output("z", elsewhere) },
		"constant is nil":         func(g *Graph) { g.Const(nil) },
		"w of shape [4] has 2":    func(g *Graph) { g.Const(&tensor.Tensor{Name: "w", Shape: tensor.Shape{4}, Data: make([]float32, 2)}) },
		"add: argument 1":         func(g *Graph) { g.Input("x", 4).Add(elsewhere) },
		"concat":                  func(g *Graph) { Apply(Concat{}) },
		"is too large":            func(g *Graph) { g.Input("x", 1<<40, 1).Add(g.Input("y", 1, 1<<40)) },
	} {
		if _, err := Trace(f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
