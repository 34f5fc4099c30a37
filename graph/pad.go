package graph

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// PadMode says what Pad puts around a value.
type PadMode uint8

// The modes of Pad, with PyTorch's names.
const (
	Constant  PadMode = iota // Value
	Reflect                  // the inside mirrored at the border pixel
	Replicate                // the border pixel
	Circular                 // the other end
)

var padNames = [...]string{"constant", "reflect", "replicate", "circular"}

// String is PyTorch's name of the mode.
func (m PadMode) String() string { return padNames[m] }

// Pad adds Before and After to each dimension; negative numbers crop:
//
//	y[.., i, ..] = x[.., i−Before, ..], or by Mode where that is outside x
//
// Args: x. Result: extents of x plus Before plus After.
type Pad struct {
	Before, After [MaxRank]int
	Mode          PadMode
	Value         float32 // of Constant
}

// Name is "pad" with the mode and the widths.
func (o Pad) Name() string {
	s := "pad"
	if o.Mode != Constant {
		s += " " + o.Mode.String()
	}
	for d := range o.Before {
		if o.Before[d] != 0 || o.After[d] != 0 {
			s += fmt.Sprintf(" %d[%+d %+d]", d, o.Before[d], o.After[d])
		}
	}
	return s
}

// Shape checks that something is left, and that reflection and wrapping need
// no more than x holds.
func (o Pad) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 1 || len(args[0]) > MaxRank {
		return nil, fmt.Errorf("arguments are %v, want x of rank %d or less", args, MaxRank)
	}
	if o.Mode > Circular {
		return nil, fmt.Errorf("mode %d is unknown", o.Mode)
	}
	y := args[0].Clone()
	for d := range o.Before {
		before, after := o.Before[d], o.After[d]
		if d >= len(y) {
			if before != 0 || after != 0 {
				return nil, fmt.Errorf("dimension %d of %v", d, args[0])
			}
			continue
		}
		n, wide := y[d], max(before, after)
		if y[d] += before + after; y[d] < 1 || n+min(before, after) < 1 && o.Mode != Constant ||
			o.Mode == Reflect && wide >= n || o.Mode == Circular && wide > n {
			return nil, fmt.Errorf("dimension %d of %v padded by %d and %d (%v)", d, args[0], before, after, o.Mode)
		}
	}
	return y, nil
}

// from maps an index that may lie outside [0, n) to one inside, or to -1.
func (m PadMode) from(i, n int) int {
	switch {
	case i >= 0 && i < n:
		return i
	case m == Reflect && i < 0:
		return -i
	case m == Reflect:
		return 2*(n-1) - i
	case m == Replicate:
		return max(0, min(i, n-1))
	case m == Circular:
		return ((i % n) + n) % n
	}
	return -1
}

// Eval computes the formula.
func (o Pad) Eval(args []*tensor.Tensor) *tensor.Tensor {
	shape, err := o.Shape(shapes(args))
	if err != nil {
		panic(err)
	}
	x, y := args[0], tensor.New(shape...)
	for i := range y.Data {
		y.Data[i] = o.Value
	}
	strides := x.Shape.Strides()
	gather(x, y, func(index []int) int {
		at := 0
		for d, i := range index {
			k := o.Mode.from(i-o.Before[d], x.Shape[d])
			if k < 0 {
				return -1
			}
			at += k * strides[d]
		}
		return at
	})
	return y
}

// FLOPs is 0.
func (o Pad) FLOPs([]tensor.Shape, tensor.Shape) int64 { return 0 }

// Bands splits the first dimension if it stays.
func (o Pad) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return batches(o.Before[0] == 0 && o.After[0] == 0, args, result)
}

// Rows are those of x that are left in the result, for Constant.
func (o Pad) Rows(args []tensor.Shape, _ tensor.Shape, from, to int) [][2]int {
	if o.Mode != Constant || o.Before[0] != 0 || o.After[0] != 0 {
		return nil
	}
	return [][2]int{inside(from-o.Before[1], to-o.Before[1], args[0][1])}
}

// Pad adds zeros to height and width of images [B, H, W, C].
func (v *Value) Pad(top, bottom, left, right int) *Value {
	return Apply(Pad{Before: [MaxRank]int{1: top, 2: left}, After: [MaxRank]int{1: bottom, 2: right}}, v)
}

// Roll shifts each dimension, what leaves at the end returning at the start:
//
//	y[.., i, ..] = x[.., (i−Shift) mod n, ..]
//
// Args: x. Result: x's shape.
type Roll struct{ Shift [MaxRank]int }

// Name is "roll" with the shifts.
func (o Roll) Name() string {
	s := "roll"
	for d, n := range o.Shift {
		if n != 0 {
			s += fmt.Sprintf(" %d[%+d]", d, n)
		}
	}
	return s
}

// Shape is x's.
func (o Roll) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 1 || len(args[0]) > MaxRank {
		return nil, fmt.Errorf("arguments are %v, want x of rank %d or less", args, MaxRank)
	}
	for d := len(args[0]); d < MaxRank; d++ {
		if o.Shift[d] != 0 {
			return nil, fmt.Errorf("dimension %d of %v", d, args[0])
		}
	}
	return args[0].Clone(), nil
}

// Eval computes the formula.
func (o Roll) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x, y := args[0], tensor.New(args[0].Shape...)
	strides := x.Shape.Strides()
	gather(x, y, func(index []int) int {
		at := 0
		for d, i := range index {
			at += Circular.from(i-o.Shift[d], x.Shape[d]) * strides[d]
		}
		return at
	})
	return y
}

// FLOPs is 0.
func (o Roll) FLOPs([]tensor.Shape, tensor.Shape) int64 { return 0 }

// Bands splits the first dimension if it stays.
func (o Roll) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return batches(o.Shift[0] == 0, args, result)
}

// Roll shifts one dimension; a negative axis counts from the end.
func (v *Value) Roll(axis, shift int) *Value {
	if axis < 0 {
		axis += len(v.Shape)
	}
	if axis < 0 || axis >= MaxRank {
		panic(shapeError{fmt.Errorf("roll: dimension %d of %v", axis, v.Shape)})
	}
	var o Roll
	o.Shift[axis] = shift
	return Apply(o, v)
}
