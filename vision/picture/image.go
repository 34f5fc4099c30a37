package picture

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// Image is a picture with 8-bit samples [Height, Width, Channels] and no gaps
// between rows. Channels is 1 (grey) or 3 (red, green, blue, unless a method says
// otherwise).
type Image struct {
	Width, Height, Channels int
	Pix                     []uint8
}

// New returns a black picture.
func New(width, height, channels int) *Image {
	return &Image{width, height, channels, make([]uint8, width*height*channels)}
}

// String returns the size: "451×300×3".
func (m *Image) String() string {
	return fmt.Sprintf("%d×%d×%d", m.Width, m.Height, m.Channels)
}

// Crop returns the rectangle whose upper left corner is pixel (x, y). Pixels
// outside m are black.
func (m *Image) Crop(x, y, width, height int) *Image {
	out := New(width, height, m.Channels)
	from, to := max(x, 0), min(x+width, m.Width)
	if from >= to {
		return out
	}
	for row := max(y, 0); row < min(y+height, m.Height); row++ {
		at := ((row-y)*width + from - x) * m.Channels
		copy(out.Pix[at:], m.Pix[(row*m.Width+from)*m.Channels:(row*m.Width+to)*m.Channels])
	}
	return out
}

// CenterCrop returns the middle of m, as torchvision's CenterCrop does, and the
// place of its upper left corner in m. Pixels outside m are black.
func (m *Image) CenterCrop(width, height int) (out *Image, x, y int) {
	x, y = middle(m.Width, width), middle(m.Height, height)
	return m.Crop(x, y, width, height), x, y
}

// middle returns where a centre crop of a dimension begins. A crop larger than the
// picture has its odd pixel at the end. For a smaller crop, halves are rounded to
// even.
func middle(have, want int) int {
	if want > have {
		return -((want - have) / 2)
	}
	return int(math.RoundToEven(float64(have-want) / 2))
}

// Tensor returns the samples as [1, Height, Width, Channels], 0 to 255.
func (m *Image) Tensor() *tensor.Tensor {
	t := tensor.New(1, m.Height, m.Width, m.Channels)
	for i, p := range m.Pix {
		t.Data[i] = float32(p)
	}
	return t
}

// FromTensor makes a picture from the first image of t [B, H, W, 1 or 3]. It
// multiplies the values by scale, rounds them and limits them to 0 to 255. NaN
// becomes 0.
func FromTensor(t *tensor.Tensor, scale float32) (*Image, error) {
	s := t.Shape
	if len(s) != 4 || s[3] != 1 && s[3] != 3 {
		return nil, fmt.Errorf("image is %v, want [B, H, W, 1 or 3]", s)
	}
	m := New(s[2], s[1], s[3])
	for i := range m.Pix {
		if v := t.Data[i] * scale; v > 0 {
			m.Pix[i] = uint8(math.RoundToEven(float64(min(v, 255))))
		}
	}
	return m, nil
}
