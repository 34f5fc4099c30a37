package graph

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// Where chooses between two values, element by element:
//
//	y = a if c ≠ 0 else b
//
// Args: c, a, b, which broadcast as in Binary. Result: the shape that all broadcast to.
type Where struct{}

// Name is "where".
func (o Where) Name() string { return "where" }

// Shape returns the shape that all args broadcast to.
func (o Where) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 3 {
		return nil, fmt.Errorf("%d arguments, want 3", len(args))
	}
	y, err := Broadcast(args[0], args[1])
	if err != nil {
		return nil, err
	}
	return Broadcast(y, args[2])
}

// Eval computes the formula.
func (o Where) Eval(args []*tensor.Tensor) *tensor.Tensor {
	shape, err := o.Shape(shapes(args))
	if err != nil {
		panic(err)
	}
	y := tensor.New(shape...)
	sy := shape.Strides()
	var from [3][]int
	for i, a := range args {
		from[i] = BroadcastStrides(a.Shape, shape)
	}
	parallelRows(len(y.Data), 1<<12, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			var at [3]int
			rest := i
			for d, s := range sy {
				for k := range at {
					at[k] += rest / s * from[k][d]
				}
				rest %= s
			}
			if args[0].Data[at[0]] != 0 {
				y.Data[i] = args[1].Data[at[1]]
			} else {
				y.Data[i] = args[2].Data[at[2]]
			}
		}
	})
	return y
}

// Bands splits the first dimensions as those of Binary.
func (o Where) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return broadcastBands(args, result)
}

// Where is a where v is not 0, and b elsewhere.
func (v *Value) Where(a, b *Value) *Value { return Apply(Where{}, v, a, b) }
