package picture

import (
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// Through returns a picture of width×height pixels that shows m through a transform: the
// middle of each pixel gets what m has at the point to which t maps it, interpolated
// bilinearly. Beyond m's borders go on the pixels at the border.
func (m *Image) Through(t Transform, width, height int) *Image {
	out := New(width, height, m.Channels)
	tensor.Parallel(height, func(y int) {
		row := out.Pix[y*width*m.Channels:]
		for x := range width {
			u, v := t.Point(float32(x)+0.5, float32(y)+0.5)
			l, r, fx := neighbours(u, m.Width)
			a, b, fy := neighbours(v, m.Height)
			for c := range m.Channels {
				at := func(x, y int) float32 { return float32(m.Pix[(y*m.Width+x)*m.Channels+c]) }
				top, bottom := at(l, a)*(1-fx)+at(r, a)*fx, at(l, b)*(1-fx)+at(r, b)*fx
				row[x*m.Channels+c] = uint8(top*(1-fy) + bottom*fy + 0.5)
			}
		}
	})
	return out
}

// neighbours returns the two of n pixels around a place, and the share of the second.
func neighbours(at float32, n int) (first, second int, share float32) {
	at = min(max(at-0.5, 0), float32(n-1))
	if math.IsNaN(float64(at)) {
		at = 0
	}
	first = int(at)
	return first, min(first+1, n-1), at - float32(first)
}

// Upright returns the transform from a picture of width×height pixels to a parallelogram:
// its upper left, upper right and lower left corner.
func Upright(a, right, below [2]float32, width, height int) Transform {
	w, h := float32(width), float32(height)
	t := Identity()
	t.Matrix.Set(0, 0, (right[0]-a[0])/w)
	t.Matrix.Set(1, 0, (right[1]-a[1])/w)
	t.Matrix.Set(0, 1, (below[0]-a[0])/h)
	t.Matrix.Set(1, 1, (below[1]-a[1])/h)
	t.Matrix.Set(0, 2, a[0])
	t.Matrix.Set(1, 2, a[1])
	return t
}
