package gpu

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// attentionRows adds attention, windows and gathers.
func attentionRows(add func(op graph.Op, consts int, args ...tensor.Shape)) {
	attend := func(op graph.Attention, b, n, m, d, dv int, biases ...tensor.Shape) {
		h := max(op.Heads, 1)
		args := []tensor.Shape{{b, n, h * d}, {b, m, h * d}, {b, m, h * dv}}
		switch op.Packed {
		case graph.PackedKV:
			args = []tensor.Shape{{b, n, h * d}, {b, m, 2 * h * d}}
		case graph.PackedQKV:
			args = []tensor.Shape{{b, n, 3 * h * d}}
		}
		op.Biases = len(biases)
		args = append(args, biases...)
		if op.KH > 0 {
			args = append(args, tensor.Shape{b, h, n, op.KH}, tensor.Shape{b, h, n, op.KW})
		}
		add(op, len(args), args...)
	}
	for _, n := range []int{1, 2, 3, 5, 7, 8, 9, 16, 17, 31, 32, 33, 63, 64, 65} {
		attend(graph.Attention{Heads: 2}, 1, n, n, 8, 8)
		attend(graph.Attention{Heads: 2, Causal: true}, 2, n, n, 8, 8)
		attend(graph.Attention{}, 1, n, 19, 5, 3)
		attend(graph.Attention{}, 1, 19, n, 16, 4)
	}
	for _, d := range []int{1, 2, 4, 20, 80, 160} {
		attend(graph.Attention{Heads: 3, Packed: graph.PackedQKV}, 2, 41, 41, d, d)
		attend(graph.Attention{Heads: 2, Packed: graph.PackedKV, Scale: 0.3}, 1, 13, 34, d, d)
	}
	attend(graph.Attention{Heads: 4}, 2, 197, 197, 64, 64)
	// The keys are divided into parts, and the last part is shorter.
	attend(graph.Attention{Heads: 3}, 2, 37, 260, 64, 64)
	attend(graph.Attention{Heads: 2, Causal: true}, 1, 300, 300, 64, 64)
	attend(graph.Attention{Heads: 2, KH: 13, KW: 20, Packed: graph.PackedQKV}, 1, 260, 260, 64, 64)
	attend(graph.Attention{Heads: 2}, 1, 9, 1040, 16, 32, tensor.Shape{1, 2, 9, 1040}, tensor.Shape{9, 1})
	attend(graph.Attention{Causal: true}, 1, 30, 12, 8, 8)
	attend(graph.Attention{Causal: true}, 1, 12, 30, 8, 8)
	for _, d := range []int{6, 8} {
		attend(graph.Attention{Heads: 2}, 2, 10, 13, d, d, tensor.Shape{1, 2, 10, 13})
		attend(graph.Attention{Heads: 2}, 2, 10, 16, d, d, tensor.Shape{2, 1, 1, 16}, tensor.Shape{10, 16})
		attend(graph.Attention{Heads: 2}, 2, 9, 8, d, d, tensor.Shape{1}, tensor.Shape{2, 9, 1})
		attend(graph.Attention{Heads: 2, KH: 3, KW: 5, Packed: graph.PackedQKV}, 2, 15, 15, d, d)
		attend(graph.Attention{Heads: 2, KH: 4, KW: 8, Packed: graph.PackedQKV}, 1, 32, 32, d, d)
		attend(graph.Attention{Heads: 2, KH: 2, KW: 7}, 1, 11, 14, d, d, tensor.Shape{1, 2, 1, 14}, tensor.Shape{11, 14})
		attend(graph.Attention{Heads: 2, KH: 2, KW: 7}, 2, 16, 14, d, d, tensor.Shape{2, 1, 14}) // heads, not batches
	}

	window := func(op graph.WindowAttention, b, h, w, d int) {
		heads, t := max(op.Heads, 1), op.Window[0]*op.Window[1]
		args := []tensor.Shape{{b, h, w, 3 * heads * d}, {heads, t, t}, {3 * heads * d}}
		if op.Cosine {
			args = append(args, tensor.Shape{heads})
		}
		add(op, 1, args...)
	}
	for _, w := range []graph.Pair{{1, 1}, {2, 3}, {4, 4}, {7, 7}, {8, 8}, {9, 5}} {
		for _, s := range []graph.Pair{{}, {w[0] / 2, w[1] / 2}, {0, w[1] - 1}, {w[0] - 1, 0}} {
			for _, size := range []graph.Pair{w, {1, 1}, {2 * w[0], 3 * w[1]}, {2*w[0] - 1, 2*w[1] + 1}, {w[0], 2 * w[1]}, {3*w[0] - 2, w[1]}} {
				window(graph.WindowAttention{Heads: 2, Window: w, Shift: s, Cosine: size[0]%2 == 1}, 2, size[0], size[1], 4)
			}
		}
	}
	for _, d := range []int{1, 3, 8, 32} {
		window(graph.WindowAttention{Heads: 3, Window: graph.Both(7), Shift: graph.Both(3)}, 1, 13, 15, d)
		window(graph.WindowAttention{Window: graph.Both(4), Shift: graph.Both(2), Cosine: true}, 2, 9, 8, d)
	}
	window(graph.WindowAttention{Heads: 2, Window: graph.Both(16), Shift: graph.Both(8), Cosine: true}, 1, 30, 33, 32)
	for _, c := range []int{1, 3, 4, 8} {
		add(graph.WindowPartition{Window: graph.Pair{3, 4}, Shift: graph.Pair{2, 1}}, 1, tensor.Shape{2, 7, 9, c})
		add(graph.WindowReverse{Size: graph.Pair{7, 9}, Shift: graph.Pair{2, 1}}, 1, tensor.Shape{18, 3, 4, c})
		add(graph.WindowPartition{Window: graph.Both(14)}, 1, tensor.Shape{1, 5, 14, c})
		add(graph.PatchMerge{}, 1, tensor.Shape{2, 7, 4, c})
		add(graph.PatchMerge{}, 1, tensor.Shape{1, 1, 1, c})
		add(graph.RelPos{Heads: 2, QH: 3, QW: 5}, 1, tensor.Shape{2, 15, 6 * c}, tensor.Shape{3, 4, c})
		add(graph.RelPos{Heads: 2, QH: 3, QW: 5, Axis: 1}, 1, tensor.Shape{2, 15, 2 * c}, tensor.Shape{5, 4, c})
		add(graph.TakeRows{}, 2, tensor.Shape{2, 7, c}, tensor.Shape{2, 9})
		add(graph.Embedding{}, 1, tensor.Shape{2, 3}, tensor.Shape{11, c})
	}
	for _, k := range []int{1, 2, 3, 5, 7, 14, 16} {
		add(graph.RelPosTable{Q: 7, K: k}, 1, tensor.Shape{2*max(7, k) - 1, 3})
		add(graph.RelPosTable{Q: k, K: 6}, 1, tensor.Shape{9, 4})
		add(graph.RelPos{Heads: k, QH: 3, QW: 2}, 1, tensor.Shape{2, 6, 4 * k}, tensor.Shape{3, k, 4})
	}
	add(graph.RelPosTable{Q: 4, K: 4}, 1, tensor.Shape{1, 4})
	add(graph.RelativePositionBias{Window: graph.Pair{3, 5}}, 1, tensor.Shape{45, 3})
	add(graph.TakeRows{}, 2, tensor.Shape{6, 2, 5}, tensor.Shape{4})
	for axis := range 3 {
		add(graph.Gather{Axis: axis}, 2, tensor.Shape{4, 5, 6}, tensor.Shape{3, 2, 5})
	}
	add(graph.Gather{Axis: 2}, 2, tensor.Shape{1, 2, 3, 2, 1, 4}, tensor.Shape{1, 2, 7, 2, 1, 3})
}

