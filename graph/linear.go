package graph

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// Linear is y = Act(x·wᵀ + bias + residual) over the last dimension.
//
// Args: x [..., K], w [N, K], bias [N], residual [..., N]. Result: [..., N].
type Linear struct{ Epilogue }

// Name is "linear" with its epilogue.
func (o Linear) Name() string { return "linear" + o.Epilogue.String() }

// Shape checks that x has as many channels as w wants.
func (o Linear) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) < 2 || len(args[0]) < 1 || len(args[1]) != 2 {
		return nil, fmt.Errorf("arguments are %v, want x [..., K] and weight [N, K]", args)
	}
	x, w := args[0], args[1]
	if k := x[len(x)-1]; k != w[1] {
		return nil, fmt.Errorf("input has %d channels, weight wants %d", k, w[1])
	}
	y := x.Clone()
	y[len(y)-1] = w[0]
	return y, o.check(args, 2, y)
}

// Eval computes the formula.
func (o Linear) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x, w := args[0], args[1]
	n, k := w.Shape[0], w.Shape[1]
	shape := x.Shape.Clone()
	shape[len(shape)-1] = n
	y := tensor.New(shape...)
	store := o.store(args, 2, y)
	tensor.Parallel(x.Shape[:len(x.Shape)-1].Len(), func(m int) {
		xs := x.Data[m*k : (m+1)*k]
		for j := range n {
			ws := w.Data[j*k : (j+1)*k]
			sum := 0.0
			for i := range xs {
				sum += float64(xs[i]) * float64(ws[i])
			}
			store(m*n+j, j, sum)
		}
	})
	return y
}

// Bands splits the rows of x.
func (o Linear) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	n, k := args[1][0], args[1][1]
	m := result.Len() / n
	as := append([]tensor.Shape{}, args...)
	as[0] = tensor.Shape{m, k}
	if o.Residual {
		as[len(as)-1] = tensor.Shape{m, n}
	}
	return as, tensor.Shape{m, n}, o.moves(1, 1)
}

// FLOPs counts two for each weight and row.
func (o Linear) FLOPs(args []tensor.Shape, result tensor.Shape) int64 {
	return 2 * int64(result.Len()) * int64(args[1][1])
}

func (o Linear) epilogue() Epilogue           { return o.Epilogue }
func (o Linear) withEpilogue(e Epilogue) Op   { o.Epilogue = e; return o }
func (o Linear) foldable() (weight, axis int) { return 1, 0 }
