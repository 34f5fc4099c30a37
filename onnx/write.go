package onnx

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/vertebra/vertebra/tensor"
)

// Encode returns a as a tensor that is a file of its own, which ReadTensor reads. Types of
// few bits become float32.
func (a *Array) Encode() []byte {
	t, bits := a.Type, a.Type.bits()
	if bits < 32 && !t.Integer() || bits < 8 {
		a = a.cast(Float32)
		t, bits = Float32, 32
	}
	var b []byte
	for _, d := range a.Shape {
		b = protowire.AppendVarint(protowire.AppendTag(b, 1, protowire.VarintType), uint64(d))
	}
	b = protowire.AppendVarint(protowire.AppendTag(b, 2, protowire.VarintType), uint64(t))
	return protowire.AppendBytes(protowire.AppendTag(b, 9, protowire.BytesType), a.Raw())
}

// Raw returns the little-endian elements of a, as Decode takes them. It returns nil if the
// type has less than 8 bits, or floats of 8 bits.
func (a *Array) Raw() []byte {
	bits := a.Type.bits()
	if bits < 8 || bits == 8 && !a.Type.Integer() {
		return nil
	}
	raw := make([]byte, 0, a.Len()*bits/8)
	for i := range a.Len() {
		var code uint64
		switch {
		case a.I != nil:
			code = uint64(a.I[i])
		case a.D != nil:
			code = math.Float64bits(a.D[i])
		case a.Type == Float16:
			code = uint64(tensor.Half(a.F[i]))
		case a.Type == BFloat16:
			code = uint64(math.Float32bits(a.F[i]) >> 16)
		default:
			code = uint64(math.Float32bits(a.F[i]))
		}
		for shift := 0; shift < bits; shift += 8 {
			raw = append(raw, byte(code>>shift))
		}
	}
	return raw
}

// Decode fills an array of type t and this shape with little-endian elements. It returns nil
// if raw has another length, or t has less than 8 bits.
func Decode(t Type, shape []int, raw []byte) *Array {
	n, bits := 1, t.bits()
	for _, d := range shape {
		if d < 0 || d > mostElements/max(n, 1) {
			return nil
		}
		n *= d
	}
	if bits < 8 || n != len(raw)*8/bits || len(raw)*8%bits != 0 {
		return nil
	}
	a := newArray(t, shape)
	a.decode(raw)
	return a
}
