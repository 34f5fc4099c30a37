package tensor

import (
	"math/bits"
	"unsafe"
)

// Scratch makes tensors that live until Reset, which keeps their memory for the
// next ones. Making many large tensors in turn thus leaves no more garbage than
// a few of the largest. The zero value is ready to use, by one goroutine at a
// time; a nil Scratch allocates every tensor.
type Scratch struct {
	free, used [][]float32
}

// New returns a tensor of zeros, valid until Reset.
func (s *Scratch) New(shape ...int) *Tensor {
	if s == nil {
		return New(shape...)
	}
	return Of(s.floats(Shape(shape).Len()), shape...)
}

// Like returns a tensor of zeros, valid until Reset. It has Halves if t has.
func (s *Scratch) Like(t *Tensor, shape ...int) *Tensor {
	if t.Halves == nil {
		return s.New(shape...)
	}
	out := &Tensor{Shape: Shape(shape).Clone()}
	n := out.Shape.Len()
	switch {
	case s == nil || n == 0:
		out.Halves = make([]uint16, n)
	default:
		out.Halves = unsafe.Slice((*uint16)(unsafe.Pointer(&s.floats((n + 1) / 2)[0])), n)
	}
	return out
}

// floats returns n zeros.
func (s *Scratch) floats(n int) []float32 {
	fit, largest := -1, -1
	for i, f := range s.free {
		if cap(f) >= n && (fit < 0 || cap(f) < cap(s.free[fit])) {
			fit = i
		}
		if largest < 0 || cap(f) > cap(s.free[largest]) {
			largest = i
		}
	}
	var data []float32
	switch {
	case fit >= 0:
		data = s.take(fit)[:n]
		clear(data)
	default:
		if largest >= 0 {
			s.take(largest) // the new slice replaces it
		}
		// Powers of two bound the total size of the slices dropped.
		data = make([]float32, n, 1<<bits.Len(uint(max(n, 1)-1)))
	}
	s.used = append(s.used, data)
	return data
}

// take removes a free slice and returns it.
func (s *Scratch) take(i int) []float32 {
	f, last := s.free[i], len(s.free)-1
	s.free[i] = s.free[last]
	s.free[last] = nil
	s.free = s.free[:last]
	return f
}

// Permute returns t.Permute(order...), valid until Reset.
func (s *Scratch) Permute(t *Tensor, order ...int) *Tensor {
	return t.permute(order, s)
}

// Reset ends the life of all tensors that s made.
func (s *Scratch) Reset() {
	s.free = append(s.free, s.used...)
	clear(s.used)
	s.used = s.used[:0]
}
