package serve

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/vertebra/vertebra/tensor"
)

// Datatype is a type of elements, by its name in the Open Inference Protocol.
type Datatype string

// sizes has the bytes of an element of each type with a fixed size.
var sizes = map[Datatype]int{
	"BOOL": 1, "UINT8": 1, "UINT16": 2, "UINT32": 4, "UINT64": 8, "INT8": 1, "INT16": 2, "INT32": 4, "INT64": 8,
	"FP16": 2, "BF16": 2, "FP32": 4, "FP64": 8,
}

// Value is a tensor of a request or an answer. The first extent is the number of rows.
type Value struct {
	Name     string
	Datatype Datatype
	Shape    []int
	Raw      []byte   // little-endian; nil for BYTES
	Bytes    [][]byte // of BYTES
}

// rows returns the first extent.
func (v *Value) rows() int {
	if len(v.Shape) == 0 {
		return 1
	}
	return v.Shape[0]
}

// elements returns the number of elements of a shape, or an error if that is negative or
// more than most, or if there are more dimensions than any network has.
func elements(shape []int, most int) (int, error) {
	if len(shape) > 32 {
		return 0, fmt.Errorf("the shape has %d dimensions, and 32 are allowed", len(shape))
	}
	n := 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > most/d {
			return 0, fmt.Errorf("shape %v has too many elements", shape)
		}
		n *= d
	}
	return n, nil
}

// check returns an error if the data do not fit shape and type.
func (v *Value) check() error {
	n, err := elements(v.Shape, math.MaxInt/8)
	if err != nil {
		return fmt.Errorf("input %q: %w", v.Name, err)
	}
	have, want := len(v.Bytes), n
	if v.Datatype != "BYTES" {
		size, known := sizes[v.Datatype]
		if !known {
			return fmt.Errorf("input %q: no datatype %q", v.Name, v.Datatype)
		}
		have, want = len(v.Raw), n*size
	}
	if have != want {
		return fmt.Errorf("input %q: the data have length %d, want %d for %s%v", v.Name, have, want, v.Datatype, v.Shape)
	}
	return nil
}

// tensor converts v to float32. Integers that a float32 cannot hold are an error.
func (v *Value) tensor() (*tensor.Tensor, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	t := tensor.New(v.Shape...)
	t.Name = v.Name
	if v.Datatype == "FP32" {
		for i := range t.Data {
			t.Data[i] = math.Float32frombits(binary.LittleEndian.Uint32(v.Raw[4*i:]))
		}
		return t, nil
	}
	for i := range t.Data {
		x, err := v.number(i)
		if err != nil {
			return nil, badRequest{fmt.Errorf("input %q: %w", v.Name, err)}
		}
		t.Data[i] = float32(x)
	}
	return t, nil
}

// channelsLast converts v [B, C, H, W] to float32 in the order [B, H, W, C].
func (v *Value) channelsLast() (*tensor.Tensor, error) {
	if v.Datatype != "FP32" || len(v.Shape) != 4 {
		t, err := v.tensor()
		if err != nil {
			return nil, err
		}
		return t.ToNHWC(), nil
	}
	if err := v.check(); err != nil {
		return nil, err
	}
	b, c, h, w := v.Shape[0], v.Shape[1], v.Shape[2], v.Shape[3]
	t := tensor.New(b, h, w, c)
	t.Name = v.Name
	for plane := range b * c {
		from, to := v.Raw[4*plane*h*w:], t.Data[plane/c*c*h*w:]
		for i, at := 0, plane%c; i < h*w; i, at = i+1, at+c {
			to[at] = math.Float32frombits(binary.LittleEndian.Uint32(from[4*i:]))
		}
	}
	return t, nil
}

// number returns element i.
func (v *Value) number(i int) (float64, error) {
	b := v.Raw
	switch v.Datatype {
	case "FP32":
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))), nil
	case "FP64":
		return math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:])), nil
	case "FP16":
		return float64(tensor.FromHalf(binary.LittleEndian.Uint16(b[2*i:]))), nil
	case "BF16":
		return float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(b[2*i:])) << 16)), nil
	case "BOOL", "UINT8":
		return float64(b[i]), nil
	case "INT8":
		return float64(int8(b[i])), nil
	case "UINT16":
		return float64(binary.LittleEndian.Uint16(b[2*i:])), nil
	case "INT16":
		return float64(int16(binary.LittleEndian.Uint16(b[2*i:]))), nil
	case "UINT32":
		return exact(float64(binary.LittleEndian.Uint32(b[4*i:])))
	case "INT32":
		return exact(float64(int32(binary.LittleEndian.Uint32(b[4*i:]))))
	case "UINT64":
		return exact(float64(binary.LittleEndian.Uint64(b[8*i:])))
	case "INT64":
		return exact(float64(int64(binary.LittleEndian.Uint64(b[8*i:]))))
	}
	return 0, fmt.Errorf("%s is no number", v.Datatype)
}

// exact returns an error for an integer that a float32 may not hold.
func exact(x float64) (float64, error) {
	if math.Abs(x) > 1<<24 {
		return 0, fmt.Errorf("%.0f is beyond 2^24, up to which float32 holds every integer", x)
	}
	return x, nil
}

// fromTensor returns t as a value of type FP32.
func fromTensor(t *tensor.Tensor) *Value {
	v := &Value{Name: t.Name, Datatype: "FP32", Shape: slices.Clone(t.Shape), Raw: make([]byte, 4*len(t.Data))}
	for i, x := range t.Data {
		binary.LittleEndian.PutUint32(v.Raw[4*i:], math.Float32bits(x))
	}
	return v
}

// slice returns rows [from:to] of v, which shares memory with v.
func (v *Value) slice(from, to int) *Value {
	out := *v
	out.Shape = slices.Clone(v.Shape)
	out.Shape[0] = to - from
	if rows := v.rows(); v.Datatype == "BYTES" {
		per := len(v.Bytes) / rows
		out.Bytes = v.Bytes[from*per : to*per]
	} else {
		per := len(v.Raw) / rows
		out.Raw = v.Raw[from*per : to*per]
	}
	return &out
}

// join joins values with the same type and shape of a row.
func join(all []*Value) *Value {
	if len(all) == 1 {
		return all[0]
	}
	out := *all[0]
	out.Shape = slices.Clone(out.Shape)
	out.Shape[0], out.Raw, out.Bytes = 0, nil, nil
	for _, v := range all {
		out.Shape[0] += v.rows()
		out.Raw = append(out.Raw, v.Raw...)
		out.Bytes = append(out.Bytes, v.Bytes...)
	}
	return &out
}
