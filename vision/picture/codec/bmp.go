package codec

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
)

// bmpHeader is what stands before the pixels of a Windows or OS/2 bitmap.
type bmpHeader struct {
	width, height, bits int
	topDown, alpha      bool
	compression         uint32
	masks               [4]uint32 // of red, green, blue and alpha, for 16 and 32 bits
	palette             []byte    // blue, green, red, and maybe a gap
	entry               int       // bytes of an entry of palette
	pixels              []byte
}

const (
	bmpRaw  = 0
	bmpRLE8 = 1
	bmpRLE4 = 2
	bmpBits = 3
)

func bmpHead(file []byte) (h bmpHeader, err error) {
	if len(file) < 26 {
		return h, io.ErrUnexpectedEOF
	}
	word, long := binary.LittleEndian.Uint16, binary.LittleEndian.Uint32
	size, offset := int(long(file[14:])), int(long(file[10:]))
	b := file[14:]
	if size > len(b) {
		return h, io.ErrUnexpectedEOF
	}
	colours := 0
	switch size {
	case 12:
		h.width, h.height, h.bits, h.entry = int(word(b[4:])), int(word(b[6:])), int(word(b[10:])), 3
	case 40, 52, 56, 64, 108, 124:
		h.width, h.height, h.bits, h.entry = int(int32(long(b[4:]))), int(int32(long(b[8:]))), int(word(b[14:])), 4
		h.compression, colours = long(b[16:]), int(long(b[32:]))
		if h.height < 0 {
			h.height, h.topDown = -h.height, true
		}
	default:
		return h, fmt.Errorf("a header of %d bytes is not supported", size)
	}
	rest := b[size:]
	switch h.bits {
	case 1, 2, 4, 8:
		n := 1 << h.bits
		if colours > 0 && colours < n {
			n = colours
		}
		if max(colours, n) > 1<<16 {
			return h, fmt.Errorf("%d colours are not supported", colours)
		}
		n = min(n*h.entry, len(rest))
		h.palette = rest[:n]
		rest = rest[min(len(rest), max(colours, n/h.entry)*h.entry):]
	case 16:
		h.masks = [4]uint32{0x7c00, 0x3e0, 0x1f}
	case 32:
		h.masks = [4]uint32{0xff0000, 0xff00, 0xff}
	case 24:
	default:
		return h, fmt.Errorf("%d bits are not supported", h.bits)
	}
	switch {
	case h.compression == bmpRaw, h.compression == bmpRLE8 && h.bits == 8, h.compression == bmpRLE4 && h.bits == 4:
	case h.compression == bmpBits && (h.bits == 16 || h.bits == 24 || h.bits == 32) && size != 64:
		masks := b[40:]
		n := 3
		if size >= 56 {
			n = 4
		}
		if len(masks) < 4*n {
			return h, io.ErrUnexpectedEOF
		}
		for i := range n {
			h.masks[i] = long(masks[4*i:])
		}
		if size == 40 {
			rest = rest[12:]
		}
		if h.masks == [4]uint32{} {
			h.masks = [4]uint32{0xff0000, 0xff00, 0xff, 0xff000000}
		}
		h.alpha = h.masks[3] != 0 && h.bits == 32
	default:
		return h, fmt.Errorf("compression %d of %d bits is not supported", h.compression, h.bits)
	}
	if h.pixels = rest; offset > 0 && offset <= len(file) {
		h.pixels = file[offset:]
	} else if offset > len(file) {
		return h, io.ErrUnexpectedEOF
	}
	return h, nil
}

// grey reports whether colours are levels of grey by index.
func (h *bmpHeader) grey() bool {
	if h.bits == 1 {
		return len(h.palette) == 2*h.entry && string(h.palette[:3]) == "\x00\x00\x00" && string(h.palette[h.entry:h.entry+3]) == "\xff\xff\xff"
	}
	if h.bits != 8 || len(h.palette) < 256*h.entry {
		return false
	}
	for i := range 256 {
		if e := h.palette[i*h.entry:]; int(e[0]) != i || int(e[1]) != i || int(e[2]) != i {
			return false
		}
	}
	return true
}

func (h *bmpHeader) channels() int {
	if h.bits <= 8 && h.grey() {
		return 1
	}
	return 3
}

func bmpConfig(file []byte) (Info, error) {
	h, err := bmpHead(file)
	if err != nil {
		return Info{}, err
	}
	per := int64(h.channels())
	if h.alpha {
		per++
	}
	return Info{Width: h.width, Height: h.height, Memory: per*int64(h.width)*int64(h.height) + int64(h.width) + 1<<12}, nil
}

