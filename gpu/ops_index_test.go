package gpu

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// indexRows adds the ops that select or change elements by index.
func indexRows(add func(op graph.Op, consts int, args ...tensor.Shape)) {
	x := tensor.Shape{3, 5, 4, 8}
	for axis := range x {
		add(graph.Select{Axis: axis}, 2, x, tensor.Shape{2, 3})
	}
	add(graph.Select{}, 2, tensor.Shape{7}, tensor.Shape{})
	add(graph.Select{Axis: 1}, 2, tensor.Shape{2, 65, 3}, tensor.Shape{130})
	for axis := range x {
		add(graph.Resample{Axis: axis}, 3, x, tensor.Shape{9, 3}, tensor.Shape{9, 3})
	}
	add(graph.GatherND{}, 2, x, tensor.Shape{7, 1})
	add(graph.GatherND{}, 2, x, tensor.Shape{2, 3, 2})
	add(graph.GatherND{}, 2, x, tensor.Shape{5, 4})
	add(graph.GatherND{Batch: 1}, 2, x, tensor.Shape{3, 7, 2})
	add(graph.GatherND{Batch: 2}, 2, x, tensor.Shape{3, 5, 1})
	add(graph.GatherND{}, 2, tensor.Shape{2, 3, 2, 3, 2, 5}, tensor.Shape{9, 6})
	for m := graph.MergeSum; m <= graph.MergeMin; m++ {
		add(graph.Scatter{Axis: 2, Merge: m}, 3, x, tensor.Shape{2, 5, 9, 7}, tensor.Shape{2, 5, 9, 7})
		add(graph.Scatter{Merge: m}, 3, tensor.Shape{7}, tensor.Shape{70}, tensor.Shape{70})
		add(graph.ScatterND{Merge: m}, 3, x, tensor.Shape{7, 2}, tensor.Shape{7, 4, 8})
		add(graph.ScatterND{Merge: m}, 3, tensor.Shape{2, 3, 2, 3, 2, 5}, tensor.Shape{3, 3, 6}, tensor.Shape{3, 3})
	}
}

// TestScatter replaces elements at places that all differ, some of which are outside.
func TestScatter(t *testing.T) {
	d := open(t)
	random := rand.New(rand.NewPCG(3, 4))
	filled := func(shape ...int) *tensor.Tensor {
		x := tensor.New(shape...)
		for i := range x.Data {
			x.Data[i] = random.Float32()
		}
		return x
	}
	lines := tensor.New(2, 5, 3)
	for i := range 6 {
		for j, k := range random.Perm(11)[:5] {
			lines.Data[(i/3*5+j)*3+i%3] = float32(k - 6) // of 6 places
		}
	}
	rows := tensor.New(4, 2)
	for i, k := range random.Perm(12)[:4] {
		rows.Data[2*i], rows.Data[2*i+1] = float32(k/4), float32(k%4-4)
	}
	rows.Data[2] = 3
	for _, c := range []struct {
		name string
		op   graph.Op
		args []*tensor.Tensor
	}{
		{"lines", graph.Scatter{Axis: 1}, []*tensor.Tensor{filled(3, 6, 4), oneEach(lines, 6), filled(2, 5, 3)}},
		{"rows", graph.ScatterND{}, []*tensor.Tensor{filled(3, 4, 5), rows, filled(4, 5)}},
		{"rows of vec4s", graph.ScatterND{}, []*tensor.Tensor{filled(3, 4, 8), rows, filled(4, 8)}},
		{"elements", graph.ScatterND{}, []*tensor.Tensor{filled(3, 4), rows, filled(4)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := trace(t, func(g *graph.Graph) {
				var args []*graph.Value
				for _, a := range c.args {
					args = append(args, g.Input("x", a.Shape...))
				}
				g.Output("y", graph.Apply(c.op, args...))
			})
			want, err := g.Eval(context.Background(), c.args...)
			if err != nil {
				t.Fatal(err)
			}
			everyProgram(t, d, nil, g, c.args, want, 0)
		})
	}
}

// oneEach replaces an index that stands for a place of n a second time along
// dimension 1 by one outside.
func oneEach(index *tensor.Tensor, n int) *tensor.Tensor {
	outer, count, inner := graph.Along(index.Shape, 1)
	for i := range outer * inner {
		seen := map[int]bool{}
		for j := range count {
			at := (i/inner*count+j)*inner + i%inner
			k := (int(index.Data[at]) + n) % n
			if seen[k] {
				index.Data[at] = float32(n)
			}
			seen[k] = true
		}
	}
	return index
}
