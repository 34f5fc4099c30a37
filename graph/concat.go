package graph

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// Concat joins values along a dimension, as PyTorch's cat does:
//
//	y[.., o_n+i, ..] = x_n[.., i, ..] with o_n the sum of the earlier extents
//
// Args: any number of x_n, whose shapes differ only along Axis. A negative Axis
// counts from the end: -1 joins channels.
type Concat struct{ Axis int }

// Name is "concat" and the dimension.
func (o Concat) Name() string { return fmt.Sprintf("concat %d", o.Axis) }

// Along returns Axis counted from the start, for values of the given rank.
func (o Concat) Along(rank int) int {
	if o.Axis < 0 {
		return o.Axis + rank
	}
	return o.Axis
}

// Shape checks that the shapes differ only along Axis.
func (o Concat) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("nothing to join")
	}
	y := args[0].Clone()
	axis := o.Along(len(y))
	if axis < 0 || axis >= len(y) {
		return nil, fmt.Errorf("no dimension %d in %v", o.Axis, y)
	}
	for _, a := range args[1:] {
		same := len(a) == len(y)
		for d := range a {
			same = same && (d == axis || a[d] == y[d])
		}
		if !same {
			return nil, fmt.Errorf("%v and %v cannot be joined along dimension %d", args[0], a, axis)
		}
		y[axis] += a[axis]
	}
	return y, nil
}

// Eval computes the formula.
func (o Concat) Eval(args []*tensor.Tensor) *tensor.Tensor {
	shape, err := o.Shape(shapes(args))
	if err != nil {
		panic(err)
	}
	y := tensor.New(shape...)
	axis := o.Along(len(shape))
	outer := shape[:axis].Len()
	at := 0
	for _, a := range args {
		row, all := a.Shape[axis:].Len(), shape[axis:].Len()
		for i := range outer {
			copy(y.Data[i*all+at:], a.Data[i*row:(i+1)*row])
		}
		at += row
	}
	return y
}

// FLOPs is 0.
func (o Concat) FLOPs([]tensor.Shape, tensor.Shape) int64 { return 0 }

// Bands splits the first dimension if Axis is positive, and all dimensions before
// a negative Axis.
func (o Concat) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	if o.Axis > 0 {
		return args, result, all(args)
	}
	axis := o.Along(len(result))
	rows := func(s tensor.Shape) tensor.Shape {
		return append(tensor.Shape{s[:axis].Len()}, s[axis:]...)
	}
	as := make([]tensor.Shape, len(args))
	for i, a := range args {
		as[i] = rows(a)
	}
	return as, rows(result), all(args)
}

// all returns true for each arg.
func all(args []tensor.Shape) []bool {
	m := make([]bool, len(args))
	for i := range m {
		m[i] = true
	}
	return m
}

// batches returns the bands of an op with one arg. apart says that the op treats
// each item of the first dimension by itself; if not, there is a single row.
func batches(apart bool, args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	if !apart {
		args = []tensor.Shape{append(tensor.Shape{1}, args[0]...)}
		result = append(tensor.Shape{1}, result...)
	}
	return args, result, []bool{true}
}

// Cat joins values along a dimension. A negative axis counts from the end.
func Cat(axis int, values ...*Value) *Value {
	if len(values) == 0 {
		panic(shapeError{fmt.Errorf("concat: nothing to join")})
	}
	if rank := len(values[0].Shape); axis >= 0 && axis < rank {
		axis -= rank
	}
	return Apply(Concat{axis}, values...)
}
