package graph

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// MaxRank is the largest rank that a value may have.
const MaxRank = 6

// Reshape gives the same elements another shape. It costs nothing, because the
// result shares its argument's memory.
type Reshape struct {
	Rank int
	To   [MaxRank]int
}

// Name is "reshape".
func (o Reshape) Name() string { return "reshape" }

// Shape checks that the number of elements stays the same.
func (o Reshape) Shape(args []tensor.Shape) (tensor.Shape, error) {
	to := tensor.Shape(o.To[:o.Rank]).Clone()
	if len(args) != 1 || args[0].Len() != to.Len() {
		return nil, fmt.Errorf("%v cannot become %v", args, to)
	}
	return to, nil
}

// Eval shares x's data.
func (o Reshape) Eval(args []*tensor.Tensor) *tensor.Tensor {
	return args[0].Reshape(o.To[:o.Rank]...)
}

// FLOPs is 0.
func (o Reshape) FLOPs([]tensor.Shape, tensor.Shape) int64 { return 0 }

// Reshape gives v another shape. One extent may be -1 and is then inferred.
func (v *Value) Reshape(shape ...int) *Value {
	o := Reshape{Rank: len(shape)}
	if len(shape) > MaxRank {
		panic(shapeError{fmt.Errorf("reshape: rank %d is over %d", len(shape), MaxRank)})
	}
	copy(o.To[:], shape)
	known, open := 1, -1
	for i, d := range shape {
		if d == -1 {
			open = i
		} else {
			known *= d
		}
	}
	if open >= 0 && known > 0 {
		o.To[open] = v.Shape.Len() / known
	}
	return Apply(o, v)
}
