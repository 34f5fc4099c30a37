package graph

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// CumSum sums the elements up to each along one dimension:
//
//	y_i = Σ_{j≤i} x_j, with Exclusive Σ_{j<i} x_j
//
// With Reverse the sums are of the elements from each to the end: j ≥ i, or j > i.
//
// Args: x, any shape. Result: x's shape.
type CumSum struct {
	Axis               int // a negative Axis counts from the end
	Exclusive, Reverse bool
}

// Name is "cumsum", the dimension and what is not the default.
func (o CumSum) Name() string {
	s := fmt.Sprintf("cumsum dim%d", o.Axis)
	if o.Exclusive {
		s += " exclusive"
	}
	if o.Reverse {
		s += " reverse"
	}
	return s
}

// Shape is x's.
func (o CumSum) Shape(args []tensor.Shape) (tensor.Shape, error) { return alongShape(args, o.Axis) }

// Eval computes the formula.
func (o CumSum) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x := args[0]
	y := tensor.New(x.Shape...)
	_, n, _ := Along(x.Shape, o.Axis)
	alongEach(x.Shape, o.Axis, func(_, first, step int) {
		sum := 0.0
		for i := range n {
			at := first + i*step
			if o.Reverse {
				at = first + (n-1-i)*step
			}
			after := sum + float64(x.Data[at])
			if !o.Exclusive {
				sum = after
			}
			y.Data[at] = float32(sum)
			sum = after
		}
	})
	return y
}

// Bands splits the dimensions before the axis.
func (o CumSum) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return axisBands(args, result, o.Axis)
}

// CumSum sums the elements of v up to each along a dimension.
func (v *Value) CumSum(axis int) *Value { return Apply(CumSum{Axis: axis}, v) }
