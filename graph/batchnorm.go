package graph

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// BatchNorm normalises each channel with fixed statistics:
//
//	y = (x − mean)/√(var + Eps) · w + b
//
// Args: x [..., C], mean [C], var [C] and, with Affine, w [C] and b [C]. Result:
// x's shape. (Ioffe and Szegedy, arXiv:1502.03167.) Fuse folds it into the
// convolution or linear layer before it.
type BatchNorm struct {
	Eps    float64 // 0 means 1e-5
	Affine bool
}

// Name is "batch_norm".
func (o BatchNorm) Name() string { return "batch_norm" }

// Shape checks the statistics against x's channels.
func (o BatchNorm) Shape(args []tensor.Shape) (tensor.Shape, error) {
	want := 3
	if o.Affine {
		want = 5
	}
	if len(args) != want || len(args[0]) < 1 {
		return nil, fmt.Errorf("arguments are %v, want %d: x [..., C] and vectors [C]", args, want)
	}
	x := args[0]
	for _, a := range args[1:] {
		if !a.Equal(x[len(x)-1:]) {
			return nil, fmt.Errorf("input has %d channels, statistics are %v", x[len(x)-1], a)
		}
	}
	return x, nil
}

// ScaleShift returns the numbers of y = x·scale + shift for each channel.
func (o BatchNorm) ScaleShift(stats []*tensor.Tensor) (scale, shift []float64) {
	eps := o.Eps
	if eps == 0 {
		eps = 1e-5
	}
	mean, variance := stats[0].Data, stats[1].Data
	scale, shift = make([]float64, len(mean)), make([]float64, len(mean))
	for c := range mean {
		scale[c] = 1 / math.Sqrt(float64(variance[c])+eps)
		if o.Affine {
			scale[c] *= float64(stats[2].Data[c])
			shift[c] = float64(stats[3].Data[c])
		}
		shift[c] -= float64(mean[c]) * scale[c]
	}
	return scale, shift
}

// Eval computes the formula.
func (o BatchNorm) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x := args[0]
	scale, shift := o.ScaleShift(args[1:])
	y := tensor.New(x.Shape...)
	for i, v := range x.Data {
		c := i % len(scale)
		y.Data[i] = float32(float64(v)*scale[c] + shift[c])
	}
	return y
}

// Bands splits all dimensions before the channels.
func (o BatchNorm) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	c := args[1][0]
	rows := tensor.Shape{result.Len() / c, c}
	as := append([]tensor.Shape{rows}, args[1:]...)
	moves := make([]bool, len(as))
	moves[0] = true
	return as, rows, moves
}
