package codec

import (
	"bytes"
	"context"
	"image"
	"image/color"

	"golang.org/x/image/tiff"
)

func tiffConfig(file []byte) (Info, error) {
	c, err := tiff.DecodeConfig(bytes.NewReader(file))
	return Info{Width: c.Width, Height: c.Height, Memory: 12 * int64(c.Width) * int64(c.Height)}, err
}

func decodeTIFF(ctx context.Context, file []byte) (*Picture, error) {
	m, err := tiff.Decode(newSource(ctx, file))
	if err != nil {
		return nil, err
	}
	b := m.Bounds()
	w, h := b.Dx(), b.Dy()
	p := &Picture{Width: w, Height: h, Channels: 3, Pix: make([]uint8, 3*w*h), Alpha: make([]uint8, w*h)}
	for y := range h {
		for x := range w {
			i := y*w + x
			switch c := m.At(b.Min.X+x, b.Min.Y+y).(type) {
			case color.NRGBA64:
				p.Pix[3*i], p.Pix[3*i+1], p.Pix[3*i+2], p.Alpha[i] = uint8(c.R>>8), uint8(c.G>>8), uint8(c.B>>8), uint8(c.A>>8)
			default:
				n := color.NRGBAModel.Convert(c).(color.NRGBA)
				p.Pix[3*i], p.Pix[3*i+1], p.Pix[3*i+2], p.Alpha[i] = n.R, n.G, n.B, n.A
			}
		}
	}
	switch m.(type) {
	case *image.Gray, *image.Gray16:
		for i := range w * h {
			p.Pix[i] = p.Pix[3*i]
		}
		p.Channels, p.Pix = 1, p.Pix[:w*h]
	}
	return p, nil
}
