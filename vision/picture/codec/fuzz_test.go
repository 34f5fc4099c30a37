package codec

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
)

// differential fuzzes a reader against another one: what both read is equal in colours
// that are seen, and what the other one reads this one reads, too.
func differential(f *testing.F, ext string, decode func(context.Context, []byte) (*Picture, error), other func([]byte) (image.Image, error)) {
	for name, file := range table(f) {
		if strings.HasSuffix(name, ext) {
			f.Add(file)
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if info, err := Config(file); err == nil && info.Width*info.Height > 1<<16 {
			return // slow, not broken
		}
		want, err := other(file)
		if err != nil {
			return
		}
		p, err := decode(context.Background(), file)
		if err != nil {
			t.Fatalf("%v, and the other one reads it", err)
		}
		if b := want.Bounds(); p.Width != b.Dx() || p.Height != b.Dy() {
			t.Fatalf("%d×%d, want %v", p.Width, p.Height, b)
		}
		for i := range p.Width * p.Height {
			x, y := i%p.Width, i/p.Width
			a, c := uint8(255), p.Pix[i*p.Channels:(i+1)*p.Channels]
			if p.Alpha != nil {
				a = p.Alpha[i]
			}
			var got [3]uint8
			for k := range got {
				got[k] = c[min(k, len(c)-1)]
			}
			n := narrow(want.At(want.Bounds().Min.X+x, want.Bounds().Min.Y+y))
			if a != n.A || a > 0 && got != [3]uint8{n.R, n.G, n.B} {
				t.Fatalf("pixel %d, %d is %v alpha %d, want %v", x, y, got, a, n)
			}
		}
	})
}

// narrow drops the lower bytes of wide colours.
func narrow(c color.Color) color.NRGBA {
	switch c := c.(type) {
	case color.NRGBA64:
		return color.NRGBA{uint8(c.R >> 8), uint8(c.G >> 8), uint8(c.B >> 8), uint8(c.A >> 8)}
	case color.RGBA64:
		return color.NRGBA{uint8(c.R >> 8), uint8(c.G >> 8), uint8(c.B >> 8), uint8(c.A >> 8)}
	}
	return color.NRGBAModel.Convert(c).(color.NRGBA)
}

func FuzzPNG(f *testing.F) {
	differential(f, ".png", decodePNG, func(b []byte) (image.Image, error) { return png.Decode(bytes.NewReader(b)) })
}

// FuzzGIF leaves out frames smaller than their screen, which the standard library crops.
func FuzzGIF(f *testing.F) {
	differential(f, ".gif", decodeGIF, func(b []byte) (image.Image, error) {
		m, err := gif.Decode(bytes.NewReader(b))
		if err != nil {
			return nil, err
		}
		if c, err := gif.DecodeConfig(bytes.NewReader(b)); err != nil || m.Bounds() != image.Rect(0, 0, c.Width, c.Height) {
			return nil, image.ErrFormat
		}
		return m, nil
	})
}

// FuzzBMP ignores the fourth byte of a pixel in files without masks, as Pillow does.
func FuzzBMP(f *testing.F) {
	differential(f, ".bmp", decodeBMP, func(b []byte) (image.Image, error) {
		m, err := bmp.Decode(bytes.NewReader(b))
		if n, ok := m.(*image.NRGBA); ok && err == nil && binary.LittleEndian.Uint32(b[30:]) == 0 {
			for i := 3; i < len(n.Pix); i += 4 {
				n.Pix[i] = 255
			}
		}
		return m, err
	})
}
