package golden

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// swinPieces builds the parts of Swin's blocks.
func swinPieces(s sub) (Case, error) {
	var a struct{ H, W, Window, Shift, Heads int }
	if err := s.decode(&a); err != nil {
		return Case{}, err
	}
	window, shift := graph.Both(a.Window), graph.Both(a.Shift)
	switch s.Kind {
	case "window":
		x := s.ranked("input", "x", 4)
		h, w := x.Shape[1], x.Shape[2]
		want := []*tensor.Tensor{s.out("rolled"), s.out("windows"), s.out("restored")}
		return several(want, []*tensor.Tensor{x}, func(_ *graph.Graph, in []*graph.Value) []*graph.Value {
			windows := in[0].WindowPartition(window, shift)
			return []*graph.Value{windows.WindowReverse(h, w, graph.Pair{}), windows, windows.WindowReverse(h, w, shift)}
		})
	case "mask":
		mask := s.ranked("output", "mask", 3)
		if w := a.Window; min(a.H, a.W) < 1 || max(a.H, a.W) > 1<<12 || w < 1 || w > 1<<8 || a.Shift < 0 || a.Shift >= w || a.H%w+a.W%w != 0 ||
			!mask.Shape.Equal(tensor.Shape{a.H / w * (a.W / w), w * w, w * w}) {
			return Case{}, fmt.Errorf("mask is %v, but the config has h %d, w %d, window %d, shift %d", mask.Shape, a.H, a.W, a.Window, a.Shift)
		}
		return Case{Want: []*tensor.Tensor{mask}, Host: func() ([]*tensor.Tensor, error) {
			return []*tensor.Tensor{graph.ShiftMask(graph.Pair{a.H, a.W}, window, shift)}, nil
		}}, nil
	case "relbias":
		return relativePositions(s, window)
	case "patch_merging", "patch_merging_v2":
		return patchMerging(s)
	case "shifted_window_attention":
		return shiftedWindowAttention(s, graph.WindowAttention{Heads: a.Heads, Window: window, Shift: shift})
	}
	return Case{}, fmt.Errorf("kind %q is unknown", s.Kind)
}

func relativePositions(s sub, window graph.Pair) (Case, error) {
	index := s.out("index")
	index.Shape = append(tensor.Shape{1}, index.Shape...)
	table := s.ranked("weight", "table", 2)
	numbers := tensor.New(table.Shape[0], 1)
	for i := range numbers.Data {
		numbers.Data[i] = float32(i)
	}
	op := graph.RelativePositionBias{Window: window}
	return several([]*tensor.Tensor{s.out("bias"), index}, []*tensor.Tensor{table, numbers}, func(_ *graph.Graph, in []*graph.Value) []*graph.Value {
		return []*graph.Value{graph.Apply(op, in[0]), graph.Apply(op, in[1])}
	})
}

func patchMerging(s sub) (Case, error) {
	return one(s.out("y"), []*tensor.Tensor{s.in("x")}, func(g *graph.Graph, in []*graph.Value) *graph.Value {
		norm := func(x *graph.Value) *graph.Value {
			return graph.Apply(graph.LayerNorm{Weight: true, Bias: true}, x, g.Const(s.weight("norm.weight")), g.Const(s.weight("norm.bias")))
		}
		reduce := func(x *graph.Value) *graph.Value {
			return graph.Apply(graph.Linear{}, x, g.Const(s.weight("reduction.weight")))
		}
		if s.Kind == "patch_merging_v2" {
			return norm(reduce(in[0].PatchMerge()))
		}
		return reduce(norm(in[0].PatchMerge()))
	})
}

func shiftedWindowAttention(s sub, op graph.WindowAttention) (Case, error) {
	linear := graph.Linear{Epilogue: graph.Epilogue{Bias: true}}
	return one(s.out("y"), []*tensor.Tensor{s.in("x")}, func(g *graph.Graph, in []*graph.Value) *graph.Value {
		padding := g.Const(s.weight("qkv.bias"))
		qkv := graph.Apply(linear, in[0], g.Const(s.weight("qkv.weight")), padding)
		bias := graph.Apply(graph.RelativePositionBias{Window: op.Window}, g.Const(s.weight("relative_position_bias_table")))
		y := graph.Apply(op, qkv, bias, padding)
		return graph.Apply(linear, y, g.Const(s.weight("proj.weight")), g.Const(s.weight("proj.bias")))
	})
}
