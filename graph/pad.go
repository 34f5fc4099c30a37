package graph

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// PadMode says how Pad fills the border.
type PadMode uint8

// The modes of Pad, with PyTorch's names.
const (
	Constant  PadMode = iota // with Value
	Reflect                  // with the inside, mirrored at the border pixel
	Replicate                // with the border pixel
	Circular                 // with pixels from the opposite end
)

var padNames = [...]string{"constant", "reflect", "replicate", "circular"}

// String returns PyTorch's name for the mode.
func (m PadMode) String() string { return padNames[m] }

// Pad extends each dimension by Before and After, as Mode says. Negative numbers
// crop:
//
//	y[.., i, ..] = x[.., i−Before, ..]
//
// Args: x. Result: the extents of x plus Before plus After.
type Pad struct {
	Before, After [MaxRank]int
	Mode          PadMode
	Value         float32 // for Constant
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

// Shape checks that the result is not empty, and that x is large enough for
// Reflect and Circular.
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
				return nil, fmt.Errorf("no dimension %d in %v", d, args[0])
			}
			continue
		}
		n, wide := y[d], max(before, after)
		if before == 0 && after == 0 {
			continue
		}
		if y[d] += before + after; y[d] < 0 || n+min(before, after) < 1 && o.Mode != Constant ||
			o.Mode == Reflect && wide >= n || o.Mode == Circular && wide > n {
			return nil, fmt.Errorf("dimension %d of %v cannot be padded by %d and %d (%v)", d, args[0], before, after, o.Mode)
		}
	}
	return y, nil
}

// from maps an index that may lie outside [0, n) to one inside, or to -1 for
// Constant.
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

// Bands splits the first dimension if it is not padded.
func (o Pad) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return batches(o.Before[0] == 0 && o.After[0] == 0, args, result)
}

// Rows returns the rows of x that remain in the result, for Constant.
func (o Pad) Rows(args []tensor.Shape, _ tensor.Shape, from, to int) [][2]int {
	if o.Mode != Constant || o.Before[0] != 0 || o.After[0] != 0 {
		return nil
	}
	return [][2]int{inside(from-o.Before[1], to-o.Before[1], args[0][1])}
}

// Pad adds zeros around images v [B, H, W, C].
func (v *Value) Pad(top, bottom, left, right int) *Value {
	return Apply(Pad{Before: [MaxRank]int{1: top, 2: left}, After: [MaxRank]int{1: bottom, 2: right}}, v)
}

// Roll shifts each dimension cyclically:
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
			return nil, fmt.Errorf("no dimension %d in %v", d, args[0])
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

// Bands splits the first dimension if it is not shifted.
func (o Roll) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return batches(o.Shift[0] == 0, args, result)
}

// Roll shifts one dimension of v cyclically. A negative axis counts from the end.
func (v *Value) Roll(axis, shift int) *Value {
	if axis < 0 {
		axis += len(v.Shape)
	}
	if axis < 0 || axis >= MaxRank {
		panic(shapeError{fmt.Errorf("roll: no dimension %d in %v", axis, v.Shape)})
	}
	var o Roll
	o.Shift[axis] = shift
	return Apply(o, v)
}
