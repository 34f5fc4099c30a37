package onnx

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// Array is a dense array of numbers in host memory, in row-major order. Integers and
// bools are in I, float64 is in D, and all other types are in F.
type Array struct {
	Type  Type
	Shape tensor.Shape
	F     []float32
	D     []float64
	I     []int64

	name   string
	unload func()
}

func newArray(t Type, s tensor.Shape) *Array {
	a := &Array{Type: t, Shape: s}
	switch n := s.Len(); {
	case t.Integer():
		a.I = make([]int64, n)
	case t == Float64:
		a.D = make([]float64, n)
	default:
		a.F = make([]float32, n)
	}
	return a
}

// Ints returns an int64 array with one dimension.
func Ints(v ...int64) *Array {
	return &Array{Type: Int64, Shape: tensor.Shape{len(v)}, I: v}
}

// Floats returns a float32 array of a shape over data.
func Floats(data []float32, shape ...int) *Array {
	return &Array{Type: Float32, Shape: tensor.Shape(shape).Clone(), F: data}
}

// Len is the number of elements.
func (a *Array) Len() int { return a.Shape.Len() }

// At returns element i as a float64, which is exact for all but large integers.
func (a *Array) At(i int) float64 {
	switch {
	case a.I != nil:
		if a.Type == Uint64 {
			return float64(uint64(a.I[i]))
		}
		return float64(a.I[i])
	case a.D != nil:
		return a.D[i]
	}
	return float64(a.F[i])
}

// set stores x as element i, rounded to the array's type. A float that becomes an
// integer is truncated.
func (a *Array) set(i int, x float64) {
	switch {
	case a.I != nil:
		a.I[i] = a.Type.wrap(truncated(x))
	case a.D != nil:
		a.D[i] = x
	default:
		a.F[i] = narrow(a.Type, x)
	}
}

// truncated is x as an integer. A number that no int64 holds becomes the nearest.
func truncated(x float64) int64 {
	switch {
	case x != x:
		return 0
	case x >= 1<<63:
		return math.MaxInt64
	case x < -1<<63:
		return math.MinInt64
	}
	return int64(x)
}

// narrow rounds x to a type of floats.
func narrow(t Type, x float64) float32 {
	if s, ok := smalls[t]; ok {
		return float32(s.round(x))
	}
	if t == BFloat16 {
		bits := math.Float32bits(float32(x))
		if bits&0x7fffffff <= 0x7f800000 {
			bits = (bits + 0x7fff + bits>>16&1) & 0xffff0000
		}
		return math.Float32frombits(bits)
	}
	return float32(x)
}

// setCode stores the element with this code as element i.
func (a *Array) setCode(i int, code uint64) {
	switch {
	case a.Type == Bool:
		a.I[i] = b2i(code&0xff != 0)
	case a.I != nil:
		a.I[i] = a.Type.wrap(int64(code))
	case a.D != nil:
		a.D[i] = math.Float64frombits(code)
	case a.Type == Float32:
		a.F[i] = math.Float32frombits(uint32(code))
	case a.Type == BFloat16:
		a.F[i] = math.Float32frombits(uint32(code) << 16)
	case a.Type == Float8E8M0:
		if a.F[i] = float32(math.Ldexp(1, int(code&0xff)-127)); code&0xff == 0xff {
			a.F[i] = float32(math.NaN())
		}
	default:
		a.F[i] = smalls[a.Type].of(uint32(code))
	}
}

// decode stores the little-endian elements of raw, which has the right length.
func (a *Array) decode(raw []byte) {
	bits := a.Type.bits()
	for i := range a.Len() {
		var code uint64
		switch bits {
		case 64:
			code = little.Uint64(raw[8*i:])
		case 32:
			code = uint64(little.Uint32(raw[4*i:]))
		case 16:
			code = uint64(little.Uint16(raw[2*i:]))
		case 8:
			code = uint64(raw[i])
		default:
			per := 8 / bits
			code = uint64(raw[i/per]) >> (i % per * bits) & (1<<bits - 1)
		}
		a.setCode(i, code)
	}
}

// reshaped returns the same elements in another shape.
func (a *Array) reshaped(s tensor.Shape) *Array {
	b := *a
	b.Shape = s
	return &b
}

// pick returns an array whose element i is element from(i) of a.
func (a *Array) pick(s tensor.Shape, from func(i int) int) *Array {
	b := newArray(a.Type, s)
	b.name = a.name
	for i := range s.Len() {
		b.copy(i, a, from(i))
	}
	return b
}

// copy stores element j of b, of the same type, as element i.
func (a *Array) copy(i int, b *Array, j int) {
	switch {
	case a.I != nil:
		a.I[i] = b.I[j]
	case a.D != nil:
		a.D[i] = b.D[j]
	default:
		a.F[i] = b.F[j]
	}
}

// cast returns a with elements of another type.
func (a *Array) cast(t Type) *Array {
	if t == a.Type {
		return a
	}
	b := newArray(t, a.Shape)
	b.name = a.name
	for i := range a.Len() {
		switch {
		case t == Bool:
			b.I[i] = b2i(a.At(i) != 0)
		case a.I != nil && b.I != nil:
			b.I[i] = t.wrap(a.I[i])
		default:
			b.set(i, a.At(i))
		}
	}
	return b
}

// mostExact is the largest integer up to which float32 holds all integers.
const mostExact = 1 << 24

// float32s returns the elements as float32, or an error if an integer is too large
// for that.
func (a *Array) float32s() ([]float32, error) {
	if a.F != nil {
		return a.F, nil
	}
	f := make([]float32, a.Len())
	for i := range f {
		if a.I != nil && (a.I[i] > mostExact || a.I[i] < -mostExact) {
			return nil, fmt.Errorf("integer %d is over 2^24, which float32 on the device may round", a.I[i])
		}
		f[i] = float32(a.At(i))
	}
	return f, nil
}

// toArray returns float32 numbers as an array of type t. It is an error if an integer is
// so large that float32 may have rounded it.
func toArray(t Type, s tensor.Shape, f []float32) (*Array, error) {
	if !t.Integer() && t != Float64 {
		a := &Array{Type: t, Shape: s, F: f}
		if t != Float32 {
			a.F = make([]float32, len(f))
			for i, x := range f {
				a.F[i] = narrow(t, float64(x))
			}
		}
		return a, nil
	}
	a := newArray(t, s)
	for i, x := range f {
		if a.I != nil && (x > mostExact || x < -mostExact) {
			return nil, fmt.Errorf("an integer near %v is over 2^24, which float32 may have rounded", x)
		}
		if a.I != nil {
			a.I[i] = t.wrap(int64(math.Round(float64(x))))
			continue
		}
		a.D[i] = float64(x)
	}
	return a, nil
}
