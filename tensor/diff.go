package tensor

import (
	"fmt"
	"math"
)

// Difference says how far a result lies from its reference.
type Difference struct {
	Max       float64 // largest absolute difference
	Relative  float64 // Max over the largest finite magnitude of the reference
	Index     []int   // where Max occurs
	Got, Want float32 // the values there
}

// Diff compares got with the reference want. Two NaNs or two equal infinities
// do not differ; any other NaN or infinity differs by +Inf. If the reference is
// all zeros, Relative equals Max. It is an error if the shapes differ.
func Diff(got, want *Tensor) (Difference, error) {
	if !got.Shape.Equal(want.Shape) {
		return Difference{}, fmt.Errorf("shape is %v, want %v", got.Shape, want.Shape)
	}
	var d Difference
	at, largest := 0, 0.0
	for i, w := range want.Data {
		g := got.Data[i]
		if m := math.Abs(float64(w)); m > largest && !math.IsInf(m, 0) {
			largest = m
		}
		e := math.Abs(float64(g) - float64(w))
		switch {
		case g == w || g != g && w != w:
			continue
		case math.IsNaN(e) || math.IsInf(e, 0):
			e = math.Inf(1)
		}
		if e > d.Max {
			d.Max, at = e, i
		}
	}
	d.Relative = d.Max
	if largest > 0 {
		d.Relative = d.Max / largest
	}
	if len(want.Data) > 0 {
		d.Got, d.Want = got.Data[at], want.Data[at]
		d.Index = make([]int, len(want.Shape))
		for i, s := range want.Shape.Strides() {
			d.Index[i] = at / s
			at %= s
		}
	}
	return d, nil
}

// String reports the difference in one line.
func (d Difference) String() string {
	if d.Max == 0 {
		return "equal"
	}
	return fmt.Sprintf("%.2e of the largest value (%.3g at %v: got %v, want %v)",
		d.Relative, d.Max, d.Index, d.Got, d.Want)
}
