package graph

import (
	"math"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

func TestAttentionShapes(t *testing.T) {
	type s = tensor.Shape
	for _, c := range []struct {
		op   Op
		args []tensor.Shape
		want string // the shape, or part of the error
	}{
		{Attention{Heads: 2}, []s{{2, 5, 8}, {2, 7, 8}, {2, 7, 6}}, "[2, 5, 6]"},
		{Attention{Heads: 2, Packed: PackedKV}, []s{{2, 5, 8}, {2, 7, 16}}, "[2, 5, 8]"},
		{Attention{Heads: 2, Packed: PackedQKV}, []s{{2, 5, 24}}, "[2, 5, 8]"},
		{Attention{Biases: 2}, []s{{2, 5, 8}, {2, 7, 8}, {2, 7, 6}, {7}, {2, 1, 5, 1}}, "[2, 5, 6]"},
		{Attention{KH: 2, KW: 3}, []s{{1, 4, 8}, {1, 6, 8}, {1, 6, 8}, {1, 1, 4, 2}, {1, 1, 4, 3}}, "[1, 4, 8]"},
		{Attention{}, []s{{2, 5, 8}, {2, 7, 8}}, "2 arguments, want 3"},
		{Attention{}, []s{{2, 5, 8}, {1, 7, 8}, {1, 7, 8}}, "want [B, N, channels]"},
		{Attention{}, []s{{2, 5, 8}, {2, 7, 8}, {2, 6, 8}}, "7 keys but 6 values"},
		{Attention{}, []s{{2, 5, 8}, {2, 7, 9}, {2, 7, 8}}, "queries have 8 channels"},
		{Attention{Packed: PackedKV}, []s{{2, 5, 8}, {2, 7, 18}}, "queries have 8 channels"},
		{Attention{Packed: PackedQKV}, []s{{2, 5, 8}}, "8 channels do not divide into 3 parts"},
		{Attention{Heads: 3}, []s{{2, 5, 8}, {2, 7, 8}, {2, 7, 9}}, "into 3 heads"},
		{Attention{Biases: 1}, []s{{2, 5, 8}, {2, 7, 8}, {2, 7, 8}, {6}}, "does not broadcast"},
		{Attention{Biases: 1}, []s{{2, 5, 8}, {2, 7, 8}, {2, 7, 8}, {3, 2, 1, 5, 7}}, "does not broadcast"},
		{Attention{Biases: 3}, []s{{2, 5, 8}, {2, 7, 8}, {2, 7, 8}, {7}, {7}, {7}}, "3 biases"},
		{Attention{KH: 2, KW: 3}, []s{{1, 4, 8}, {1, 7, 8}, {1, 7, 8}, {1, 1, 4, 2}, {1, 1, 4, 3}}, "relative positions"},
		{RelPos{QH: 2, QW: 3}, []s{{1, 6, 8}, {2, 5, 8}}, "[1, 1, 6, 5]"},
		{RelPos{QH: 2, QW: 3, Axis: 1}, []s{{1, 6, 8}, {2, 5, 8}}, "along axis 1, want 3"},
		{RelPos{QH: 2, QW: 4}, []s{{1, 6, 8}, {2, 5, 8}}, "6 queries, want 2×4"},
		{RelPos{Heads: 2, QH: 2, QW: 3}, []s{{1, 6, 8}, {2, 5, 8}}, "want 2 heads of 8"},
		{RelPosTable{Q: 3, K: 4}, []s{{9, 2}}, "[3, 4, 2]"},
		{RelPosTable{Q: 3}, []s{{9, 2}}, "0 keys"},
		{WindowAttention{Heads: 2, Window: Both(3)}, []s{{1, 5, 7, 12}, {2, 9, 9}, {12}}, "[1, 5, 7, 4]"},
		{WindowAttention{Window: Both(3), Cosine: true}, []s{{1, 5, 7, 12}, {1, 9, 9}, {12}, {1}}, "[1, 5, 7, 4]"},
		{WindowAttention{Window: Both(3), Cosine: true}, []s{{1, 5, 7, 12}, {1, 9, 9}, {12}}, "want 4"},
		{WindowAttention{Window: Both(3), Cosine: true}, []s{{1, 5, 7, 12}, {1, 9, 9}, {12}, {2}}, "one for each of 1 heads"},
		{WindowAttention{Window: Both(3), Shift: Both(3)}, []s{{1, 5, 7, 12}, {1, 9, 9}, {12}}, "window 3, shift 3"},
		{WindowAttention{}, []s{{1, 5, 7, 12}, {1, 9, 9}, {12}}, "window 0"},
		{WindowAttention{Heads: 3, Window: Both(3)}, []s{{1, 5, 7, 12}, {3, 9, 9}, {12}}, "into 3 heads"},
		{WindowAttention{Window: Both(3)}, []s{{1, 5, 7, 12}, {1, 8, 9}, {12}}, "bias is [1, 8, 9]"},
		{WindowAttention{Window: Both(3)}, []s{{1, 5, 7, 12}, {1, 9, 9}, {4}}, "padding is [4]"},
		{WindowPartition{Window: Pair{2, 3}}, []s{{2, 3, 3, 4}}, "[4, 2, 3, 4]"},
		{WindowPartition{Window: Pair{2, 0}}, []s{{2, 3, 3, 4}}, "window 2×0"},
		{WindowReverse{Size: Pair{3, 3}}, []s{{4, 2, 3, 4}}, "[2, 3, 3, 4]"},
		{WindowReverse{Size: Pair{3, 3}}, []s{{3, 2, 3, 4}}, "3 windows"},
		{RelativePositionBias{Window: Pair{2, 3}}, []s{{15, 4}}, "[4, 6, 6]"},
		{RelativePositionBias{Window: Pair{2, 3}}, []s{{14, 4}}, "wants 15"},
		{PatchMerge{}, []s{{1, 3, 4, 5}}, "[1, 2, 2, 20]"},
		{PatchMerge{}, []s{{1, 3, 4}}, "want x"},
		{Gather{Axis: 1}, []s{{2, 3, 4}, {1, 9, 4}}, "[1, 9, 4]"},
		{Gather{Axis: 1}, []s{{2, 3, 4}, {3, 9, 4}}, "is larger"},
		{Gather{Axis: 3}, []s{{2, 3, 4}, {2, 3, 4}}, "no dimension 3"},
		{TakeRows{}, []s{{2, 3, 4, 5}, {2, 7}}, "[2, 7, 4, 5]"},
		{TakeRows{}, []s{{3, 4}, {7}}, "[7, 4]"},
		{TakeRows{}, []s{{2, 3, 4}, {1, 7}}, "differ"},
		{Embedding{}, []s{{2, 3}, {10, 4}}, "[2, 3, 4]"},
		{Embedding{}, []s{{2, 3}, {10}}, "want ids"},
	} {
		y, err := c.op.Shape(c.args)
		got := y.String()
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) || (err == nil) != strings.HasPrefix(c.want, "[") {
			t.Errorf("%s of %v: %s, want %s", c.op.Name(), c.args, got, c.want)
		}
	}
}

