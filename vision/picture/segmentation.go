package picture

import (
	"image"
	"image/color"
)

// Segmentation holds the class of each pixel of a picture, without gaps between
// rows. Class 0 is the background.
type Segmentation struct {
	Width, Height int
	Count         int // number of classes
	Class         []uint8
}

// Area returns the number of pixels of each class.
func (s *Segmentation) Area() []int {
	area := make([]int, s.Count)
	for _, c := range s.Class {
		area[c]++
	}
	return area
}

// Palette returns the colours of n classes, as in the Pascal VOC challenge. Class 0
// is black. For other classes the bits of the number are spread over red, green and
// blue.
func Palette(n int) color.Palette {
	var p color.Palette
	for class := range n {
		var rgb [3]uint8
		for bit := range 8 {
			rgb[bit%3] |= uint8(class>>bit&1) << (7 - bit/3)
		}
		p = append(p, color.RGBA{rgb[0], rgb[1], rgb[2], 255})
	}
	return p
}

// Image returns a picture with a palette. Its samples are the classes.
func (s *Segmentation) Image() *image.Paletted {
	return &image.Paletted{
		Pix: s.Class, Stride: s.Width, Rect: image.Rect(0, 0, s.Width, s.Height), Palette: Palette(s.Count),
	}
}

// Overlay returns m, which has the same size, with the pixels of all classes but 0
// mixed half and half with the colour of the class.
func (s *Segmentation) Overlay(m *Image) *Image {
	m = m.RGB()
	out := New(m.Width, m.Height, 3)
	copy(out.Pix, m.Pix)
	palette := Palette(s.Count)
	for i, class := range s.Class {
		if class == 0 {
			continue
		}
		c := palette[class].(color.RGBA)
		for k, tint := range []uint8{c.R, c.G, c.B} {
			out.Pix[3*i+k] = uint8((int(m.Pix[3*i+k]) + int(tint) + 1) / 2)
		}
	}
	return out
}
