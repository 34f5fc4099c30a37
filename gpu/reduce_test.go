package gpu

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// reductionRows adds poolings, normalisations, reductions and sorts.
func reductionRows(add func(op graph.Op, consts int, args ...tensor.Shape)) {
	both := graph.Both
	for _, w := range []graph.Window{
		{Size: both(1)},
		{Size: both(2)},
		{Size: both(3), Stride: both(2), Pad: both(1)},
		{Size: both(3), Stride: both(2), Ceil: true},
		{Size: both(5), Stride: both(1), Pad: both(2)},
		{Size: graph.Pair{2, 4}, Stride: graph.Pair{3, 1}, Pad: graph.Pair{1, 2}, Ceil: true},
		{Size: graph.Pair{1, 7}},
		{Size: both(2), Stride: both(4), Ceil: true},
		{Size: both(3), Stride: both(2), Extra: both(1)},
		{Size: graph.Pair{2, 3}, Stride: both(2), Pad: both(1), Extra: graph.Pair{-1, 2}},
		{Size: both(3), Pad: both(2), Dilation: both(2), Stride: graph.Pair{1, 2}, Ceil: true},
	} {
		for _, x := range []tensor.Shape{{1, 7, 7, 1}, {2, 13, 11, 8}, {2, 8, 9, 6}, {1, 17, 32, 20}} {
			add(graph.MaxPool2d{Window: w}, 1, x)
			add(graph.AvgPool2d{Window: w}, 1, x)
			add(graph.AvgPool2d{Window: w, ExcludePad: true}, 1, x)
			add(graph.MaxPool2dIndex{Window: w, Columns: x[3]%4 == 0}, 1, x)
		}
		add(graph.AvgPool2d{Window: w, Divisor: 5}, 1, tensor.Shape{2, 13, 11, 4})
	}
	add(graph.MaxPool2d{Window: graph.Window{Size: both(3), Pad: both(2), Dilation: graph.Pair{2, 3}}}, 1, tensor.Shape{2, 9, 11, 4})
	add(graph.MaxPool2d{Window: graph.Window{Size: both(2), Pad: both(1), Dilation: both(3)}}, 1, tensor.Shape{1, 2, 2, 3}) // windows that cover only padding
	add(graph.MaxPool2d{Window: graph.Window{Size: both(3), Stride: both(2), Pad: both(1)}}, 1, tensor.Shape{2, 112, 112, 64})
	add(graph.MaxPool2d{Window: graph.Window{Size: both(2)}}, 1, tensor.Shape{1, 64, 31, 8}) // bands of rows
	add(graph.AvgPool2d{Window: graph.Window{Size: graph.Pair{4, 3}, Stride: graph.Pair{4, 2}, Pad: graph.Pair{0, 1}}}, 1, tensor.Shape{1, 256, 32, 8})
	add(graph.Argmax{Axis: -1}, 1, tensor.Shape{1, 64, 64, 21})
	add(graph.Argmax{Axis: 2, KeepDim: true}, 1, tensor.Shape{1, 64, 10, 8})
	for _, h := range []int{1, 5, 7, 15} {
		for _, c := range []int{1, 4, 33, 64, 68} {
			add(graph.AvgPool2d{Window: graph.Window{Size: graph.Pair{h, 9}}}, 1, tensor.Shape{2, h, 9, c})
			for _, largest := range []bool{false, true} {
				add(graph.AdaptivePool2d{Out: both(1), Max: largest}, 1, tensor.Shape{2, h, 9, c})
				add(graph.AdaptivePool2d{Out: graph.Pair{6, 7}, Max: largest}, 1, tensor.Shape{2, h, 9, c})
			}
		}
	}
	for _, n := range []int{1, 2, 4, 5, 8, 31, 64, 96, 128, 255, 256, 768, 1021, 1024} {
		for _, m := range []int{1, 7, 8, 9, 65} {
			s := tensor.Shape{m, n}
			add(graph.LayerNorm{Weight: true, Bias: true, Eps: 1e-6}, 1, s, s[1:], s[1:])
			add(graph.Softmax{Axis: -1}, 1, s)
			add(graph.Softmax{Axis: 0, Log: true}, 1, s)
			add(graph.Normalize{Axis: 1}, 1, s)
			kind := graph.ReduceKind((m + n) % 4)
			add(graph.Reduce{Kind: kind, Axes: graph.Dims(0)}, 1, s)
			add(graph.Reduce{Kind: kind, Axes: graph.Dims(1), KeepDims: true}, 1, s)
			add(graph.Argmax{Axis: 1}, 1, s)
		}
		add(graph.Argsort{Axis: 1}, 1, tensor.Shape{3, n})
		add(graph.Argsort{Axis: 0, Inverse: true}, 1, tensor.Shape{n, 3})
		add(graph.TopK{K: (n + 1) / 2, Axis: -1}, 1, tensor.Shape{2, n})
		add(graph.LocalResponseNorm{Size: 5, Alpha: 0.1, Beta: 0.75, K: 2}, 1, tensor.Shape{3, n})
	}
	add(graph.TopK{K: 300, Axis: 1}, 1, tensor.Shape{1, 8400})
	add(graph.TopK{K: 70, Axis: 1, Smallest: true, Indices: true}, 1, tensor.Shape{2, 1300, 3})
	x := tensor.Shape{2, 3, 4, 5, 2, 3}
	for axes := range graph.Axes(64) { // all sets of dimensions
		add(graph.Reduce{Kind: graph.ReduceKind(axes % 4), Axes: axes, KeepDims: axes%5 == 0}, 1, x)
	}
	for axis := range x {
		add(graph.Softmax{Axis: axis}, 1, x)
		add(graph.Normalize{Axis: axis}, 1, x)
		add(graph.Argmax{Axis: axis, KeepDim: axis%2 == 0}, 1, x)
		add(graph.Argsort{Axis: axis, Descending: true}, 1, x)
		add(graph.TopK{K: 2, Axis: axis, Indices: true, Smallest: axis%2 == 0}, 1, x)
		add(graph.CosineSimilarity{Axis: axis}, 2, x, x)
	}
	for _, s := range []tensor.Shape{{1, 1}, {7, 5}, {3, 8}, {31, 12}} {
		add(graph.Reduce{Kind: graph.Prod, Axes: graph.Dims(0)}, 1, s)
		add(graph.Reduce{Kind: graph.Prod, Axes: graph.Dims(1)}, 1, s)
		add(graph.Reduce{Kind: graph.Prod, Axes: graph.Dims(0, 2)}, 1, append(tensor.Shape{2}, s...))
	}
	for _, s := range []tensor.Shape{{1, 1}, {3, 5}, {9, 64}, {2, 65}, {1, 1000}, {400, 7}} {
		for _, axis := range []int{0, 1} {
			add(graph.CumSum{Axis: axis}, 1, s)
			add(graph.CumSum{Axis: axis, Exclusive: true, Reverse: true}, 1, s)
		}
		add(graph.RMSNorm{Weight: true, Eps: 1e-6}, 1, s, s[1:])
		add(graph.RMSNorm{Dims: 2}, 1, s)
	}
	add(graph.Reduce{}, 1, tensor.Shape{1})
	add(graph.Reduce{}, 1, tensor.Shape{})
	add(graph.Reduce{Axes: graph.Dims(1)}, 1, tensor.Shape{1, 112 * 112, 8})
	add(graph.Reduce{Kind: graph.Sum}, 1, tensor.Shape{2, 100, 101, 3})
	add(graph.Reduce{Axes: graph.Dims(1)}, 1, tensor.Shape{40000, 2, 4}) // more than one row of workgroups
	add(graph.CosineSimilarity{Axis: 1}, 2, tensor.Shape{7, 24}, tensor.Shape{24})
	add(graph.CosineSimilarity{Axis: -1}, 2, tensor.Shape{5, 1, 16}, tensor.Shape{1, 9, 16})
	add(graph.CosineSimilarity{Axis: 1}, 2, tensor.Shape{5, 1, 16}, tensor.Shape{1, 9, 16}) // both args are broadcast
	add(graph.LayerNorm{}, 1, tensor.Shape{2, 5, 12})
	add(graph.LayerNorm{Weight: true}, 1, tensor.Shape{2, 5, 12}, tensor.Shape{12})
	add(graph.LayerNorm{Bias: true, Dims: 2}, 1, tensor.Shape{3, 5, 7}, tensor.Shape{5, 7})
	add(graph.LayerNorm{Weight: true, Bias: true, Dims: 3}, 1, tensor.Shape{6, 5, 8}, tensor.Shape{6, 5, 8}, tensor.Shape{6, 5, 8})
	long := tensor.Shape{112, 112, 64}
	add(graph.LayerNorm{Weight: true, Bias: true, Dims: 3}, 1, append(tensor.Shape{1}, long...), long, long)
	add(graph.GroupNorm{}, 1, append(tensor.Shape{1}, long...))
	add(graph.Softmax{}, 1, tensor.Shape{100003})
	add(graph.Normalize{}, 1, tensor.Shape{100003})
	add(graph.LayerNorm{Weight: true, Bias: true}, 1, tensor.Shape{2, 9, 10, 24}, tensor.Shape{24}, tensor.Shape{24})
	add(graph.LayerNorm{Weight: true, Bias: true}, 1, tensor.Shape{40000, 8}, tensor.Shape{8}, tensor.Shape{8})
	for _, groups := range []int{1, 2, 3, 8, 24} {
		add(graph.GroupNorm{Groups: groups, Weight: true, Bias: true}, 1, tensor.Shape{2, 7, 5, 24}, tensor.Shape{24}, tensor.Shape{24})
		add(graph.GroupNorm{Groups: groups, Bias: true}, 1, tensor.Shape{3, 24}, tensor.Shape{24})
	}
	add(graph.GroupNorm{Groups: 32, Weight: true, Bias: true}, 1, tensor.Shape{1, 33, 31, 128}, tensor.Shape{128}, tensor.Shape{128})
	add(graph.GroupNorm{Groups: 5}, 1, tensor.Shape{2, 9, 5})
	for _, size := range []int{1, 2, 3, 4, 9, 40} {
		add(graph.LocalResponseNorm{Size: size, Alpha: 0.5, Beta: 0.6, K: 1.5}, 1, tensor.Shape{2, 3, 5, 13})
		add(graph.LocalResponseNorm{Size: size, Alpha: 0.5, Beta: 0.6, K: 1.5}, 1, tensor.Shape{2, 3, 5, 12})
		add(graph.LocalResponseNorm{Size: size, Alpha: 0.5, Beta: 0.75, K: 1}, 1, tensor.Shape{7, 36})
	}
}