// indexed returns the extent that arg i of op indexes, or 0.
func indexed(op graph.Op, args []tensor.Shape, i int) int {
	switch op := op.(type) {
	case graph.Gather:
		return i * args[0][op.Axis]
	case graph.TakeRows:
		return i * args[0][len(args[1])-1]
	case graph.Embedding:
		return (1 - i) * args[1][0]
	case graph.Select:
		return i * args[0][op.Axis]
	case graph.RoiAlign:
		return i / 2 * args[0][0]
	case graph.Resample:
		return i % 2 * args[0][op.Axis]
	case graph.GatherND:
		return i * slices.Min(args[0])
	case graph.Scatter:
		return i % 2 * args[0][op.Axis]
	case graph.ScatterND:
		return i % 2 * slices.Min(args[0])
	case graph.Where:
		return 2 * max(1-i, 0)
	}
	return 0
}

// TestMasks computes attention with masks of -Inf: over some of the keys, over the
// first ones, and over all of them, which gives NaN.
func TestMasks(t *testing.T) {
	d := open(t)
	for _, size := range []int{5, 16} {
		t.Run(fmt.Sprint("d", size), func(t *testing.T) {
			const b, n, m = 2, 11, 70
			random := rand.New(rand.NewPCG(1, uint64(size)))
			shapes := []tensor.Shape{{b, n, size}, {b, m, size}, {b, m, size}, {n, m}}
			var inputs []*tensor.Tensor
			for _, s := range shapes {
				x := tensor.New(s...)
				for i := range x.Data {
					x.Data[i] = float32(random.NormFloat64())
				}
				inputs = append(inputs, x)
			}
			for i := range inputs[3].Data {
				if row, key := i/m, i%m; row == 3 || row == 4 && key < 66 || row > 4 && random.IntN(3) > 0 {
					inputs[3].Data[i] = float32(math.Inf(-1))
				}
			}
			g := trace(t, func(g *graph.Graph) {
				var in []*graph.Value
				for i, s := range shapes {
					in = append(in, g.Input(fmt.Sprint("x", i), s...))
				}
				g.Output("y", graph.Apply(graph.Attention{Biases: 1}, in...))
			})
			want, err := g.Eval(context.Background(), inputs...)
			if err != nil {
				t.Fatal(err)
			}
			if y := want[0].Data[3*size]; y == y {
				t.Errorf("a row with all keys masked is %v, want NaN", y)
			}
			everyProgram(t, d, nil, g, inputs, want, opTolerance)
		})
	}
}

