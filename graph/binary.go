package graph

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// BinaryKind is a function of two numbers, a and b.
type BinaryKind uint8

// The functions of two numbers. A NaN gives NaN, except in comparisons and in Pow. Those on
// whole numbers are exact up to 2²⁴.
const (
	Add          BinaryKind = iota // a + b
	Sub                            // a − b
	Mul                            // a b
	Div                            // a / b
	Pow                            // a to the power of b, as in C's pow; whole powers of negative numbers are real
	Maximum                        // the larger of a and b
	Minimum                        // the smaller of a and b
	Fmod                           // a − b trunc(a/b), exactly: it has a's sign
	Remainder                      // a − b floor(a/b) of whole numbers: it has b's sign
	Quotient                       // trunc(a/b) of whole numbers
	Equal                          // 1 if a = b else 0
	Less                           // 1 if a < b else 0
	LessEqual                      // 1 if a ≤ b else 0
	Greater                        // 1 if a > b else 0
	GreaterEqual                   // 1 if a ≥ b else 0
	And                            // 1 if a ≠ 0 and b ≠ 0 else 0
	Or                             // 1 if a ≠ 0 or b ≠ 0 else 0
	Xor                            // 1 if either a ≠ 0 or b ≠ 0 else 0
	PReLU                          // a if a ≥ 0 else a b
	binaryKinds
)

var binaryNames = [binaryKinds]string{"add", "sub", "mul", "div", "pow", "maximum", "minimum", "fmod", "remainder",
	"quotient", "equal", "less", "less_equal", "greater", "greater_equal", "and", "or", "xor", "prelu"}

// String returns the function's name.
func (k BinaryKind) String() string { return binaryNames[k] }

// Valid reports whether k is a function: not beyond the last.
func (k BinaryKind) Valid() bool { return k < binaryKinds }

// Binary is y = Then(Kind(a, b)) with PyTorch's broadcasting: shapes are aligned at the
// last dimension, and an extent of 1 is repeated. A zero Then changes nothing.
type Binary struct {
	Kind BinaryKind
	Then Chain
}

// Name lists the functions.
func (o Binary) Name() string {
	if o.Then[0].Fn != 0 {
		return o.Kind.String() + "+" + o.Then.String()
	}
	return o.Kind.String()
}

// Shape returns the shape that both args broadcast to.
func (o Binary) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 2 {
		return nil, fmt.Errorf("%d arguments, want 2", len(args))
	}
	if !o.Kind.Valid() {
		return nil, fmt.Errorf("no function %d", o.Kind)
	}
	if err := o.Then.check(); err != nil {
		return nil, err
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
		y[i] = da
		if da == 1 {
			y[i] = db
		}
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
			v := float32(o.Kind.Of(float64(a.Data[ia]), float64(b.Data[ib])))
			y.Data[i] = float32(o.Then.Of(float64(v)))
		}
	})
	return y
}

// Of returns the function of a and b.
func (k BinaryKind) Of(a, b float64) float64 {
	switch k {
	case Add:
		return a + b
	case Sub:
		return a - b
	case Mul:
		return a * b
	case Div:
		return a / b
	case Pow:
		return math.Pow(a, b)
	case Maximum:
		return max(a, b)
	case Minimum:
		return min(a, b)
	case Fmod:
		return math.Mod(a, b)
	case Remainder:
		r := math.Mod(a, b)
		if r != 0 && r < 0 != (b < 0) {
			r += b
		}
		return r
	case Quotient:
		return math.Trunc(a / b)
	case Equal:
		return number(a == b)
	case Less:
		return number(a < b)
	case LessEqual:
		return number(a <= b)
	case Greater:
		return number(a > b)
	case GreaterEqual:
		return number(a >= b)
	case And:
		return number(a != 0 && b != 0)
	case Or:
		return number(a != 0 || b != 0)
	case Xor:
		return number((a != 0) != (b != 0))
	case PReLU:
		if a < 0 {
			return a * b
		}
		return a
	}
	panic(fmt.Sprintf("graph: binary kind %d", k))
}

// Bands splits the first dimensions, as long as each arg either has all of them
// in full or repeats all of them. It splits every dimension if no arg is repeated
// or one arg is a single number.
func (o Binary) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return broadcastBands(args, result)
}

// FLOPs counts one for each element, and one for each step of Then.
func (o Binary) FLOPs(_ []tensor.Shape, result tensor.Shape) int64 {
	return int64(1+len(o.Then.List())) * int64(result.Len())
}

// broadcastBands returns the bands of an op whose args broadcast.
func broadcastBands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	full, repeated := all(args), all(args)
	k := 0
next:
	for ; k < len(result); k++ {
		f, r := make([]bool, len(args)), make([]bool, len(args))
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
	as := make([]tensor.Shape, len(args))
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
