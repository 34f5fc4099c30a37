package graph

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// Permute puts the dimensions in another order:
//
//	y[i_0, i_1, ..] = x[..] with i_d at dimension Order[d] of x
//
// Args: x with Rank dimensions. Result: dimension d is dimension Order[d] of x.
type Permute struct {
	Rank  int
	Order [MaxRank]int
}

// Name is "permute" and the order.
func (o Permute) Name() string { return fmt.Sprint("permute ", o.Order[:o.Rank]) }

// Shape checks that Order names each dimension once.
func (o Permute) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 1 || o.Rank < 0 || o.Rank > MaxRank || len(args[0]) != o.Rank {
		return nil, fmt.Errorf("arguments are %v, want x of rank %d", args, o.Rank)
	}
	y := make(tensor.Shape, o.Rank)
	var seen [MaxRank]bool
	for d, from := range o.Order[:o.Rank] {
		if from < 0 || from >= o.Rank || seen[from] {
			return nil, fmt.Errorf("%v is not an order of %d dimensions", o.Order[:o.Rank], o.Rank)
		}
		seen[from] = true
		y[d] = args[0][from]
	}
	return y, nil
}

// Eval computes the formula.
func (o Permute) Eval(args []*tensor.Tensor) *tensor.Tensor {
	y := args[0].Permute(o.Order[:o.Rank]...)
	y.Name = ""
	return y
}

// FLOPs is 0.
func (o Permute) FLOPs([]tensor.Shape, tensor.Shape) int64 { return 0 }

// Bands splits the first dimension if it stays first.
func (o Permute) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return batches(o.Order[0] == 0, args, result)
}

// Permute makes dimension order[d] of v dimension d of the result. Negative
// numbers count from the end.
func (v *Value) Permute(order ...int) *Value {
	o := Permute{Rank: len(order)}
	if len(order) > MaxRank {
		panic(shapeError{fmt.Errorf("permute: rank %d is over %d", len(order), MaxRank)})
	}
	for d, from := range order {
		if from < 0 {
			from += len(order)
		}
		o.Order[d] = from
	}
	return Apply(o, v)
}

// Expand repeats dimensions of extent 1, as PyTorch's expand does. Shapes are
// aligned at the last dimension.
//
// Args: x, which broadcasts to To. Result: To[:Rank].
type Expand struct {
	Rank int
	To   [MaxRank]int
}

// Name is "expand".
func (o Expand) Name() string { return "expand" }

// Shape checks that x broadcasts to exactly To.
func (o Expand) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 1 || o.Rank < 0 || o.Rank > MaxRank {
		return nil, fmt.Errorf("arguments are %v, want x", args)
	}
	to := tensor.Shape(o.To[:o.Rank]).Clone()
	y, err := Broadcast(args[0], to)
	if err != nil || !y.Equal(to) {
		return nil, fmt.Errorf("%v does not expand to %v", args[0], to)
	}
	return to, nil
}

// Eval computes the formula.
func (o Expand) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x, y := args[0], tensor.New(o.To[:o.Rank]...)
	from := BroadcastStrides(x.Shape, y.Shape)
	gather(x, y, func(index []int) int {
		at := 0
		for d, i := range index {
			at += i * from[d]
		}
		return at
	})
	return y
}

// FLOPs is 0.
func (o Expand) FLOPs([]tensor.Shape, tensor.Shape) int64 { return 0 }

// Expand repeats v's dimensions of extent 1 up to shape.
func (v *Value) Expand(shape ...int) *Value {
	o := Expand{Rank: len(shape)}
	if len(shape) > MaxRank {
		panic(shapeError{fmt.Errorf("expand: rank %d is over %d", len(shape), MaxRank)})
	}
	copy(o.To[:], shape)
	return Apply(o, v)
}

// gather sets each element of y to the element of x whose flat index from
// returns. It leaves an element as it is if from returns less than 0.
func gather(x, y *tensor.Tensor, from func(index []int) int) {
	index := make([]int, len(y.Shape))
	for i := range y.Data {
		if k := from(index); k >= 0 {
			y.Data[i] = x.Data[k]
		}
		for d := len(index) - 1; d >= 0; d-- {
			if index[d]++; index[d] < y.Shape[d] {
				break
			}
			index[d] = 0
		}
	}
}