// TestShiftMask checks the mask by distances: two tokens of a window see each
// other if they are as far apart in the map as in the window.
func TestShiftMask(t *testing.T) {
	for _, shift := range []Pair{{}, {1, 2}, {0, 1}, {2, 0}, {2, 3}} {
		window, padded := Pair{3, 4}, Pair{9, 8}
		mask := ShiftMask(padded, window, shift)
		tokens := window[0] * window[1]
		for i, got := range mask.Data {
			at := i / (tokens * tokens)
			apart := false
			for d := range 2 {
				first := Pair{at / 2 * 3, at % 2 * 4}[d]
				q, k := i/tokens%tokens, i%tokens
				if d == 0 {
					q, k = q/window[1], k/window[1]
				} else {
					q, k = q%window[1], k%window[1]
				}
				from := func(j int) int { return (first + j + shift[d]) % padded[d] }
				apart = apart || from(q)-from(k) != q-k
			}
			want := float32(0)
			if apart {
				want = -100
			}
			if got != want {
				t.Fatalf("shift %v: mask[%d] is %v, want %v", shift, i, got, want)
			}
		}
	}
}

// TestCausalIsMask compares Causal with a bias that masks the same keys.
func TestCausalIsMask(t *testing.T) {
	const n, m = 5, 8
	x := tensor.New(1, m, 4)
	for i := range x.Data {
		x.Data[i] = float32(math.Sin(float64(i)))
	}
	q := tensor.Of(x.Data[:n*4], 1, n, 4)
	want := Attention{Biases: 1}.Eval([]*tensor.Tensor{q, x, x, causalMask(n, m)})
	if d, err := tensor.Diff(Attention{Causal: true}.Eval([]*tensor.Tensor{q, x, x}), want); err != nil || d.Max != 0 {
		t.Errorf("%v, %v", d, err)
	}
}
