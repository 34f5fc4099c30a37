package graph

import (
	"math"
	"slices"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

// TestAlongLines compares ops along a dimension with numbers made by hand.
func TestAlongLines(t *testing.T) {
	x := tensor.Of([]float32{1, 2, 3, 3, 2, 1}, 2, 3)
	third := float32(1 / math.Sqrt(14.0/3))
	for _, c := range []struct {
		op   Op
		want []float32
	}{
		{CumSum{Axis: 1}, []float32{1, 3, 6, 3, 5, 6}},
		{CumSum{Axis: 0}, []float32{1, 2, 3, 4, 4, 4}},
		{CumSum{Axis: -1, Exclusive: true}, []float32{0, 1, 3, 0, 3, 5}},
		{CumSum{Axis: 1, Reverse: true}, []float32{6, 5, 3, 6, 3, 1}},
		{CumSum{Axis: 1, Reverse: true, Exclusive: true}, []float32{5, 3, 0, 3, 1, 0}},
		{Argmax{Axis: 0}, []float32{1, 0, 0}},
		{Argmax{Axis: 0, Last: true}, []float32{1, 1, 0}},
		{Argmax{Axis: 1, Min: true}, []float32{0, 2}},
		{Argmax{Axis: 0, Min: true, Last: true}, []float32{0, 1, 1}},
		{Reduce{Kind: Prod, Axes: Dims(0)}, []float32{3, 4, 3}},
		{Reduce{Kind: Prod}, []float32{36}},
		{RMSNorm{Eps: 1e-30}, []float32{third, 2 * third, 3 * third, 3 * third, 2 * third, third}},
	} {
		shape, err := c.op.Shape([]tensor.Shape{x.Shape})
		if err != nil {
			t.Fatal(err)
		}
		y := c.op.Eval([]*tensor.Tensor{x})
		near := func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-6 }
		if !y.Shape.Equal(shape) || !slices.EqualFunc(y.Data, c.want, near) {
			t.Errorf("%s is %v %v, want %v %v", c.op.Name(), y.Shape, y.Data, shape, c.want)
		}
	}
}
