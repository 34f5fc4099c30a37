package graph

import (
	"fmt"
	"math"
	"strings"

	"github.com/vertebra/vertebra/tensor"
)

// ReduceKind is a function of many numbers.
type ReduceKind uint8

// The functions of many numbers.
const (
	Mean ReduceKind = iota
	Sum
	Max
	Min
	Prod
)

var reduceNames = [...]string{"mean", "sum", "amax", "amin", "prod"}

// String returns PyTorch's name for the function.
func (k ReduceKind) String() string { return reduceNames[k] }

// Axes is a set of dimensions: bit d stands for dimension d. The zero Axes
// means all dimensions.
type Axes uint8

// Dims returns the set of dims, which must not be negative.
func Dims(dims ...int) Axes {
	var a Axes
	for _, d := range dims {
		a |= 1 << d
	}
	return a
}

// Has reports whether dimension d is in the set.
func (a Axes) Has(d int) bool { return a == 0 || a>>d&1 != 0 }

// String lists the dimensions: "1,2", or "all".
func (a Axes) String() string {
	if a == 0 {
		return "all"
	}
	var dims []string
	for d := range 8 {
		if a.Has(d) {
			dims = append(dims, fmt.Sprint(d))
		}
	}
	return strings.Join(dims, ",")
}

// Reduce is the mean, sum, largest or smallest element, or product over some dimensions.
//
// Args: x, any shape. Result: x's shape without those dimensions; with KeepDims
// their extent is 1 instead.
type Reduce struct {
	Kind     ReduceKind
	Axes     Axes
	KeepDims bool
}

// Name is the function's name and the dimensions: "mean 1,2".
func (o Reduce) Name() string { return fmt.Sprintf("%v %v", o.Kind, o.Axes) }

// Shape checks that x has the dimensions.
func (o Reduce) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("%d arguments, want 1", len(args))
	}
	x := args[0]
	if o.Axes>>len(x) != 0 {
		return nil, fmt.Errorf("no dimensions %v in %v", o.Axes, x)
	}
	y := tensor.Shape{}
	for d, n := range x {
		switch {
		case !o.Axes.Has(d):
			y = append(y, n)
		case o.KeepDims:
			y = append(y, 1)
		}
	}
	return y, nil
}

// Eval computes the function.
func (o Reduce) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x := args[0]
	shape, err := o.Shape(shapes(args))
	if err != nil {
		panic(err)
	}
	y := tensor.New(shape...)
	kept, folded := tensor.Shape{}, tensor.Shape{}
	var keptStrides, foldedStrides []int
	for d, s := range x.Shape.Strides() {
		if o.Axes.Has(d) {
			folded, foldedStrides = append(folded, x.Shape[d]), append(foldedStrides, s)
		} else {
			kept, keptStrides = append(kept, x.Shape[d]), append(keptStrides, s)
		}
	}
	from := offsets(folded, foldedStrides)
	first := offsets(kept, keptStrides)
	tensor.Parallel(len(y.Data), func(i int) {
		sum, largest, smallest, product := 0.0, math.Inf(-1), math.Inf(1), 1.0
		for _, at := range from {
			v := float64(x.Data[first[i]+at])
			sum, largest, smallest, product = sum+v, max(largest, v), min(smallest, v), product*v
		}
		switch o.Kind {
		case Mean:
			y.Data[i] = float32(sum / float64(len(from)))
		case Sum:
			y.Data[i] = float32(sum)
		case Max:
			y.Data[i] = float32(largest)
		case Min:
			y.Data[i] = float32(smallest)
		case Prod:
			y.Data[i] = float32(product)
		}
	})
	return y
}

// offsets lists Σ index·stride for all indices of a shape, in order.
func offsets(s tensor.Shape, strides []int) []int {
	all := []int{0}
	for d, n := range s {
		next := make([]int, 0, len(all)*n)
		for _, at := range all {
			for i := range n {
				next = append(next, at+i*strides[d])
			}
		}
		all = next
	}
	return all
}

// Bands splits the first dimension if it is not reduced.
func (o Reduce) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	if len(args[0]) == 0 || o.Axes.Has(0) {
		return args, append(tensor.Shape{1}, result...), []bool{false}
	}
	return args, result, []bool{true}
}

// FLOPs counts one for each element of x.
func (o Reduce) FLOPs(args []tensor.Shape, _ tensor.Shape) int64 { return int64(args[0].Len()) }

// Mean is the mean over the given dimensions, or over all if none is given. The
// result does not have these dimensions. Negative numbers count from the end.
func (v *Value) Mean(axes ...int) *Value { return v.reduce(Mean, axes) }

// Sum is the sum over the given dimensions; see Mean.
func (v *Value) Sum(axes ...int) *Value { return v.reduce(Sum, axes) }

// Max is the largest element over the given dimensions; see Mean.
func (v *Value) Max(axes ...int) *Value { return v.reduce(Max, axes) }

// Min is the smallest element over the given dimensions; see Mean.
func (v *Value) Min(axes ...int) *Value { return v.reduce(Min, axes) }

// Prod is the product over the given dimensions; see Mean.
func (v *Value) Prod(axes ...int) *Value { return v.reduce(Prod, axes) }

func (v *Value) reduce(kind ReduceKind, axes []int) *Value {
	dims := make([]int, len(axes))
	for i, a := range axes {
		d, err := Axis(a, len(v.Shape))
		if err != nil {
			panic(shapeError{fmt.Errorf("%v: %w", kind, err)})
		}
		dims[i] = d
	}
	return Apply(Reduce{Kind: kind, Axes: Dims(dims...)}, v)
}