// TestOrder compares sorts and other ops that choose among equal numbers with Eval.
// The numbers are often equal and include zeros of both signs, infinities and NaN.
func TestOrder(t *testing.T) {
	d := open(t)
	special := []float32{2, float32(math.Inf(1)), 0, -3, float32(math.Copysign(0, -1)), 2, float32(math.Inf(-1)), -3, 1e-40, 7, float32(math.NaN())}
	for _, c := range []struct {
		op  graph.Op
		nan bool
	}{
		{graph.Argsort{}, true},
		{graph.Argsort{Descending: true}, true},
		{graph.Argsort{Inverse: true}, true},
		{graph.Argsort{Inverse: true, Descending: true}, true},
		{graph.TopK{K: 9}, true},
		{graph.TopK{K: 9, Indices: true}, true},
		{graph.TopK{K: 9, Smallest: true, Indices: true}, true},
		{graph.Argmax{}, false},
		{graph.Argmax{Last: true}, false},
		{graph.Argmax{Min: true}, false},
		{graph.Argmax{Min: true, Last: true}, false},
		{graph.Reduce{Kind: graph.Max}, true},
		{graph.Reduce{Kind: graph.Min}, true},
		{graph.Reduce{Kind: graph.Max}, false},
		{graph.Reduce{Kind: graph.Min}, false},
	} {
		t.Run(fmt.Sprint(c.op.Name(), c.op), func(t *testing.T) {
			x := tensor.New(37)
			for i := range x.Data {
				x.Data[i] = special[i*i*5%len(special)]
				if !c.nan && x.Data[i] != x.Data[i] {
					x.Data[i] = 1
				}
			}
			g := trace(t, func(g *graph.Graph) { g.Output("y", graph.Apply(c.op, g.Input("x", 37))) })
			want, err := g.Eval(context.Background(), x)
			if err != nil {
				t.Fatal(err)
			}
			everyProgram(t, d, nil, g, []*tensor.Tensor{x}, want, opTolerance)
		})
	}
}

// TestReduceNaN expects NaN where one of the numbers is NaN, and only there.
func TestReduceNaN(t *testing.T) {
	d := open(t)
	for _, kind := range []graph.ReduceKind{graph.Max, graph.Min} {
		for _, axes := range []graph.Axes{graph.Dims(0), graph.Dims(1), graph.Dims(0, 2)} {
			x := tensor.New(7, 8, 4)
			for i := range x.Data {
				x.Data[i] = float32(i*7%31 - 15)
			}
			x.Data[3*32+5], x.Data[6*32+31] = float32(math.NaN()), float32(math.Inf(-1))
			g := trace(t, func(g *graph.Graph) {
				g.Output("y", graph.Apply(graph.Reduce{Kind: kind, Axes: axes}, g.Input("x", 7, 8, 4)))
			})
			want, err := g.Eval(context.Background(), x)
			if err != nil {
				t.Fatal(err)
			}
			everyProgram(t, d, nil, g, []*tensor.Tensor{x}, want, 0)
		}
	}
}