// TestIndicesOutside selects rows that do not exist.
func TestIndicesOutside(t *testing.T) {
	d := open(t)
	index := tensor.Of([]float32{-4, 0, 2, 3, 1e30, float32(math.NaN()), -1}, 7)
	for _, c := range []int{3, 4} {
		table := tensor.New(3, c)
		for i := range table.Data {
			table.Data[i] = float32(i)
		}
		g := trace(t, func(g *graph.Graph) {
			ids, rows := g.Input("ids", 7), g.Const(table)
			g.Output("embedding", ids.Embedding(rows))
			g.Output("take_rows", rows.TakeRows(ids))
			g.Output("gather", rows.Reshape(3*c).Gather(0, ids))
			g.Output("select", rows.Permute(1, 0).Select(1, ids))
			g.Output("gather_nd", rows.GatherND(ids.Reshape(7, 1)))
		})
		want, err := g.Eval(context.Background(), index)
		if err != nil {
			t.Fatal(err)
		}
		for i, y := range want[0].Data {
			if valid := i/c == 1 || i/c == 2 || i/c == 6; valid != (y == y) {
				t.Errorf("embedding of %v is %v", index.Data[i/c], y)
			}
		}
		everyProgram(t, d, nil, g, []*tensor.Tensor{index}, want, opTolerance)
	}
}
