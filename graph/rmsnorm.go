package graph

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// RMSNorm divides each row of N elements by its root mean square, where N stands for the
// last Dims dimensions:
//
//	y = x / √(Σ x²/N + Eps) · w
//
// (Zhang and Sennrich, arXiv:1910.07467.)
//
// Args: x [..., N], w [N] with Weight. Result: x's shape.
type RMSNorm struct {
	Dims   int     // 0 means 1
	Eps    float64 // 0 means 1e-5
	Weight bool
}

// layerNorm returns the LayerNorm with the same args.
func (o RMSNorm) layerNorm() LayerNorm {
	return LayerNorm{Dims: o.Dims, Eps: o.Eps, Weight: o.Weight}
}

// Defaults returns the op with its zero fields replaced by their defaults.
func (o RMSNorm) Defaults() RMSNorm {
	l := o.layerNorm().Defaults()
	o.Dims, o.Eps = l.Dims, l.Eps
	return o
}

// Name is "rms_norm" with the number of dimensions if it is not 1.
func (o RMSNorm) Name() string {
	if o.Dims > 1 {
		return fmt.Sprintf("rms_norm %dd", o.Dims)
	}
	return "rms_norm"
}

// Shape checks the weight against x's last dimensions.
func (o RMSNorm) Shape(args []tensor.Shape) (tensor.Shape, error) { return o.layerNorm().Shape(args) }

// Eval computes the formula.
func (o RMSNorm) Eval(args []*tensor.Tensor) *tensor.Tensor {
	o = o.Defaults()
	x := args[0]
	y := tensor.New(x.Shape...)
	n := x.Shape[len(x.Shape)-o.Dims:].Len()
	w, _ := scaleShift(args[1:], o.Weight, false, n)
	tensor.Parallel(len(x.Data)/n, func(row int) {
		xs, ys := x.Data[row*n:(row+1)*n], y.Data[row*n:(row+1)*n]
		sum := 0.0
		for _, v := range xs {
			sum += float64(v) * float64(v)
		}
		scale := 1 / math.Sqrt(sum/float64(n)+o.Eps)
		for i, v := range xs {
			ys[i] = float32(float64(v) * scale * float64(w[i]))
		}
	})
	return y
}

// Bands splits the rows.
func (o RMSNorm) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return o.layerNorm().Bands(args, result)
}

// FLOPs counts four for each element.
func (o RMSNorm) FLOPs(_ []tensor.Shape, result tensor.Shape) int64 { return 4 * int64(result.Len()) }
