package graph

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// BinaryKind is a function of two numbers.
type BinaryKind uint8

// The functions of two numbers.
const (
	Add BinaryKind = iota
	Sub
	Mul
	Div
)

var binaryNames = [...]string{"add", "sub", "mul", "div"}

// String returns the function's name.
func (k BinaryKind) String() string { return binaryNames[k] }

// Binary is y = a (+, −, ×, ÷) b with PyTorch's broadcasting: shapes are
// aligned at the last dimension, and an extent of 1 is repeated.
type Binary struct{ Kind BinaryKind }

// Name is the function's name.
func (o Binary) Name() string { return o.Kind.String() }

// Shape returns the shape that both args broadcast to.
func (o Binary) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 2 {
		return nil, fmt.Errorf("%d arguments, want 2", len(args))
	}
	return Broadcast(args[0], args[1])
}

// Broadcast returns the shape that a and b broadcast to.
func Broadcast(a, b tensor.Shape) (tensor.Shape, error) {
	y := make(tensor.Shape, max(len(a), len(b)))
	if len(y) > MaxRank {
		return nil, fmt.Errorf("rank %d is over %d", len(y), MaxRank)
	}
	for i := range y {
		da, db := 1, 1
		if k := i - len(y) + len(a); k >= 0 {
			da = a[k]
		}
		if k := i - len(y) + len(b); k >= 0 {
			db = b[k]
		}
		if da != db && da != 1 && db != 1 {
			return nil, fmt.Errorf("%v and %v do not broadcast", a, b)
		}
		y[i] = max(da, db)
	}
	return y, nil
}

// BroadcastStrides returns the strides that read a value of shape s at the
// indices of shape y. A repeated dimension has stride 0.
func BroadcastStrides(s, y tensor.Shape) []int {
	out := make([]int, len(y))
	strides := s.Strides()
	for i := range s {
		if k := i + len(y) - len(s); s[i] != 1 {
			out[k] = strides[i]
		}
	}
	return out
}

// Eval computes the formula.
func (o Binary) Eval(args []*tensor.Tensor) *tensor.Tensor {
	a, b := args[0], args[1]
	shape, err := Broadcast(a.Shape, b.Shape)
	if err != nil {
		panic(err)
	}
	y := tensor.New(shape...)
	sa, sb, sy := BroadcastStrides(a.Shape, shape), BroadcastStrides(b.Shape, shape), shape.Strides()
	parallelRows(len(y.Data), 1<<12, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			ia, ib := 0, 0
			rest := i
			for d, s := range sy {
				ia += rest / s * sa[d]
				ib += rest / s * sb[d]
				rest %= s
			}
			y.Data[i] = float32(o.Kind.of(float64(a.Data[ia]), float64(b.Data[ib])))
		}
	})
	return y
}

func (k BinaryKind) of(a, b float64) float64 {
	switch k {
	case Add:
		return a + b
	case Sub:
		return a - b
	case Mul:
		return a * b
	}
	return a / b
}

// Bands splits the first dimensions, as long as each arg either has all of them
// in full or repeats all of them. It splits every dimension if no arg is repeated
// or one arg is a single number.
func (o Binary) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	full, repeated := []bool{true, true}, []bool{true, true}
	k := 0
next:
	for ; k < len(result); k++ {
		f, r := []bool{false, false}, []bool{false, false}
		for i, a := range args {
			n := 1
			if d := k - len(result) + len(a); d >= 0 {
				n = a[d]
			}
			f[i], r[i] = full[i] && n == result[k], repeated[i] && n == 1
			if !f[i] && !r[i] {
				break next
			}
		}
		full, repeated = f, r
	}
	as := make([]tensor.Shape, 2)
	for i, a := range args {
		as[i] = a[max(0, len(a)-(len(result)-k)):]
		if full[i] {
			as[i] = append(tensor.Shape{result[:k].Len()}, as[i]...)
		} else if len(as[i]) == 0 {
			as[i] = tensor.Shape{1}
		}
	}
	return as, append(tensor.Shape{result[:k].Len()}, result[k:]...), full
}

// Add is v + b.
func (v *Value) Add(b *Value) *Value { return Apply(Binary{Kind: Add}, v, b) }

// Sub is v − b.
func (v *Value) Sub(b *Value) *Value { return Apply(Binary{Kind: Sub}, v, b) }

// Mul is v × b, element by element.
func (v *Value) Mul(b *Value) *Value { return Apply(Binary{Kind: Mul}, v, b) }

// Div is v ÷ b, element by element.
func (v *Value) Div(b *Value) *Value { return Apply(Binary{Kind: Div}, v, b) }
