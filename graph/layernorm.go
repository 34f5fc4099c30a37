package graph

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// LayerNorm normalises each row of N elements, where N stands for the last Dims
// dimensions:
//
//	y = (x − mean)/√(var + Eps) · w + b
//
// with the row's mean and biased variance. On images [B, H, W, C] it is the
// LayerNorm2d of SAM and others. (Ba et al., arXiv:1607.06450.)
//
// Args: x [..., N], w [N] with Weight, b [N] with Bias. Result: x's shape.
type LayerNorm struct {
	Dims         int     // 0 means 1
	Eps          float64 // 0 means 1e-5
	Weight, Bias bool
}

// Defaults returns the op with its zero fields replaced by their defaults.
func (o LayerNorm) Defaults() LayerNorm {
	o.Dims = max(o.Dims, 1)
	if o.Eps == 0 {
		o.Eps = 1e-5
	}
	return o
}

// Name is "layer_norm" with the number of dimensions if it is not 1.
func (o LayerNorm) Name() string {
	if o.Dims > 1 {
		return fmt.Sprintf("layer_norm %dd", o.Dims)
	}
	return "layer_norm"
}

// Shape checks the weights against x's last dimensions.
func (o LayerNorm) Shape(args []tensor.Shape) (tensor.Shape, error) {
	o = o.Defaults()
	if want := 1 + count(o.Weight, o.Bias); len(args) != want {
		return nil, fmt.Errorf("%d arguments, want %d", len(args), want)
	}
	x := args[0]
	if len(x) < o.Dims {
		return nil, fmt.Errorf("input %v has fewer than %d dimensions", x, o.Dims)
	}
	for _, a := range args[1:] {
		if !a.Equal(x[len(x)-o.Dims:]) {
			return nil, fmt.Errorf("input is %v, weight or bias is %v", x, a)
		}
	}
	return x, o.checkEps()
}

func (o LayerNorm) checkEps() error {
	if o.Eps < 0 {
		return fmt.Errorf("eps %v is negative", o.Eps)
	}
	return nil
}

// Eval computes the formula.
func (o LayerNorm) Eval(args []*tensor.Tensor) *tensor.Tensor {
	o = o.Defaults()
	x := args[0]
	y := tensor.New(x.Shape...)
	n := x.Shape[len(x.Shape)-o.Dims:].Len()
	w, b := scaleShift(args[1:], o.Weight, o.Bias, n)
	tensor.Parallel(len(x.Data)/n, func(row int) {
		xs, ys := x.Data[row*n:(row+1)*n], y.Data[row*n:(row+1)*n]
		mean := 0.0
		for _, v := range xs {
			mean += float64(v)
		}
		mean /= float64(n)
		variance := 0.0
		for _, v := range xs {
			d := float64(v) - mean
			variance += d * d
		}
		scale := 1 / math.Sqrt(variance/float64(n)+o.Eps)
		for i, v := range xs {
			ys[i] = float32((float64(v)-mean)*scale*float64(w[i]) + float64(b[i]))
		}
	})
	return y
}

// Bands splits the rows.
func (o LayerNorm) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	n := result[len(result)-o.Defaults().Dims:]
	rows := append(tensor.Shape{result.Len() / n.Len()}, n...)
	as := append([]tensor.Shape{rows}, args[1:]...)
	moves := make([]bool, len(as))
	moves[0] = true
	return as, rows, moves
}

// FLOPs counts eight for each element.
func (o LayerNorm) FLOPs(_ []tensor.Shape, result tensor.Shape) int64 { return 8 * int64(result.Len()) }

// LayerNorm normalises v over its last dimensions, which are those of w and b. w
// and b may be nil; if both are, it normalises over the last dimension.
func (v *Value) LayerNorm(eps float64, w, b *Value) *Value {
	op := LayerNorm{Eps: eps, Weight: w != nil, Bias: b != nil}
	args := []*Value{v}
	for _, a := range []*Value{w, b} {
		if a != nil {
			op.Dims = len(a.Shape)
			args = append(args, a)
		}
	}
	return Apply(op, args...)
}

// scaleShift returns the data of an optional weight and an optional bias. A
// missing weight is all ones, a missing bias all zeros.
func scaleShift(args []*tensor.Tensor, weight, bias bool, n int) (w, b []float32) {
	w, b = make([]float32, n), make([]float32, n)
	for i := range w {
		w[i] = 1
	}
	if weight {
		w, args = args[0].Data, args[1:]
	}
	if bias {
		b = args[0].Data
	}
	return w, b
}

// count returns the number of true flags.
func count(flags ...bool) int {
	n := 0
	for _, f := range flags {
		if f {
			n++
		}
	}
	return n
}
