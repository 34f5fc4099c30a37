package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Type is the type of a tensor's elements, with the numbers of ONNX.
type Type int32

// The types of elements.
const (
	Undefined Type = iota
	Float32
	Uint8
	Int8
	Uint16
	Int16
	Int32
	Int64
	String
	Bool
	Float16
	Float64
	Uint32
	Uint64
	Complex64
	Complex128
	BFloat16
	Float8E4M3FN
	Float8E4M3FNUZ
	Float8E5M2
	Float8E5M2FNUZ
	Uint4
	Int4
	Float4E2M1
	Float8E8M0
	Uint2
	Int2
	types
)

var typeNames = [types]string{"undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool",
	"float16", "float64", "uint32", "uint64", "complex64", "complex128", "bfloat16", "float8e4m3fn", "float8e4m3fnuz",
	"float8e5m2", "float8e5m2fnuz", "uint4", "int4", "float4e2m1", "float8e8m0", "uint2", "int2"}

// typeBits has the bits of an element; 0 for types whose numbers are not read.
var typeBits = [types]int{Float32: 32, Uint8: 8, Int8: 8, Uint16: 16, Int16: 16, Int32: 32, Int64: 64, Bool: 8,
	Float16: 16, Float64: 64, Uint32: 32, Uint64: 64, BFloat16: 16, Float8E4M3FN: 8, Float8E4M3FNUZ: 8, Float8E5M2: 8,
	Float8E5M2FNUZ: 8, Uint4: 4, Int4: 4, Float4E2M1: 4, Float8E8M0: 8, Uint2: 2, Int2: 2}

var little = binary.LittleEndian

// String returns the type's name.
func (t Type) String() string {
	if t < 0 || t >= types {
		return fmt.Sprintf("type %d", int32(t))
	}
	return typeNames[t]
}

func (t Type) bits() int {
	if t < 0 || t >= types {
		return 0
	}
	return typeBits[t]
}

// Integer reports whether the elements are integers or bools, which an Array keeps
// in I.
func (t Type) Integer() bool {
	switch t {
	case Uint8, Int8, Uint16, Int16, Int32, Int64, Bool, Uint32, Uint64, Uint4, Int4, Uint2, Int2:
		return true
	}
	return false
}

func (t Type) signed() bool {
	switch t {
	case Int8, Int16, Int32, Int64, Int4, Int2:
		return true
	}
	return false
}

// wrap returns v as an integer type holds it.
func (t Type) wrap(v int64) int64 {
	switch bits := t.bits(); {
	case t == Bool:
		return b2i(v != 0)
	case bits == 64:
		return v
	case t.signed():
		return v << (64 - bits) >> (64 - bits)
	default:
		return int64(uint64(v) << (64 - bits) >> (64 - bits))
	}
}

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// small is a kind of floating-point numbers with few bits.
type small struct {
	exponent, fraction, bias int
	infinite                 bool // the largest exponent is for infinity and NaN
	unsignedZero             bool // the code of -0 is NaN
	finite                   bool // there is no NaN
}

var smalls = map[Type]small{
	Float16:        {exponent: 5, fraction: 10, bias: 15, infinite: true},
	Float8E4M3FN:   {exponent: 4, fraction: 3, bias: 7},
	Float8E4M3FNUZ: {exponent: 4, fraction: 3, bias: 8, unsignedZero: true},
	Float8E5M2:     {exponent: 5, fraction: 2, bias: 15, infinite: true},
	Float8E5M2FNUZ: {exponent: 5, fraction: 2, bias: 16, unsignedZero: true},
	Float4E2M1:     {exponent: 2, fraction: 1, bias: 1, finite: true},
}

// of returns the number with this code.
func (s small) of(code uint32) float32 {
	sign, most := 1.0, uint32(1)<<s.exponent-1
	if code>>(s.exponent+s.fraction)&1 == 1 {
		sign = -1
	}
	exp, frac := code>>s.fraction&most, code&(1<<s.fraction-1)
	switch {
	case s.unsignedZero && sign < 0 && exp == 0 && frac == 0:
		return float32(math.NaN())
	case s.infinite && exp == most && frac == 0:
		return float32(math.Inf(int(sign)))
	case s.infinite && exp == most,
		!s.infinite && !s.unsignedZero && !s.finite && exp == most && frac == 1<<s.fraction-1:
		return float32(math.NaN())
	case exp == 0:
		return float32(sign * math.Ldexp(float64(frac), 1-s.bias-s.fraction))
	}
	return float32(sign * math.Ldexp(float64(frac+1<<s.fraction), int(exp)-s.bias-s.fraction))
}

// round returns the number of kind s that is nearest to x, and the even one of two.
func (s small) round(x float64) float64 {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return x
	}
	_, exp := math.Frexp(x)
	step := math.Ldexp(1, max(exp-1, 1-s.bias)-s.fraction)
	y := math.RoundToEven(x/step) * step
	if most := s.largest(); s.infinite && math.Abs(y) > most {
		return math.Copysign(math.Inf(1), x)
	}
	return y
}

func (s small) largest() float64 {
	return math.Ldexp(2-math.Ldexp(1, -s.fraction), (1<<s.exponent-2)-s.bias)
}
