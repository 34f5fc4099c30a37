package codec

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"io"

	"golang.org/x/image/webp"
)

// webpFile is the still picture of a WebP, or the first frame of an animation.
type webpFile struct {
	width, height int
	x, y, w, h    int    // the frame on the canvas
	still         []byte // a file of that frame alone
	lossless      bool
	animated      bool
	alpha         bool
}

// webpChunk returns the first chunk of rest and what follows it.
func webpChunk(rest []byte) (kind string, data, next []byte, err error) {
	if len(rest) < 8 {
		return "", nil, nil, io.ErrUnexpectedEOF
	}
	n := uint64(binary.LittleEndian.Uint32(rest[4:]))
	if n > uint64(len(rest)-8) {
		return "", nil, nil, io.ErrUnexpectedEOF
	}
	data, next = rest[8:8+n], rest[8+n:]
	return string(rest[:4]), data, next[min(n%2, uint64(len(next))):], nil
}

// triple returns a number of three bytes.
func triple(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

func webpHead(file []byte) (f webpFile, err error) {
	rest := file[12:]
	f.still = file
	for {
		kind, data, next, err := webpChunk(rest)
		if err != nil {
			return f, err
		}
		switch kind {
		case "VP8X":
			if len(data) < 10 {
				return f, io.ErrUnexpectedEOF
			}
			f.animated, f.alpha = data[0]&2 != 0, data[0]&16 != 0
			f.width, f.height = triple(data[4:])+1, triple(data[7:])+1
		case "ANMF":
			if len(data) < 16 || f.width == 0 {
				return f, errors.New("broken animation")
			}
			f.x, f.y, f.w, f.h = 2*triple(data), 2*triple(data[3:]), triple(data[6:])+1, triple(data[9:])+1
			if f.x+f.w > f.width || f.y+f.h > f.height {
				return f, errors.New("a frame outside the canvas")
			}
			f.still = stillWebP(data[16:], f.w, f.h)
			f.lossless = bytes.Contains(f.still[:min(len(f.still), 64)], []byte("VP8L"))
			f.alpha = true
			return f, nil
		case "VP8 ", "VP8L":
			if f.animated {
				break
			}
			f.lossless = kind == "VP8L"
			if f.width > 0 { // whatever follows the pixels may be broken
				f.still = stillWebP(file[12:], f.width, f.height)
			}
			c, err := webp.DecodeConfig(bytes.NewReader(f.still))
			if err != nil {
				return f, err
			}
			f.width, f.height = c.Width, c.Height
			f.w, f.h = c.Width, c.Height
			f.alpha = f.alpha || f.lossless
			return f, nil
		}
		rest = next
	}
}

// stillWebP makes a file of the chunks of a frame.
func stillWebP(chunks []byte, w, h int) []byte {
	var b []byte
	b = append(b, "RIFF\x00\x00\x00\x00WEBP"...)
	for rest := chunks; ; {
		kind, data, next, err := webpChunk(rest)
		if err != nil {
			break
		}
		switch kind {
		case "ALPH":
			b = append(b, "VP8X\x0a\x00\x00\x00\x10\x00\x00\x00"...)
			b = append(b, byte(w-1), byte((w-1)>>8), byte((w-1)>>16), byte(h-1), byte((h-1)>>8), byte((h-1)>>16))
			fallthrough
		case "VP8 ", "VP8L":
			b = append(b, kind...)
			b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
			b = append(b, data...)
			b = append(b, make([]byte, len(data)%2)...)
		}
		rest = next
	}
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-8))
	return b
}

func webpConfig(file []byte) (Info, error) {
	f, err := webpHead(file)
	if err != nil {
		return Info{}, err
	}
	// A lossless picture is decoded to four bytes a pixel, a lossy one to planes of one
	// and a half, and its alpha by way of such a lossless one.
	frame, whole := int64(f.w)*int64(f.h), int64(f.width)*int64(f.height)
	memory := 3*whole + frame*3/2
	if f.lossless {
		memory = 3*whole + 8*frame
	} else if f.alpha {
		memory += 8 * frame
	}
	if f.alpha {
		memory += whole
	}
	return Info{Width: f.width, Height: f.height, Memory: memory + 1<<20}, nil
}

func decodeWebP(ctx context.Context, file []byte) (*Picture, error) {
	f, err := webpHead(file)
	if err != nil {
		return nil, err
	}
	m, err := webp.Decode(newSource(ctx, f.still))
	if err != nil {
		return nil, err
	}
	if b := m.Bounds(); b.Dx() != f.w || b.Dy() != f.h {
		return nil, errors.New("a frame of another size than its header says")
	}
	var p *Picture
	switch m := m.(type) {
	case *image.YCbCr:
		p = webpChroma.convert(m)
	case *image.NYCbCrA:
		p = webpChroma.convert(&m.YCbCr)
		p.Alpha = make([]uint8, f.w*f.h)
		for y := range f.h {
			copy(p.Alpha[y*f.w:(y+1)*f.w], m.A[y*m.AStride:])
		}
	case *image.NRGBA:
		p = splitNRGBA(m)
	default:
		return nil, errors.New("an unknown kind of picture")
	}
	if f.w == f.width && f.h == f.height {
		return p, nil
	}
	whole := &Picture{Width: f.width, Height: f.height, Channels: 3, Pix: make([]uint8, 3*f.width*f.height), Alpha: make([]uint8, f.width*f.height)}
	for y := range f.h {
		at := (f.y+y)*f.width + f.x
		copy(whole.Pix[3*at:], p.Pix[3*y*f.w:3*(y+1)*f.w])
		to := whole.Alpha[at : at+f.w]
		for x := range to {
			to[x] = 255
		}
		if p.Alpha != nil {
			copy(to, p.Alpha[y*f.w:])
		}
	}
	return whole, nil
}

// splitNRGBA separates colours and alpha.
func splitNRGBA(m *image.NRGBA) *Picture {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	p := &Picture{Width: w, Height: h, Channels: 3, Pix: make([]uint8, 3*w*h), Alpha: make([]uint8, w*h)}
	for y := range h {
		row := m.Pix[y*m.Stride:]
		for x := range w {
			copy(p.Pix[3*(y*w+x):], row[4*x:4*x+3])
			p.Alpha[y*w+x] = row[4*x+3]
		}
	}
	return p
}
