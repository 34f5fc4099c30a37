package picture

import "github.com/go-gl/mathgl/mgl32"

// Transform maps points of a picture to points of a model's input. In both, (0, 0)
// is the upper left corner of the first pixel, and the centre of that pixel is
// (½, ½).
type Transform struct{ Matrix mgl32.Mat3 }

// Identity returns the transform that moves no point.
func Identity() Transform { return Transform{mgl32.Ident3()} }

// Scale returns the transform that multiplies the coordinates by x and y.
func Scale(x, y float32) Transform { return Transform{mgl32.Scale2D(x, y)} }

// Shift returns the transform that adds x and y to the coordinates.
func Shift(x, y float32) Transform { return Transform{mgl32.Translate2D(x, y)} }

// Then returns the transform that applies t and then u.
func (t Transform) Then(u Transform) Transform { return Transform{u.Matrix.Mul3(t.Matrix)} }

// Inverse returns the transform that maps points of the model's input to points of
// the picture.
func (t Transform) Inverse() Transform { return Transform{t.Matrix.Inv()} }

// Point maps a point.
func (t Transform) Point(x, y float32) (float32, float32) {
	p := t.Matrix.Mul3x1(mgl32.Vec3{x, y, 1})
	return p[0], p[1]
}

// Box maps a box given as left, top, right, bottom.
func (t Transform) Box(b [4]float32) [4]float32 {
	var out [4]float32
	out[0], out[1] = t.Point(b[0], b[1])
	out[2], out[3] = t.Point(b[2], b[3])
	return out
}

// Mask maps a mask of the model's input back to the picture. Each pixel of the
// width×height result takes the value under its centre; pixels outside mask are off.
func (t Transform) Mask(mask *Mask, width, height int) *Mask {
	out := NewMask(width, height)
	for y := range height {
		for x := range width {
			u, v := t.Point(float32(x)+0.5, float32(y)+0.5)
			if u >= 0 && v >= 0 && int(u) < mask.Width && int(v) < mask.Height {
				out.On[y*width+x] = mask.On[int(v)*mask.Width+int(u)]
			}
		}
	}
	return out
}
