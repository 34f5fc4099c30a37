package graph

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// Select takes whole slices along one dimension, as PyTorch's index_select does,
// with an index of any shape:
//
//	y[o.., i.., r..] = x[o.., index[i..], r..]
//
// Args: x [O.., N, R..] with N at dimension Axis, index [I..]. Result:
// [O.., I.., R..].
type Select struct{ Axis int }

// Name is "index_select" and the dimension.
func (o Select) Name() string { return fmt.Sprintf("index_select dim%d", o.Axis) }

// Shape puts index's shape in the place of the dimension.
func (o Select) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 2 || len(args[0])+len(args[1])-1 > MaxRank {
		return nil, fmt.Errorf("arguments are %v, want x and index, with a result of rank %d or less", args, MaxRank)
	}
	x, index := args[0], args[1]
	if o.Axis < 0 || o.Axis >= len(x) {
		return nil, fmt.Errorf("no dimension %d in %v", o.Axis, x)
	}
	return append(append(x[:o.Axis].Clone(), index...), x[o.Axis+1:]...), nil
}

// Eval takes rows in each of the outer dimensions' places.
func (o Select) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x, index := args[0], args[1]
	shape, err := o.Shape(shapes(args))
	if err != nil {
		panic(err)
	}
	outer, n, inner := Along(x.Shape, o.Axis)
	rows, at := x.Reshape(outer, n, inner), tensor.New(outer, len(index.Data))
	for i := range at.Data {
		at.Data[i] = index.Data[i%len(index.Data)]
	}
	return TakeRows{}.Eval([]*tensor.Tensor{rows, at}).Reshape(shape...)
}

// Bands splits the first dimension of x if it is not selected from.
func (o Select) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	if o.Axis == 0 {
		args = []tensor.Shape{append(tensor.Shape{1}, args[0]...), args[1]}
		result = append(tensor.Shape{1}, result...)
		return args, result, []bool{false, false}
	}
	return args, result, []bool{true, false}
}

// FLOPs is 0.
func (o Select) FLOPs([]tensor.Shape, tensor.Shape) int64 { return 0 }

// Select takes slices of v along a dimension by index.
func (v *Value) Select(axis int, index *Value) *Value { return Apply(Select{axis}, v, index) }

// GatherND takes slices at tuples of indices:
//
//	y[b.., i.., r..] = x[b.., index[b.., i.., 0], .., index[b.., i.., M−1], r..]
//
// Args: x [B.., N_0, .., N_{M−1}, R..], index [B.., I.., M] with Batch dimensions
// B... Result: [B.., I.., R..].
type GatherND struct{ Batch int }

// Name is "gather_nd" and the number of batch dimensions.
func (o GatherND) Name() string {
	if o.Batch == 0 {
		return "gather_nd"
	}
	return fmt.Sprintf("gather_nd batch%d", o.Batch)
}

// Shape checks that the batches agree, and that x has a dimension for each index of
// a tuple.
func (o GatherND) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 2 || o.Batch < 0 || len(args[1]) <= o.Batch || len(args[0]) <= o.Batch {
		return nil, fmt.Errorf("arguments are %v, want x and index of more than %d dimensions", args, o.Batch)
	}
	x, index := args[0], args[1]
	last := len(index) - 1
	if !x[:o.Batch].Equal(index[:o.Batch]) {
		return nil, fmt.Errorf("batches of %v and index %v differ", x, index)
	}
	if m := index[last]; m < 1 || o.Batch+m > len(x) || m > MaxRank {
		return nil, fmt.Errorf("index %v has tuples of %d, which %v does not", index, index[last], x)
	}
	y := append(index[:last].Clone(), x[o.Batch+index[last]:]...)
	if len(y) > MaxRank {
		return nil, fmt.Errorf("result %v has more than %d dimensions", y, MaxRank)
	}
	return y, nil
}

// Eval computes the formula.
func (o GatherND) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x, index := args[0], args[1]
	shape, err := o.Shape(shapes(args))
	if err != nil {
		panic(err)
	}
	y := tensor.New(shape...)
	m := index.Shape[len(index.Shape)-1]
	batches := x.Shape[:o.Batch].Len()
	run := x.Shape[o.Batch+m:].Len()
	rows := len(index.Data) / m
	for l := range rows {
		to := y.Data[l*run : (l+1)*run]
		if at, ok := place(index.Data[l*m:(l+1)*m], x.Shape[o.Batch:]); ok {
			copy(to, x.Data[l/(rows/batches)*(len(x.Data)/batches)+at:])
			continue
		}
		for i := range to {
			to[i] = nan
		}
	}
	return y
}

// FLOPs is 0.
func (o GatherND) FLOPs([]tensor.Shape, tensor.Shape) int64 { return 0 }

// GatherND takes slices of v at tuples of indices.
func (v *Value) GatherND(index *Value) *Value { return Apply(GatherND{}, v, index) }

// place returns where a tuple of indices points to in a value of shape s, and
// whether each of them lies in its dimension.
func place(tuple []float32, s tensor.Shape) (at int, ok bool) {
	strides := s.Strides()
	for d, f := range tuple {
		k, ok := indexed(f, s[d])
		if !ok {
			return 0, false
		}
		at += k * strides[d]
	}
	return at, true
}
