package graph

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// LocalResponseNorm divides each element by a power of the mean square of Size
// neighbouring channels, where channels outside count as 0:
//
//	y[...,c] = x[...,c] / (K + Alpha/Size · Σ_{d = c−⌊Size/2⌋}^{c+⌊(Size−1)/2⌋} x[...,d]²)^Beta
//
// A zero field means zero here. PyTorch's defaults are Alpha 1e-4, Beta 0.75 and
// K 1. (Krizhevsky et al., 2012, do not divide by Size.)
//
// Args: x [..., C]. Result: x's shape.
type LocalResponseNorm struct {
	Size           int
	Alpha, Beta, K float64
}

// Name is "local_response_norm" and its size.
func (o LocalResponseNorm) Name() string { return fmt.Sprintf("local_response_norm %d", o.Size) }

// Shape is x's.
func (o LocalResponseNorm) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 1 || len(args[0]) < 1 {
		return nil, fmt.Errorf("arguments are %v, want x [..., C]", args)
	}
	if o.Size < 1 {
		return nil, fmt.Errorf("size %d is less than 1", o.Size)
	}
	return args[0], nil
}

// Eval computes the formula.
func (o LocalResponseNorm) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x := args[0]
	y := tensor.New(x.Shape...)
	c := x.Shape[len(x.Shape)-1]
	tensor.Parallel(len(x.Data)/c, func(row int) {
		xs, ys := x.Data[row*c:(row+1)*c], y.Data[row*c:(row+1)*c]
		for i, v := range xs {
			sum := 0.0
			for d := max(i-o.Size/2, 0); d <= min(i+(o.Size-1)/2, c-1); d++ {
				sum += float64(xs[d]) * float64(xs[d])
			}
			ys[i] = float32(float64(v) / math.Pow(o.K+o.Alpha/float64(o.Size)*sum, o.Beta))
		}
	})
	return y
}

// Bands splits all dimensions before the channels.
func (o LocalResponseNorm) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	c := result[len(result)-1]
	rows := tensor.Shape{result.Len() / c, c}
	return []tensor.Shape{rows}, rows, []bool{true}
}

// FLOPs counts two for each of the Size channels, and four more.
func (o LocalResponseNorm) FLOPs(_ []tensor.Shape, result tensor.Shape) int64 {
	return int64(2*o.Size+4) * int64(result.Len())
}

// LocalResponseNorm divides v by a power of the mean square of size channels.
func (v *Value) LocalResponseNorm(size int, alpha, beta, k float64) *Value {
	return Apply(LocalResponseNorm{size, alpha, beta, k}, v)
}
