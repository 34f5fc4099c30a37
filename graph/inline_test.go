package graph_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

func TestInline(t *testing.T) {
	inner, err := graph.Trace(func(g *graph.Graph) {
		x := g.Input("x", 2, 3)
		y := x.Add(g.Const(tensor.Of([]float32{1, 2, 3}, 3))).Stage("sum")
		g.Output("y", y.ReLU())
	})
	if err != nil {
		t.Fatal(err)
	}
	outer, err := graph.Trace(func(g *graph.Graph) {
		a := g.Input("a", 3, 2)
		for _, o := range inner.Inline(a.Permute(1, 0)) {
			g.Output("of "+o.Name, o.Value)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := outer.Keep("sum"); err != nil {
		t.Fatal(err)
	}
	got, err := outer.Eval(context.Background(), tensor.Of([]float32{-9, 1, 2, 3, 4, 5}, 3, 2))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]float32{{0, 4, 7, 2, 5, 8}, {-8, 4, 7, 2, 5, 8}} {
		for k, v := range want {
			if got[i].Data[k] != v {
				t.Errorf("output %d is %v, want %v", i, got[i].Data, want)
				break
			}
		}
	}
	_, err = graph.Trace(func(g *graph.Graph) { inner.Inline(g.Input("a", 3, 2)) })
	if err == nil || !strings.Contains(err.Error(), "[3, 2], input x is [2, 3]") {
		t.Errorf("a wrong shape gives the error %v", err)
	}
	own := errors.New("own")
	if _, err = graph.Trace(func(*graph.Graph) { graph.Fail(own) }); err != own {
		t.Errorf("Fail gives %v", err)
	}
}
