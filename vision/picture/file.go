package picture

import (
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"path/filepath"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision/picture/codec"
)

// MaxPixels limits the pixels of a picture that is decoded or made by a resize,
// because a small file can claim any size.
const MaxPixels = 200 << 20

// ErrNotImage is wrapped by errors for data that is in no known format.
var ErrNotImage = codec.ErrFormat

// Alpha returns the transparency of a standard library picture as a picture with
// one channel, or nil if all is opaque.
func Alpha(from image.Image) *Image {
	if o, ok := from.(interface{ Opaque() bool }); !ok || o.Opaque() {
		return nil
	}
	b := from.Bounds()
	out := New(b.Dx(), b.Dy(), 1)
	for y := range out.Height {
		for x := range out.Width {
			_, _, _, a := from.At(b.Min.X+x, b.Min.Y+y).RGBA()
			out.Pix[y*out.Width+x] = uint8(a >> 8)
		}
	}
	return out
}

// From converts a picture of the standard library and drops its alpha.
func From(from image.Image) *Image {
	b := from.Bounds()
	w, h := b.Dx(), b.Dy()
	switch from.ColorModel() {
	case color.GrayModel, color.Gray16Model:
		out := New(w, h, 1)
		for y := range h {
			for x := range w {
				switch p := from.At(b.Min.X+x, b.Min.Y+y).(type) {
				case color.Gray:
					out.Pix[y*w+x] = p.Y
				case color.Gray16:
					out.Pix[y*w+x] = uint8(p.Y >> 8)
				}
			}
		}
		return out
	}
	out := New(w, h, 3)
	switch from := from.(type) {
	case *image.NRGBA:
		out.strip(from.Pix, from.Stride)
		return out
	case *image.RGBA:
		if from.Opaque() {
			out.strip(from.Pix, from.Stride)
			return out
		}
	}
	for y := range h {
		for x := range w {
			p := out.Pix[3*(y*w+x):]
			switch c := from.At(b.Min.X+x, b.Min.Y+y).(type) {
			case color.NRGBA64: // NRGBAModel would round it by its alpha
				p[0], p[1], p[2] = uint8(c.R>>8), uint8(c.G>>8), uint8(c.B>>8)
			default:
				n := color.NRGBAModel.Convert(c).(color.NRGBA)
				p[0], p[1], p[2] = n.R, n.G, n.B
			}
		}
	}
	return out
}

// strip fills m with the first three of every four samples.
func (m *Image) strip(pix []uint8, stride int) {
	for y := range m.Height {
		row := pix[y*stride:]
		for x := range m.Width {
			copy(m.Pix[3*(y*m.Width+x):], row[4*x:4*x+3])
		}
	}
}

// Image returns m as a picture of the standard library.
func (m *Image) Image() image.Image {
	bounds := image.Rect(0, 0, m.Width, m.Height)
	if m.Channels == 1 {
		return &image.Gray{Pix: m.Pix, Stride: m.Width, Rect: bounds}
	}
	out := image.NewNRGBA(bounds)
	for i := range m.Width * m.Height {
		copy(out.Pix[4*i:], m.Pix[3*i:3*i+3])
		out.Pix[4*i+3] = 255
	}
	return out
}

// Save writes m to path as a PNG or, with the extension .jpg or .jpeg, as a JPEG of
// quality 95. It never leaves a half-written file.
func Save(path string, m *Image) error {
	var encode func(w io.Writer) error
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".png":
		encode = func(w io.Writer) error { return png.Encode(w, m.Image()) }
	case ".jpg", ".jpeg":
		encode = func(w io.Writer) error { return jpeg.Encode(w, m.Image(), &jpeg.Options{Quality: 95}) }
	default:
		return fmt.Errorf("%s: extension %q, want .png, .jpg or .jpeg", files.Quote(path), ext)
	}
	return files.Write(path, encode)
}
