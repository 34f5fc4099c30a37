package picture

import (
	"cmp"
	"encoding/binary"
	"image"
	"image/color"
	"slices"
)

// CutOut is a picture of the mask's size that is transparent but for the mask.
func (k *Mask) CutOut(m *Image) *image.NRGBA {
	m = m.RGB()
	out := image.NewNRGBA(image.Rect(0, 0, m.Width, m.Height))
	for i, on := range k.On {
		if on {
			copy(out.Pix[4*i:], m.Pix[3*i:][:3])
			out.Pix[4*i+3] = 255
		}
	}
	return out
}

// Tint returns m with the mask's pixels mixed half and half with a colour.
func (k *Mask) Tint(m *Image, paint color.NRGBA) *Image {
	m = m.RGB()
	out := New(m.Width, m.Height, 3)
	copy(out.Pix, m.Pix)
	for i, on := range k.On {
		if on {
			for c, tint := range []uint8{paint.R, paint.G, paint.B} {
				out.Pix[3*i+c] = uint8((int(m.Pix[3*i+c]) + int(tint) + 1) / 2)
			}
		}
	}
	return out
}

// numbers are the numbers of the masks, from 1 on, that pixels are in: of the
// smallest mask where there are several, 0 where there is none.
func numbers(masks []*Mask, width, height int) []int {
	order, areas := make([]int, len(masks)), make([]int, len(masks))
	for i, k := range masks {
		order[i], areas[i] = i, k.Area()
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(areas[j], areas[i]) })
	all := make([]int, width*height)
	for _, i := range order {
		for at, on := range masks[i].On {
			if on {
				all[at] = i + 1
			}
		}
	}
	return all
}

// mostMasks is how many masks have colours of their own.
const mostMasks = 255

// Stack is masks of a picture of a size as classes from 1 on, the smaller ones on
// top. Beyond 255 masks the numbers begin again.
func Stack(masks []*Mask, width, height int) *Segmentation {
	s := &Segmentation{Width: width, Height: height, Count: min(len(masks), mostMasks) + 1, Class: make([]uint8, width*height)}
	for at, n := range numbers(masks, width, height) {
		if n > 0 {
			s.Class[at] = uint8((n-1)%mostMasks + 1)
		}
	}
	return s
}

// Numbered is a picture of the numbers of masks, from 1 on, the smaller ones on
// top: with a palette, or beyond 255 masks a grey one of 16 bits.
func Numbered(masks []*Mask, width, height int) image.Image {
	if len(masks) <= mostMasks {
		return Stack(masks, width, height).Image()
	}
	grey := image.NewGray16(image.Rect(0, 0, width, height))
	for at, n := range numbers(masks, width, height) {
		binary.BigEndian.PutUint16(grey.Pix[2*at:], uint16(n))
	}
	return grey
}
