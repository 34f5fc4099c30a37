package graph

import (
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

// TestProductShapes checks that MatMul and ConvTranspose2d refuse wrong shapes.
func TestProductShapes(t *testing.T) {
	for _, c := range []struct {
		op   Op
		args []tensor.Shape
		want string // part of the error
	}{
		{MatMul{}, []tensor.Shape{{2, 3}}, "two matrices"},
		{MatMul{}, []tensor.Shape{{3}, {3, 2}}, "two matrices"},
		{MatMul{}, []tensor.Shape{{2, 3}, {4, 3}}, "inner extents 3 and 4"},
		{MatMul{TransB: true}, []tensor.Shape{{2, 3}, {3, 4}}, "inner extents 3 and 4"},
		{MatMul{}, []tensor.Shape{{2, 4, 3}, {3, 3, 5}}, "batches"},
		{MatMul{}, []tensor.Shape{{1, 1, 1, 1, 1, 2, 3}, {3, 5}}, "rank 7"},
		{ConvTranspose2d{}, []tensor.Shape{{1, 4, 4, 3}}, "arguments"},
		{ConvTranspose2d{}, []tensor.Shape{{1, 4, 4, 3}, {4, 3, 2, 2}}, "input has 3 channels, weight wants 4"},
		{ConvTranspose2d{Groups: 2}, []tensor.Shape{{1, 4, 4, 3}, {3, 3, 2, 2}}, "3 channels do not divide into 2 groups"},
		{ConvTranspose2d{OutputPad: Both(-5)}, []tensor.Shape{{1, 4, 4, 3}, {3, 3, 2, 2}}, "output padding"},
		{ConvTranspose2d{Pad: Both(-1)}, []tensor.Shape{{1, 4, 4, 3}, {3, 3, 2, 2}}, "padding"},
		{ConvTranspose2d{Pad: Both(3)}, []tensor.Shape{{1, 4, 4, 3}, {3, 3, 2, 2}}, "leave nothing"},
		{ConvTranspose2d{Epilogue: Epilogue{Bias: true}}, []tensor.Shape{{1, 4, 4, 3}, {3, 3, 2, 2}, {4}}, "bias"},
	} {
		_, err := c.op.Shape(c.args)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: error %v, want one with %q", c.op.Name(), c.args, err, c.want)
		}
	}
}

// TestMatMulBands checks that the bands together give the result.
func TestMatMulBands(t *testing.T) {
	for _, args := range [][]tensor.Shape{
		{{5, 4}, {4, 3}},
		{{2, 3, 5, 4}, {4, 3}},
		{{2, 3, 5, 4}, {1, 1, 4, 3}},
		{{2, 3, 5, 4}, {2, 3, 4, 3}},
		{{5, 4}, {2, 3, 4, 3}},
		{{1, 3, 5, 4}, {2, 1, 4, 3}},
		{{1, 1, 3, 5, 4}, {1, 2, 1, 4, 3}},
		{{1, 3, 1, 5, 4}, {2, 4, 3}},
	} {
		checkBands(t, MatMul{}, args)
	}
}

// checkBands computes each row of the first dimension as a band of its own.
func checkBands(t *testing.T, op Banded, args []tensor.Shape) {
	t.Helper()
	full := make([]*tensor.Tensor, len(args))
	for i, s := range args {
		full[i] = tensor.New(s...)
		for j := range full[i].Data {
			full[i].Data[j] = float32((j*7+i*3)%11) - 5
		}
	}
	want := op.Eval(full)
	as, result, moves := op.Bands(args, want.Shape)
	for row := range result[0] {
		band := make([]*tensor.Tensor, len(args))
		for i, s := range as {
			band[i] = full[i].Reshape(s...)
			if moves[i] {
				n := s.Len() / result[0]
				one := s.Clone()
				one[0] = 1
				band[i] = tensor.Of(full[i].Data[row*n:(row+1)*n], one...)
			}
		}
		got := op.Eval(band)
		n := result.Len() / result[0]
		d, err := tensor.Diff(tensor.Of(got.Data, n), tensor.Of(want.Data[row*n:(row+1)*n], n))
		if err != nil || d.Max != 0 {
			t.Errorf("%s %v, row %d of %v: %v, %v", op.Name(), args, row, result, d, err)
		}
	}
}
