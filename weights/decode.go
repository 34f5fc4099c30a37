package weights

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// sizes gives the bytes of an element of each type. It includes types that
// decode cannot convert, because files that hold them can still be listed.
var sizes = map[string]int64{
	"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
	"C128": 16, "C64": 8, "C32": 4,
	"F8_E4M3": 1, "F8_E5M2": 1, "F8_E4M3FNUZ": 1, "F8_E5M2FNUZ": 1, "F8_E8M0": 1,
	"QI32": 4, "QI8": 1, "QU8": 1, "QU4X2": 1, "QU2X4": 1,
}

// decode converts the first len(to) little-endian numbers in raw to float32.
func decode(to []float32, raw []byte, dtype string) error {
	le := binary.LittleEndian
	switch dtype {
	case "F32":
		for i := range to {
			to[i] = math.Float32frombits(le.Uint32(raw[4*i:]))
		}
	case "F64":
		for i := range to {
			to[i] = float32(math.Float64frombits(le.Uint64(raw[8*i:])))
		}
	case "F16":
		for i := range to {
			to[i] = tensor.FromHalf(le.Uint16(raw[2*i:]))
		}
	case "BF16":
		for i := range to {
			to[i] = math.Float32frombits(uint32(le.Uint16(raw[2*i:])) << 16)
		}
	case "I64":
		for i := range to {
			to[i] = float32(int64(le.Uint64(raw[8*i:])))
		}
	case "U64":
		for i := range to {
			to[i] = float32(le.Uint64(raw[8*i:]))
		}
	case "I32":
		for i := range to {
			to[i] = float32(int32(le.Uint32(raw[4*i:])))
		}
	case "U32":
		for i := range to {
			to[i] = float32(le.Uint32(raw[4*i:]))
		}
	case "I16":
		for i := range to {
			to[i] = float32(int16(le.Uint16(raw[2*i:])))
		}
	case "U16":
		for i := range to {
			to[i] = float32(le.Uint16(raw[2*i:]))
		}
	case "I8":
		for i := range to {
			to[i] = float32(int8(raw[i]))
		}
	case "U8", "BOOL":
		for i := range to {
			to[i] = float32(raw[i])
		}
	default:
		kind, ok := float8s[dtype]
		if !ok {
			return fmt.Errorf("elements of type %.40q are not read", dtype)
		}
		if len(to) == 0 {
			return nil
		}
		table := kind.table()
		for i := range to {
			to[i] = table[raw[i]]
		}
	}
	return nil
}

// readable reports whether decode can convert elements of a type.
func readable(dtype string) bool { return decode(nil, nil, dtype) == nil }

// float8 is a kind of numbers of 8 bits: a sign, an exponent and a fraction.
type float8 struct {
	fraction, bias int
	// infinite says that the largest exponent is for infinity and NaN, as IEEE 754
	// has it. Else one code is NaN: all ones, or with unsigned zero, that of -0.
	infinite, unsigned bool
}

var float8s = map[string]float8{
	"F8_E4M3":     {fraction: 3, bias: 7},
	"F8_E5M2":     {fraction: 2, bias: 15, infinite: true},
	"F8_E4M3FNUZ": {fraction: 3, bias: 8, unsigned: true},
	"F8_E5M2FNUZ": {fraction: 2, bias: 16, unsigned: true},
}

// table returns the value of each code.
func (f float8) table() (values [256]float32) {
	for code := range values {
		exp, frac := code>>f.fraction&(0x7f>>f.fraction), code&(1<<f.fraction-1)
		v := float64(frac + 1<<f.fraction)
		if exp == 0 {
			v, exp = float64(frac), 1
		}
		v = math.Ldexp(v, exp-f.bias-f.fraction)
		switch {
		case f.unsigned && code == 0x80, !f.unsigned && !f.infinite && code&0x7f == 0x7f:
			v = math.NaN()
		case f.infinite && exp == 0x7f>>f.fraction:
			if v = math.Inf(1); frac != 0 {
				v = math.NaN()
			}
		}
		if code >= 0x80 {
			v = math.Copysign(v, -1)
		}
		values[code] = float32(v)
	}
	return values
}
