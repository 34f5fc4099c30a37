package ui

import (
	"image"
	"image/png"
	"io"

	"github.com/vertebra/vertebra/vision/picture"
)

// withAlpha is a picture with the transparency of alpha, which has its size.
func withAlpha(m, alpha *picture.Image) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, m.Width, m.Height))
	rgb := m.RGB()
	for i := range m.Width * m.Height {
		copy(out.Pix[4*i:], rgb.Pix[3*i:3*i+3])
		out.Pix[4*i+3] = alpha.Pix[i]
	}
	return out
}

// asPNG returns a function that writes a picture.
func asPNG(m image.Image) func(io.Writer) error {
	return func(w io.Writer) error { return png.Encode(w, m) }
}
