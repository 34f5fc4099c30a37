package vision

import (
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
)

// maskCells is an object's mask as the network gives it: a grid of probabilities [h, w]
// over its input.
type maskCells struct {
	grid          *tensor.Tensor
	at            picture.Transform // from the picture to the input
	size          [2]int            // height and width of the input
	width, height int               // of the picture
}

// Mask returns the pixels of the object in its picture, those with a probability over a
// half. It returns nil if the network makes no masks.
func (o Object) Mask() *picture.Mask {
	c := o.cells
	if c == nil {
		return nil
	}
	out := picture.NewMask(c.width, c.height)
	h, w := c.grid.Shape[0], c.grid.Shape[1]
	at := c.at.Then(picture.Scale(float32(w)/float32(c.size[1]), float32(h)/float32(c.size[0])))
	for y := int(o.Box[1]); y < min(int(o.Box[3]+1), c.height); y++ {
		for x := int(o.Box[0]); x < min(int(o.Box[2]+1), c.width); x++ {
			u, v := at.Point(float32(x)+0.5, float32(y)+0.5)
			out.On[y*c.width+x] = interpolated(c.grid.Data, h, w, u, v) > 0.5
		}
	}
	return out
}

// interpolated returns what values [h, w] are at a point, bilinearly.
func interpolated(values []float32, h, w int, x, y float32) float32 {
	l, r, fx := between(x, w)
	t, b, fy := between(y, h)
	top := values[t*w+l]*(1-fx) + values[t*w+r]*fx
	bottom := values[b*w+l]*(1-fx) + values[b*w+r]*fx
	return top*(1-fy) + bottom*fy
}

// clip clips the object's box to the borders of m, and reports whether anything is left.
func (o *Object) clip(m *picture.Image) bool {
	limit := [2]float32{float32(m.Width), float32(m.Height)}
	for i, v := range o.Box {
		o.Box[i] = max(0, min(v, limit[i%2]))
	}
	return o.Box[0] < o.Box[2] && o.Box[1] < o.Box[3]
}
