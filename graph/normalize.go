package graph

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// Normalize divides lines along one dimension by their Euclidean length:
//
//	y_i = x_i / max(√(Σ_j x_j²), Eps)
//
// Args: x, any shape. Result: x's shape.
type Normalize struct {
	Axis int     // a negative Axis counts from the end
	Eps  float64 // 0 means 1e-12
}

// Defaults returns the op with its zero fields replaced by their defaults.
func (o Normalize) Defaults() Normalize {
	if o.Eps == 0 {
		o.Eps = 1e-12
	}
	return o
}

// Name is "normalize" and the dimension.
func (o Normalize) Name() string { return fmt.Sprintf("normalize dim%d", o.Axis) }

// Shape is x's.
func (o Normalize) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if o.Eps < 0 {
		return nil, fmt.Errorf("eps %v is negative", o.Eps)
	}
	return alongShape(args, o.Axis)
}

// Eval computes the formula.
func (o Normalize) Eval(args []*tensor.Tensor) *tensor.Tensor {
	o = o.Defaults()
	x := args[0]
	y := tensor.New(x.Shape...)
	_, n, _ := Along(x.Shape, o.Axis)
	alongEach(x.Shape, o.Axis, func(_, first, step int) {
		sum := 0.0
		for i := range n {
			v := float64(x.Data[first+i*step])
			sum += v * v
		}
		scale := 1 / max(math.Sqrt(sum), o.Eps)
		for i := range n {
			y.Data[first+i*step] = float32(float64(x.Data[first+i*step]) * scale)
		}
	})
	return y
}

// Bands splits the dimensions before the axis.
func (o Normalize) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return axisBands(args, result, o.Axis)
}

// FLOPs counts two products and an addition for each element.
func (o Normalize) FLOPs(_ []tensor.Shape, result tensor.Shape) int64 { return 3 * int64(result.Len()) }

// Normalize scales each line of v along a dimension to length 1.
func (v *Value) Normalize(axis int) *Value { return Apply(Normalize{Axis: axis}, v) }

// CosineSimilarity is the cosine of the angle between lines of a and b along one
// dimension:
//
//	y = Σ_i a_i·b_i / (max(√(Σ_i a_i²), Eps) · max(√(Σ_i b_i²), Eps))
//
// Args: a, b, which broadcast. Result: the broadcast shape without the dimension.
type CosineSimilarity struct {
	Axis int     // dimension of the broadcast shape; a negative Axis counts from the end
	Eps  float64 // 0 means 1e-8
}

// Defaults returns the op with its zero fields replaced by their defaults.
func (o CosineSimilarity) Defaults() CosineSimilarity {
	if o.Eps == 0 {
		o.Eps = 1e-8
	}
	return o
}

// Name is "cosine_similarity" and the dimension.
func (o CosineSimilarity) Name() string { return fmt.Sprintf("cosine_similarity dim%d", o.Axis) }

// Shape checks that a and b broadcast.
func (o CosineSimilarity) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 2 {
		return nil, fmt.Errorf("%d arguments, want 2", len(args))
	}
	if o.Eps < 0 {
		return nil, fmt.Errorf("eps %v is negative", o.Eps)
	}
	y, err := Broadcast(args[0], args[1])
	if err != nil {
		return nil, err
	}
	axis, err := Axis(o.Axis, len(y))
	if err != nil {
		return nil, err
	}
	return without(y, axis), nil
}

// Eval computes the formula.
func (o CosineSimilarity) Eval(args []*tensor.Tensor) *tensor.Tensor {
	o = o.Defaults()
	a, b := args[0], args[1]
	shape, err := Broadcast(a.Shape, b.Shape)
	if err != nil {
		panic(err)
	}
	axis, err := Axis(o.Axis, len(shape))
	if err != nil {
		panic(err)
	}
	sa, sb := BroadcastStrides(a.Shape, shape), BroadcastStrides(b.Shape, shape)
	n, stepA, stepB := shape[axis], sa[axis], sb[axis]
	line := shape.Clone()
	line[axis] = 1
	sy := line.Strides()
	y := tensor.New(without(shape, axis)...)
	tensor.Parallel(len(y.Data), func(k int) {
		ia, ib, rest := 0, 0, k
		for d, s := range sy {
			if d != axis {
				ia += rest / s * sa[d]
				ib += rest / s * sb[d]
				rest %= s
			}
		}
		var ab, aa, bb float64
		for i := range n {
			p, q := float64(a.Data[ia+i*stepA]), float64(b.Data[ib+i*stepB])
			ab, aa, bb = ab+p*q, aa+p*p, bb+q*q
		}
		y.Data[k] = float32(ab / (max(math.Sqrt(aa), o.Eps) * max(math.Sqrt(bb), o.Eps)))
	})
	return y
}

// FLOPs counts six for each element of the broadcast shape.
func (o CosineSimilarity) FLOPs(args []tensor.Shape, _ tensor.Shape) int64 {
	s, err := Broadcast(args[0], args[1])
	if err != nil {
		return 0
	}
	return 6 * int64(s.Len())
}

// without returns s without dimension axis.
func without(s tensor.Shape, axis int) tensor.Shape {
	return append(s[:axis:axis], s[axis+1:]...)
}

// CosineSimilarity is the cosine of the angle between lines of v and b.
func (v *Value) CosineSimilarity(b *Value, axis int) *Value {
	return Apply(CosineSimilarity{Axis: axis}, v, b)
}
