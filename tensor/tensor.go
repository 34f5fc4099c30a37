// Package tensor holds dense float32 arrays in host memory.
//
// New makes a tensor of zeros and Of wraps a slice. Images are [B, H, W, C]
// throughout this module; ToNHWC and ToNCHW convert from and to PyTorch's
// channels-first order. Diff compares a result with its reference, and every
// test uses it.
package tensor

import (
	"fmt"
	"strings"
)

// Shape is the extent of each dimension, outermost first. A scalar has the
// empty shape.
type Shape []int

// Len is the number of elements: the product of the extents.
func (s Shape) Len() int {
	n := 1
	for _, d := range s {
		n *= d
	}
	return n
}

// Equal reports whether s and t have the same rank and extents.
func (s Shape) Equal(t Shape) bool {
	if len(s) != len(t) {
		return false
	}
	for i := range s {
		if s[i] != t[i] {
			return false
		}
	}
	return true
}

// Clone returns a copy that shares no memory with s.
func (s Shape) Clone() Shape { return append(Shape{}, s...) }

// Strides returns the distance in elements between neighbours along each
// dimension of a dense array of shape s.
func (s Shape) Strides() []int {
	strides := make([]int, len(s))
	n := 1
	for i := len(s) - 1; i >= 0; i-- {
		strides[i] = n
		n *= s[i]
	}
	return strides
}

// String writes the shape as "[2, 224, 224, 3]".
func (s Shape) String() string {
	var b strings.Builder
	b.WriteByte('[')
	for i, d := range s {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprint(&b, d)
	}
	b.WriteByte(']')
	return b.String()
}

// Tensor is a dense array in row-major order. Data has Shape.Len() elements, or
// is nil for a weight that is declared but not yet bound to a checkpoint. Name
// is the name of a weight in its checkpoint.
//
// A large weight of a float16 checkpoint has Halves and no Data. Floats has the
// numbers of either.
//
// The Data or the Halves of a weight may lie in a mapped file. They are then
// read-only, and writing to them ends the process: to change the weight, replace
// them by a copy.
type Tensor struct {
	Name   string
	Shape  Shape
	Data   []float32
	Halves []uint16 // the numbers as f16, in place of Data

	// Unload is set if Data or Halves lie in a mapped file. It releases their
	// memory, which the next read loads again.
	Unload func()
}

// New returns a tensor of zeros.
func New(shape ...int) *Tensor {
	s := Shape(shape).Clone()
	return &Tensor{Shape: s, Data: make([]float32, s.Len())}
}

// Declare returns a tensor without data, which weights.Bind fills later.
func Declare(shape ...int) *Tensor { return &Tensor{Shape: Shape(shape).Clone()} }

// Bound reports whether a tensor has numbers.
func (t *Tensor) Bound() bool { return t.Data != nil || t.Halves != nil }

// Floats returns t with its numbers in Data: t itself or, if it has Halves, a copy in
// memory of s.
func (t *Tensor) Floats(s *Scratch) *Tensor {
	if t.Halves == nil {
		return t
	}
	f := s.New(t.Shape...)
	f.Name = t.Name
	for i, h := range t.Halves {
		f.Data[i] = FromHalf(h)
	}
	return f
}

// Copy copies n numbers of t, from index i on, to index at of to. Both tensors have
// Data, or both have Halves.
func (t *Tensor) Copy(i, n int, to *Tensor, at int) {
	if t.Halves != nil {
		copy(to.Halves[at:at+n], t.Halves[i:i+n])
		return
	}
	copy(to.Data[at:at+n], t.Data[i:i+n])
}

// Finite reports whether a tensor has neither NaN nor infinities.
func (t *Tensor) Finite() bool {
	for _, h := range t.Halves {
		if h&0x7c00 == 0x7c00 {
			return false
		}
	}
	for _, v := range t.Data {
		if v-v != 0 { // of NaN and of infinities this is NaN
			return false
		}
	}
	return true
}

// Of returns a tensor over data without copying it. It panics if the shape does
// not have exactly len(data) elements.
func Of(data []float32, shape ...int) *Tensor {
	s := Shape(shape).Clone()
	if s.Len() != len(data) {
		panic(fmt.Sprintf("tensor: %d elements for shape %v", len(data), s))
	}
	return &Tensor{Shape: s, Data: data}
}

// Reshape returns a tensor with another shape over the same data. It panics if
// the number of elements differs.
func (t *Tensor) Reshape(shape ...int) *Tensor {
	s := Shape(shape).Clone()
	if s.Len() != t.Shape.Len() {
		panic(fmt.Sprintf("tensor: reshape %v to %v", t.Shape, s))
	}
	return &Tensor{Name: t.Name, Shape: s, Data: t.Data, Halves: t.Halves, Unload: t.Unload}
}

// Permute returns a copy with the dimensions in another order: dimension i of
// the result is dimension order[i] of t.
func (t *Tensor) Permute(order ...int) *Tensor { return t.permute(order, nil) }

func (t *Tensor) permute(order []int, s *Scratch) *Tensor {
	shape := make(Shape, len(order))
	from := make([]int, len(order))
	strides := t.Shape.Strides()
	for i, o := range order {
		shape[i], from[i] = t.Shape[o], strides[o]
	}
	out := s.Like(t, shape...)
	out.Name = t.Name
	if t.Halves != nil {
		permute(out.Halves, t.Halves, shape, from)
	} else {
		permute(out.Data, t.Data, shape, from)
	}
	return out
}

// permute fills out, an array of a shape, with elements of in that are the given
// distances apart.
func permute[T float32 | uint16](out, in []T, shape, from []int) {
	shape, from = merge(shape, from)
	if len(out) == 0 {
		return
	}
	last := len(shape) - 1
	n, step := shape[last], from[last]
	index := make([]int, last)
	at := 0
	for i := 0; i < len(out); i += n {
		if row := out[i : i+n]; step == 1 {
			copy(row, in[at:])
		} else {
			for k, j := 0, at; k < n; k, j = k+1, j+step {
				row[k] = in[j]
			}
		}
		for d := last - 1; d >= 0; d-- {
			index[d]++
			at += from[d]
			if index[d] < shape[d] {
				break
			}
			at -= from[d] * shape[d]
			index[d] = 0
		}
	}
}

// merge describes the same elements with fewer dimensions: without those of extent one, and
// with one in place of two whose elements are evenly apart.
func merge(shape, from []int) (merged, apart []int) {
	for d, n := range shape {
		last := len(merged) - 1
		switch {
		case n == 1:
		case last >= 0 && apart[last] == n*from[d]:
			merged[last], apart[last] = n*merged[last], from[d]
		default:
			merged, apart = append(merged, n), append(apart, from[d])
		}
	}
	if merged == nil {
		return []int{1}, []int{1}
	}
	return merged, apart
}

// ToNHWC returns a copy of t [B, C, H, W] (PyTorch's order) as [B, H, W, C].
func (t *Tensor) ToNHWC() *Tensor { return t.Permute(0, 2, 3, 1) }

// ToNCHW returns a copy of t [B, H, W, C] as [B, C, H, W] (PyTorch's order).
func (t *Tensor) ToNCHW() *Tensor { return t.Permute(0, 3, 1, 2) }

// String returns the tensor's name, if it has one, and its shape.
func (t *Tensor) String() string {
	if t.Name == "" {
		return t.Shape.String()
	}
	return t.Name + " " + t.Shape.String()
}
