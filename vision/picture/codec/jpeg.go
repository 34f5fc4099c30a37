package codec

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
)

func jpegConfig(file []byte) (Info, error) {
	c, err := jpeg.DecodeConfig(bytes.NewReader(file))
	return Info{Width: c.Width, Height: c.Height, Memory: 12 * int64(c.Width) * int64(c.Height)}, err
}

func decodeJPEG(ctx context.Context, file []byte) (*Picture, error) {
	m, err := jpeg.Decode(newSource(ctx, file))
	if err != nil {
		return nil, err
	}
	switch m := m.(type) {
	case *image.YCbCr:
		return jpegChroma.convert(m), nil
	case *image.Gray:
		return planes(m.Rect, 1, m.Pix, m.Stride), nil
	case *image.CMYK:
		return planes(m.Rect, 4, m.Pix, m.Stride), nil
	case *image.RGBA:
		p := planes(m.Rect, 3, nil, 0)
		for y := range p.Height {
			for x := range p.Width {
				copy(p.Pix[3*(y*p.Width+x):][:3], m.Pix[y*m.Stride+4*x:])
			}
		}
		return p, nil
	}
	return nil, errors.New("an unknown kind of picture")
}

// planes makes a picture from rows of pix that are stride bytes apart.
func planes(r image.Rectangle, channels int, pix []uint8, stride int) *Picture {
	p := &Picture{Width: r.Dx(), Height: r.Dy(), Channels: channels}
	n := p.Width * channels
	p.Pix = make([]uint8, n*p.Height)
	for y := 0; pix != nil && y < p.Height; y++ {
		copy(p.Pix[y*n:(y+1)*n], pix[y*stride:])
	}
	return p
}
