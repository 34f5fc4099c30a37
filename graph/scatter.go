package graph

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// Merge says what Scatter and ScatterND make of an element and its update.
type Merge uint8

// The ways to merge an element with an update.
const (
	Replace  Merge = iota // the update; of several for one element, any may remain
	MergeSum              // their sum
	MergeMul              // their product
	MergeMax              // the larger one
	MergeMin              // the smaller one
)

var mergeNames = [...]string{"", " sum", " prod", " amax", " amin"}

// String returns a blank and PyTorch's name for the reduction, or nothing.
func (m Merge) String() string { return mergeNames[m] }

// of merges a with b. Sums and products are computed in float64 by the caller.
func (m Merge) of(a, b float64) float64 {
	switch m {
	case MergeSum:
		return a + b
	case MergeMul:
		return a * b
	case MergeMax:
		return math.Max(a, b)
	case MergeMin:
		return math.Min(a, b)
	}
	return b
}

// Scatter changes an element along one dimension for each index, as PyTorch's
// scatter and scatter_reduce do. y is x, and then for each element of index:
//
//	y[.., index[.., i, ..], ..] = Merge(y[.., index[.., i, ..], ..], updates[.., i, ..])
//
// An index outside its range changes nothing. Args: x, index and updates of the same
// rank; the last two have the same shape, and only along Axis may it be larger than
// x's. Result: x's shape.
type Scatter struct {
	Axis  int
	Merge Merge
}

// Name is "scatter" and the axis.
func (o Scatter) Name() string { return fmt.Sprintf("scatter%v axis %d", o.Merge, o.Axis) }

// Shape checks index and updates against x.
func (o Scatter) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 3 || !args[1].Equal(args[2]) || o.Merge > MergeMin {
		return nil, fmt.Errorf("arguments are %v, want x, index and updates", args)
	}
	if _, err := (Gather{o.Axis}).Shape(args[:2]); err != nil {
		return nil, err
	}
	return args[0], nil
}

// Eval computes the formula.
func (o Scatter) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x, index, updates := args[0], args[1], args[2]
	sx, si := x.Shape.Strides(), index.Shape.Strides()
	return scattered(x, o.Merge, len(index.Data), func(i int) (at, from int, ok bool) {
		k, ok := indexed(index.Data[i], x.Shape[o.Axis])
		at, rest := k*sx[o.Axis], i
		for d, s := range si {
			if d != o.Axis {
				at += rest / s * sx[d]
			}
			rest %= s
		}
		return at, i, ok
	}, updates)
}

// scattered returns x changed by n updates. to says which element the i-th update
// changes, and from which one of updates it comes.
func scattered(x *tensor.Tensor, m Merge, n int, to func(i int) (at, from int, ok bool), updates *tensor.Tensor) *tensor.Tensor {
	sums := make([]float64, len(x.Data))
	for i, v := range x.Data {
		sums[i] = float64(v)
	}
	for i := range n {
		if at, from, ok := to(i); ok {
			sums[at] = m.of(sums[at], float64(updates.Data[from]))
		}
	}
	y := tensor.New(x.Shape...)
	for i, v := range sums {
		y.Data[i] = float32(v)
	}
	return y
}

// FLOPs is 0.
func (o Scatter) FLOPs([]tensor.Shape, tensor.Shape) int64 { return 0 }

// ScatterND changes slices at tuples of indices. y is x, and then for each tuple:
//
//	y[index[i.., 0], .., index[i.., M−1], r..] = Merge(y[index[i..].., r..], updates[i.., r..])
//
// A tuple outside its range changes nothing. Args: x [N_0, .., N_{M−1}, R..],
// index [I.., M], updates [I.., R..]. Result: x's shape.
type ScatterND struct{ Merge Merge }

// Name is "scatter_nd" and the reduction.
func (o ScatterND) Name() string { return fmt.Sprintf("scatter_nd%v", o.Merge) }

// Shape checks index and updates against x.
func (o ScatterND) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 3 || o.Merge > MergeMin {
		return nil, fmt.Errorf("arguments are %v, want x, index and updates", args)
	}
	want, err := GatherND{}.Shape(args[:2])
	if err != nil {
		return nil, err
	}
	if !args[2].Equal(want) {
		return nil, fmt.Errorf("updates are %v, want %v", args[2], want)
	}
	return args[0], nil
}

// Eval computes the formula.
func (o ScatterND) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x, index, updates := args[0], args[1], args[2]
	m := index.Shape[len(index.Shape)-1]
	run := x.Shape[m:].Len()
	return scattered(x, o.Merge, len(updates.Data), func(i int) (at, from int, ok bool) {
		l := i / run
		at, ok = place(index.Data[l*m:(l+1)*m], x.Shape)
		return at + i%run, i, ok
	}, updates)
}

// FLOPs is 0.
func (o ScatterND) FLOPs([]tensor.Shape, tensor.Shape) int64 { return 0 }
