package graph

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// Softmax normalises lines along one dimension:
//
//	y_i = exp(x_i − m) / Σ_j exp(x_j − m), m = max_j x_j
//
// With Log the result is its logarithm, x_i − m − ln Σ_j exp(x_j − m). An element
// of −∞ gives 0, and a line of only −∞ gives NaN, as in PyTorch.
//
// Args: x, any shape. Result: x's shape.
type Softmax struct {
	Axis int // a negative Axis counts from the end
	Log  bool
}

// Name is "softmax" or "log_softmax" and the dimension.
func (o Softmax) Name() string {
	s := "softmax"
	if o.Log {
		s = "log_softmax"
	}
	return fmt.Sprintf("%s dim%d", s, o.Axis)
}

// Shape is x's.
func (o Softmax) Shape(args []tensor.Shape) (tensor.Shape, error) { return alongShape(args, o.Axis) }

// Eval computes the formula.
func (o Softmax) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x := args[0]
	y := tensor.New(x.Shape...)
	_, n, _ := Along(x.Shape, o.Axis)
	alongEach(x.Shape, o.Axis, func(_, first, step int) {
		m := math.Inf(-1)
		for i := range n {
			m = max(m, float64(x.Data[first+i*step]))
		}
		sum := 0.0
		for i := range n {
			sum += math.Exp(float64(x.Data[first+i*step]) - m)
		}
		for i := range n {
			d := float64(x.Data[first+i*step]) - m
			if o.Log {
				y.Data[first+i*step] = float32(d - math.Log(sum))
			} else {
				y.Data[first+i*step] = float32(math.Exp(d) / sum)
			}
		}
	})
	return y
}

// Bands splits the dimensions before the axis.
func (o Softmax) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return axisBands(args, result, o.Axis)
}

// FLOPs counts an exponential, two additions, a comparison and a product for each
// element.
func (o Softmax) FLOPs(_ []tensor.Shape, result tensor.Shape) int64 { return 5 * int64(result.Len()) }

// Softmax makes all elements of v positive with sum 1 along a dimension.
func (v *Value) Softmax(axis int) *Value { return Apply(Softmax{Axis: axis}, v) }

// LogSoftmax is the logarithm of Softmax.
func (v *Value) LogSoftmax(axis int) *Value { return Apply(Softmax{Axis: axis, Log: true}, v) }
