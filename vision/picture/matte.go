package picture

import "image"

// CutOut returns m with alpha, a picture of one channel and m's size, as its transparency.
// Pixels that cannot be seen are black.
func (m *Image) CutOut(alpha *Image) *image.NRGBA {
	m = m.RGB()
	out := image.NewNRGBA(image.Rect(0, 0, m.Width, m.Height))
	for i, a := range alpha.Pix {
		if a > 0 {
			copy(out.Pix[4*i:], m.Pix[3*i:][:3])
			out.Pix[4*i+3] = a
		}
	}
	return out
}

// Over returns alpha·m + (1-alpha)·ground. alpha has one channel, and all have one size.
func (m *Image) Over(ground, alpha *Image) *Image {
	m, ground = m.RGB(), ground.RGB()
	out := New(m.Width, m.Height, 3)
	for i := range out.Pix {
		a := int(alpha.Pix[i/3])
		out.Pix[i] = uint8((a*int(m.Pix[i]) + (255-a)*int(ground.Pix[i]) + 127) / 255)
	}
	return out
}

// Blurred returns m without what is smaller than about a number of pixels.
func (m *Image) Blurred(pixels int) *Image {
	pixels = max(pixels, 1)
	small := m.Resize(max(1, (m.Width+pixels/2)/pixels), max(1, (m.Height+pixels/2)/pixels), Bilinear)
	return small.Resize(m.Width, m.Height, Bicubic)
}
