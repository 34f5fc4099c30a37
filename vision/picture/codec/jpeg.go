package codec

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"

	"github.com/tetratelabs/wazero/api"
)

// jpegHeader is what the frame header of a JPEG says.
type jpegHeader struct {
	width, height, bits int
	kind                byte // the marker: 0xc0 baseline, 0xc1 extended, 0xc2 progressive …
	ratios              []byte
	adobe               bool
}

// jpegHead looks for the frame header.
func jpegHead(file []byte) (h jpegHeader, err error) {
	rest := file[2:]
	for {
		i := bytes.IndexByte(rest, 0xff)
		if i < 0 || i+1 >= len(rest) {
			return h, io.ErrUnexpectedEOF
		}
		marker := rest[i+1]
		switch {
		case marker == 0xff:
			rest = rest[i+1:]
			continue
		case marker < 0xc0 || marker >= 0xd0 && marker <= 0xd8:
			rest = rest[i+2:]
			continue
		case marker == 0xd9 || marker == 0xda:
			return h, errors.New("no frame header before the pixels")
		}
		rest = rest[i+2:]
		if len(rest) < 2 {
			return h, io.ErrUnexpectedEOF
		}
		n := int(binary.BigEndian.Uint16(rest))
		if n < 2 || n > len(rest) {
			return h, io.ErrUnexpectedEOF
		}
		data := rest[2:n]
		rest = rest[n:]
		switch {
		case marker == 0xee && bytes.HasPrefix(data, []byte("Adobe")):
			h.adobe = true
		case marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
			if len(data) < 6 || len(data) < 6+3*int(data[5]) {
				return h, errors.New("frame header is too short")
			}
			h.kind, h.bits = marker, int(data[0])
			h.height, h.width = int(binary.BigEndian.Uint16(data[1:])), int(binary.BigEndian.Uint16(data[3:]))
			for i := range int(data[5]) {
				h.ratios = append(h.ratios, data[7+3*i])
			}
			switch {
			case h.bits != 8:
				return h, fmt.Errorf("samples of %d bits are not supported", h.bits)
			case marker == 0xc3 || marker >= 0xc5 && marker <= 0xc7 || marker == 0xcb || marker >= 0xcd:
				return h, fmt.Errorf("lossless and hierarchical pictures (SOF%d) are not supported", marker-0xc0)
			}
			return h, nil
		}
	}
}

// usual reports whether the standard library's decoder and chroma give what libjpeg
// gives.
func (h *jpegHeader) usual() bool {
	if h.kind > 0xc2 {
		return false
	}
	switch string(h.ratios) {
	case "\x11\x11\x11", "\x21\x11\x11", "\x22\x11\x11":
		return true
	case "\x11\x11\x11\x11":
		return h.adobe
	}
	return len(h.ratios) == 1
}

// spread returns the samples of all components for each one of full resolution.
func (h *jpegHeader) spread() float64 {
	most, sum := 1, 0
	for _, r := range h.ratios {
		a := int(r>>4) * int(r&15)
		most, sum = max(most, a), sum+a
	}
	return float64(sum) / float64(most)
}

func jpegConfig(file []byte) (Info, error) {
	h, err := jpegHead(file)
	if err != nil {
		return Info{}, err
	}
	// Planes and coefficients stand beside the result. Sides are rounded up to blocks.
	area := float64(h.width+32) * float64(h.height+32)
	planes := int64(area * h.spread())
	memory := planes + int64(len(h.ratios))*int64(h.width)*int64(h.height)
	if h.kind == 0xc2 {
		memory += 4 * planes
	}
	return Info{Width: h.width, Height: h.height, Memory: memory + jpegMemory}, nil
}

// jpegMemory is what libjpeg needs beside coefficients.
const jpegMemory = 4 << 20

func decodeJPEG(ctx context.Context, file []byte) (*Picture, error) {
	h, err := jpegHead(file)
	if err != nil {
		return nil, err
	}
	if h.usual() {
		if p, err := usualJPEG(ctx, file, h); err == nil {
			return p, nil
		}
		// libjpeg reads over much that is wrong.
	}
	return otherJPEG(ctx, file, h)
}

// usualJPEG decodes what the standard library decodes as libjpeg does.
func usualJPEG(ctx context.Context, file []byte, h jpegHeader) (p *Picture, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("broken file: %v", r)
		}
	}()
	m, err := jpeg.Decode(newSource(ctx, file))
	if err != nil {
		return nil, err
	}
	switch m := m.(type) {
	case *image.YCbCr:
		return jpegChroma.convert(m), nil
	case *image.Gray:
		return fromRows(m.Rect, 1, m.Pix, m.Stride), nil
	case *image.CMYK:
		return fromRows(m.Rect, 4, m.Pix, m.Stride), nil
	case *image.RGBA:
		if h.spread() != 3 {
			return nil, errors.New("colours of less than full resolution would be repeated")
		}
		p := fromRows(m.Rect, 3, nil, 0)
		for y := range p.Height {
			for x := range p.Width {
				copy(p.Pix[3*(y*p.Width+x):][:3], m.Pix[y*m.Stride+4*x:])
			}
		}
		return p, nil
	}
	return nil, errors.New("an unknown kind of picture")
}

// fromRows makes a picture from rows of pix that are stride bytes apart.
func fromRows(r image.Rectangle, channels int, pix []uint8, stride int) *Picture {
	p := &Picture{Width: r.Dx(), Height: r.Dy(), Channels: channels}
	n := p.Width * channels
	p.Pix = make([]uint8, n*p.Height)
	for y := 0; pix != nil && y < p.Height; y++ {
		copy(p.Pix[y*n:(y+1)*n], pix[y*stride:])
	}
	return p
}

// otherJPEG decodes with libjpeg-turbo. Four channels are stored inverted, as Adobe
// does and Pillow assumes.
func otherJPEG(ctx context.Context, file []byte, h jpegHeader) (*Picture, error) {
	program, err := codecProgram()
	if err != nil {
		return nil, err
	}
	p := &Picture{}
	c := &call{file: file, memory: jpegMemory + int64(2.1*float64(h.width+32)*float64(h.height+32)*h.spread())}
	c.head = func(f []int32, _ api.Memory) error {
		if int(f[0]) != h.width || int(f[1]) != h.height {
			return errors.New("two frame headers")
		}
		p.Width, p.Height, p.Channels = h.width, h.height, int(f[2])
		p.Pix = make([]uint8, p.Width*p.Height*p.Channels)
		return nil
	}
	c.rows = func(b block) {
		to := p.Pix[b.y*p.Width*p.Channels:][:copy(p.Pix[b.y*p.Width*p.Channels:], b.data)]
		if p.Channels == 4 {
			for i := range to {
				to[i] = 255 - to[i]
			}
		}
	}
	if err := program.run(ctx, c, "jpeg"); err != nil {
		return nil, err
	}
	return p, nil
}