func decodeBMP(ctx context.Context, file []byte) (*Picture, error) {
	h, err := bmpHead(file)
	if err != nil {
		return nil, err
	}
	stride := (h.width*h.bits + 31) / 32 * 4
	last := (h.width*h.bits + 7) / 8 // the last row's padding may be missing
	if raw := h.compression == bmpRaw || h.compression == bmpBits; raw && len(h.pixels) < stride*(h.height-1)+last {
		return nil, io.ErrUnexpectedEOF
	}
	p := &Picture{Width: h.width, Height: h.height, Channels: h.channels()}
	p.Pix = make([]uint8, h.width*h.height*p.Channels)
	if h.alpha {
		p.Alpha = make([]uint8, h.width*h.height)
	}
	if h.compression == bmpRLE8 || h.compression == bmpRLE4 {
		return p, h.runs(ctx, p)
	}
	var indices []byte
	if h.bits <= 8 {
		indices = make([]byte, h.width)
	}
	for y := range h.height {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		row := h.pixels[y*stride:]
		switch {
		case h.bits <= 8:
			for x := range indices {
				bit := x * h.bits
				indices[x] = row[bit/8] >> (8 - h.bits - bit%8) & uint8(1<<h.bits-1)
			}
			h.indexed(p, indices, h.row(y)*h.width)
		case h.bits == 24:
			to := p.Pix[3*h.row(y)*h.width:]
			for x := range h.width {
				to[3*x], to[3*x+1], to[3*x+2] = row[3*x+2], row[3*x+1], row[3*x]
			}
		default:
			h.masked(p, row, h.row(y)*h.width)
		}
	}
	return p, nil
}

// row returns the picture's row that is stored as row y.
func (h *bmpHeader) row(y int) int {
	if h.topDown {
		return y
	}
	return h.height - 1 - y
}

// indexed stores pixels by their indices from pixel at on.
func (h *bmpHeader) indexed(p *Picture, indices []byte, at int) {
	for x, v := range indices {
		i := at + x
		switch {
		case p.Channels == 1 && h.bits == 1:
			p.Pix[i] = 255 * v
		case p.Channels == 1:
			p.Pix[i] = v
		case (int(v)+1)*h.entry <= len(h.palette):
			c := h.palette[int(v)*h.entry:]
			p.Pix[3*i], p.Pix[3*i+1], p.Pix[3*i+2] = c[2], c[1], c[0]
		}
	}
}

// masked stores a row of pixels of 16 or 32 bits from pixel at on. A sample of n bits
// is scaled to 255.
func (h *bmpHeader) masked(p *Picture, row []byte, at int) {
	sample := func(v, mask uint32) uint8 {
		if mask == 0 {
			return 0
		}
		shift := bits.TrailingZeros32(mask)
		return uint8(uint64(v&mask>>shift) * 255 / uint64(mask>>shift))
	}
	for x := range h.width {
		var v uint32
		if h.bits == 16 {
			v = uint32(binary.LittleEndian.Uint16(row[2*x:]))
		} else {
			v = binary.LittleEndian.Uint32(row[4*x:])
		}
		i := at + x
		for c := range 3 {
			p.Pix[3*i+c] = sample(v, h.masks[c])
		}
		if p.Alpha != nil {
			p.Alpha[i] = sample(v, h.masks[3])
		}
	}
}

// runs decodes run lengths. Pixels that no run reaches have index 0; what reaches
// beyond its row is dropped.
func (h *bmpHeader) runs(ctx context.Context, p *Picture) error {
	row, x, y := make([]byte, h.width), 0, 0
	flush := func(rows int) {
		for ; rows > 0 && y < h.height; rows-- {
			h.indexed(p, row, h.row(y)*h.width)
			clear(row)
			y++
		}
	}
	put := func(n int, index func(i int) byte) {
		for i := range min(n, h.width-x) {
			row[x+i] = index(i)
		}
		x = min(x+n, h.width)
	}
	nibble := func(b byte, i int) byte { return b >> (4 - i%2*4) & 15 }
	rest := h.pixels
	for y < h.height {
		if len(rest) < 2 {
			return io.ErrUnexpectedEOF
		}
		n, v := int(rest[0]), rest[1]
		rest = rest[2:]
		switch {
		case n > 0 && h.compression == bmpRLE8:
			put(n, func(int) byte { return v })
		case n > 0:
			put(n, func(i int) byte { return nibble(v, i) })
		case v == 0:
			if err := ctx.Err(); err != nil {
				return err
			}
			flush(1)
			x = 0
		case v == 1:
			flush(h.height)
		case v == 2:
			if len(rest) < 2 {
				return io.ErrUnexpectedEOF
			}
			flush(int(rest[1]))
			x = min(x+int(rest[0]), h.width)
			rest = rest[2:]
		default:
			size := int(v)
			if h.compression == bmpRLE4 {
				size = (size + 1) / 2
			}
			if len(rest) < size {
				return io.ErrUnexpectedEOF
			}
			data := rest[:size]
			if h.compression == bmpRLE8 {
				put(int(v), func(i int) byte { return data[i] })
			} else {
				put(int(v), func(i int) byte { return nibble(data[i/2], i) })
			}
			rest = rest[min(len(rest), size+size%2):]
		}
		if x == h.width && y == h.height-1 && len(rest) < 2 {
			flush(1)
		}
	}
	return nil
}
