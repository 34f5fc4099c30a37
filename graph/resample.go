package graph

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// Resample makes each place along one dimension from K others:
//
//	y[.., i, ..] = Σ_k weight[i,k] · x[.., index[i,k], ..]
//
// It resizes with any filter: index and weight are what the filter takes. A negative
// index counts from the end, and one outside its range gives NaN.
//
// Args: x, index [L, K], weight [L, K]. Result: x's shape with L along Axis.
type Resample struct{ Axis int }

// Name is "resample" and the dimension.
func (o Resample) Name() string { return fmt.Sprintf("resample dim%d", o.Axis) }

// Shape checks that x has the dimension, and that each index has a weight.
func (o Resample) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 3 || len(args[1]) != 2 || !args[1].Equal(args[2]) {
		return nil, fmt.Errorf("arguments are %v, want x, index [L, K] and weight [L, K]", args)
	}
	if o.Axis < 0 || o.Axis >= len(args[0]) {
		return nil, fmt.Errorf("no dimension %d in %v", o.Axis, args[0])
	}
	y := args[0].Clone()
	y[o.Axis] = args[1][0]
	return y, nil
}

// Eval computes the formula.
func (o Resample) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x, index, weight := args[0], args[1], args[2]
	shape, err := o.Shape(shapes(args))
	if err != nil {
		panic(err)
	}
	y := tensor.New(shape...)
	_, n, inner := Along(x.Shape, o.Axis)
	l, taps := index.Shape[0], index.Shape[1]
	parallelRows(len(y.Data), 1<<12, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			at, first := i/inner%l, i/(l*inner)*n*inner+i%inner
			sum := 0.0
			for k := range taps {
				from, ok := indexed(index.Data[at*taps+k], n)
				if !ok {
					sum = float64(nan)
					continue
				}
				sum += float64(weight.Data[at*taps+k]) * float64(x.Data[first+from*inner])
			}
			y.Data[i] = float32(sum)
		}
	})
	return y
}

// FLOPs counts two for each weight of each element.
func (o Resample) FLOPs(args []tensor.Shape, result tensor.Shape) int64 {
	return 2 * int64(result.Len()) * int64(args[1][1])
}

// Bands splits the first dimension of x if it is not resampled.
func (o Resample) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	if o.Axis == 0 {
		args = []tensor.Shape{append(tensor.Shape{1}, args[0]...), args[1], args[2]}
		return args, append(tensor.Shape{1}, result...), []bool{false, false, false}
	}
	return args, result, []bool{true, false, false}
}
