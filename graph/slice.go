package graph

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// Slice takes every Step-th index of each dimension, from Start up to but not
// including Stop. A negative Step takes them from the last one down:
//
//	y[.., i, ..] = x[.., Start + i·Step, ..]     if Step > 0
//	y[.., i, ..] = x[.., Stop − 1 + i·Step, ..]  if Step < 0
//
// Args: x. Stop 0 means the end and Step 0 means 1, so that zero values take the
// whole dimension. A negative Start or Stop counts from the end.
type Slice struct {
	Start, Stop, Step [MaxRank]int
}

// Name is "slice" and the range of each dimension that is cut.
func (o Slice) Name() string {
	s := "slice"
	for d := range o.Start {
		if o.Start[d] == 0 && o.Stop[d] == 0 && plain(o.Step[d]) {
			continue
		}
		s += fmt.Sprintf(" %d[%d:%d", d, o.Start[d], o.Stop[d])
		if !plain(o.Step[d]) {
			s += fmt.Sprintf(":%d", o.Step[d])
		}
		s += "]"
	}
	return s
}

// plain reports whether a step takes every index in order.
func plain(step int) bool { return step == 0 || step == 1 }

// Ranges returns the first index and the step of each dimension of x, and the
// result's shape.
func (o Slice) Ranges(x tensor.Shape) (start, step []int, y tensor.Shape, err error) {
	start, step, y = make([]int, len(x)), make([]int, len(x)), make(tensor.Shape, len(x))
	for d := range o.Start {
		if d >= len(x) {
			if o.Start[d] != 0 || o.Stop[d] != 0 || o.Step[d] != 0 {
				return nil, nil, nil, fmt.Errorf("no dimension %d in %v", d, x)
			}
			continue
		}
		from, to := o.Start[d], o.Stop[d]
		if from < 0 {
			from += x[d]
		}
		if to <= 0 {
			to += x[d]
		}
		start[d], step[d] = from, o.Step[d]
		switch {
		case step[d] == 0:
			step[d] = 1
		case step[d] < 0:
			start[d] = to - 1
		}
		if from < 0 || from > to || to > x[d] || step[d] == math.MinInt {
			return nil, nil, nil, fmt.Errorf("range [%d:%d:%d] does not fit dimension %d of %v", o.Start[d], o.Stop[d], o.Step[d], d, x)
		}
		if from < to {
			y[d] = (to-from-1)/max(step[d], -step[d]) + 1
		}
	}
	return start, step, y, nil
}

// Shape checks that each range lies inside x. A range may be empty.
func (o Slice) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 1 || len(args[0]) > MaxRank {
		return nil, fmt.Errorf("arguments are %v, want x of rank %d or less", args, MaxRank)
	}
	_, _, y, err := o.Ranges(args[0])
	return y, err
}

// Eval computes the formula.
func (o Slice) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x := args[0]
	start, step, shape, err := o.Ranges(x.Shape)
	if err != nil {
		panic(err)
	}
	y := tensor.New(shape...)
	strides := x.Shape.Strides()
	gather(x, y, func(index []int) int {
		at := 0
		for d, i := range index {
			at += (start[d] + i*step[d]) * strides[d]
		}
		return at
	})
	return y
}

// FLOPs is 0.
func (o Slice) FLOPs([]tensor.Shape, tensor.Shape) int64 { return 0 }

// Bands splits the first dimension if it is not cut.
func (o Slice) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return batches(o.Start[0] == 0 && o.Stop[0] == 0 && plain(o.Step[0]), args, result)
}

// Slice takes [start, stop) of one dimension of v. A negative axis, start or stop
// counts from the end, and stop 0 means the end.
func (v *Value) Slice(axis, start, stop int) *Value {
	if axis < 0 {
		axis += len(v.Shape)
	}
	if axis < 0 || axis >= MaxRank {
		panic(shapeError{fmt.Errorf("slice: no dimension %d in %v", axis, v.Shape)})
	}
	var o Slice
	if axis < len(v.Shape) && stop == v.Shape[axis] {
		stop = 0
	}
	o.Start[axis], o.Stop[axis] = start, stop
	return Apply(o, v)
}
