package codec

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A PNG is read as Pillow reads it. Checksums count for the chunks before the pixels
// alone; whatever follows the last row may be missing.

// pngHeader is what the chunks before the pixels say.
type pngHeader struct {
	width, height, bits, kind int
	interlaced                bool
	palette                   []byte // red, green, blue
	clear                     []byte // tRNS
}

// Kinds of pixels.
const (
	pngGrey      = 0
	pngRGB       = 2
	pngPalette   = 3
	pngGreyAlpha = 4
	pngRGBA      = 6
)

// samples returns how many samples a pixel has in the file.
func (h *pngHeader) samples() int {
	return map[int]int{pngGrey: 1, pngRGB: 3, pngPalette: 1, pngGreyAlpha: 2, pngRGBA: 4}[h.kind]
}

// pngChunk returns the first chunk of rest: its kind, its data, the checksum's bytes
// and what follows. Data may be cut off at the end of the file.
func pngChunk(rest []byte) (kind string, data, sum, next []byte, err error) {
	if len(rest) < 8 {
		return "", nil, nil, nil, io.ErrUnexpectedEOF
	}
	n := uint64(binary.BigEndian.Uint32(rest))
	kind = string(rest[4:8])
	for _, c := range []byte(kind) {
		if c < '0' || c > '9' && c < 'A' || c > 'Z' && c < 'a' && c != '_' || c > 'z' {
			return "", nil, nil, nil, fmt.Errorf("broken chunk %q", kind)
		}
	}
	rest = rest[8:]
	data = rest[:min(n, uint64(len(rest)))]
	rest = rest[len(data):]
	sum = rest[:min(4, len(rest))]
	return kind, data, sum, rest[len(sum):], nil
}

// pngHead reads the chunks before the first IDAT and returns the file from there on.
func pngHead(file []byte) (h pngHeader, rest []byte, err error) {
	rest = file[8:]
	for {
		kind, data, sum, next, err := pngChunk(rest)
		switch {
		case err != nil:
			return h, nil, err
		case kind == "IDAT" && h.width == 0:
			return h, nil, errors.New("no IHDR before the pixels")
		case kind == "IDAT":
			return h, rest, nil
		case kind == "IEND":
			return h, nil, errors.New("no pixels")
		case len(sum) < 4:
			return h, nil, io.ErrUnexpectedEOF
		case crc32.Update(crc32.ChecksumIEEE([]byte(kind)), crc32.IEEETable, data) != binary.BigEndian.Uint32(sum):
			return h, nil, fmt.Errorf("wrong checksum of chunk %s", kind)
		}
		switch kind {
		case "IHDR":
			if err := h.ihdr(data); err != nil {
				return h, nil, err
			}
		case "PLTE":
			h.palette = data
		case "tRNS":
			h.clear = data
		}
		rest = next
	}
}

func (h *pngHeader) ihdr(data []byte) error {
	if len(data) < 13 {
		return errors.New("IHDR is too short")
	}
	w, height := binary.BigEndian.Uint32(data), binary.BigEndian.Uint32(data[4:])
	if w > 1<<31-1 || height > 1<<31-1 {
		return errors.New("negative size")
	}
	h.width, h.height, h.bits, h.kind = int(w), int(height), int(data[8]), int(data[9])
	h.interlaced = data[12] != 0
	allowed := map[int]string{pngGrey: "\x01\x02\x04\x08\x10", pngRGB: "\x08\x10", pngPalette: "\x01\x02\x04\x08", pngGreyAlpha: "\x08\x10", pngRGBA: "\x08\x10"}
	if bytes.IndexByte([]byte(allowed[h.kind]), data[8]) < 0 {
		return fmt.Errorf("colour type %d with %d bits is not supported", h.kind, h.bits)
	}
	if data[10] != 0 || data[11] != 0 {
		return fmt.Errorf("compression %d, filter %d are not supported", data[10], data[11])
	}
	return nil
}

// channels returns how many channels the picture gets.
func (h *pngHeader) channels() int {
	if h.kind == pngGrey || h.kind == pngGreyAlpha {
		return 1
	}
	return 3
}

// transparent reports whether the picture gets an alpha.
func (h *pngHeader) transparent() bool {
	return h.kind == pngGreyAlpha || h.kind == pngRGBA ||
		h.kind == pngPalette && len(h.clear) > 0 || h.kind == pngGrey && len(h.clear) >= 2 || h.kind == pngRGB && len(h.clear) >= 6
}

func pngConfig(file []byte) (Info, error) {
	h, _, err := pngHead(file)
	if err != nil {
		return Info{}, err
	}
	per := int64(h.channels())
	if h.transparent() {
		per++
	}
	row := int64(h.width)*int64(h.samples()*h.bits)/8 + 2
	return Info{Width: h.width, Height: h.height, Memory: per*int64(h.width)*int64(h.height) + 2*row + 1<<17}, nil
}

// pngData reads the data of consecutive IDAT chunks.
type pngData struct {
	ctx        context.Context
	data, rest []byte
}

func (d *pngData) Read(p []byte) (int, error) {
	if err := d.ctx.Err(); err != nil {
		return 0, err
	}
	for len(d.data) == 0 {
		kind, data, _, next, err := pngChunk(d.rest)
		if err != nil || kind != "IDAT" {
			return 0, io.EOF
		}
		d.data, d.rest = data, next
	}
	n := copy(p, d.data)
	d.data = d.data[n:]
	return n, nil
}

// pngPass says which pixels a pass of Adam7 has: those from (x, y) on in steps.
type pngPass struct{ x, y, dx, dy int }

var pngAdam7 = []pngPass{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}

// deflated is how many times smaller compression makes data at most.
const deflated = 1032

func decodePNG(ctx context.Context, file []byte) (*Picture, error) {
	h, rest, err := pngHead(file)
	if err != nil {
		return nil, err
	}
	z, err := zlib.NewReader(&pngData{ctx: ctx, rest: rest})
	if err != nil {
		return nil, err
	}
	defer z.Close()
	size := (h.width*h.samples()*h.bits + 7) / 8
	if size*h.height/deflated > len(rest) {
		return nil, io.ErrUnexpectedEOF
	}
	p := &Picture{Width: h.width, Height: h.height, Channels: h.channels()}
	p.Pix = make([]uint8, h.width*h.height*p.Channels)
	if h.transparent() {
		p.Alpha = make([]uint8, h.width*h.height)
	}
	passes := []pngPass{{0, 0, 1, 1}}
	if h.interlaced {
		passes = pngAdam7
	}
	row, above := make([]byte, 1+size), make([]byte, 1+size)
	behind := max(1, h.samples()*h.bits/8)
	for _, pass := range passes {
		w := (h.width - pass.x + pass.dx - 1) / pass.dx
		if w <= 0 {
			continue
		}
		n := 1 + (w*h.samples()*h.bits+7)/8
		clear(above)
		for y := pass.y; y < h.height; y += pass.dy {
			if _, err := io.ReadFull(z, row[:n]); err != nil {
				if err == io.EOF {
					err = io.ErrUnexpectedEOF
				}
				return nil, err
			}
			if err := unfilter(row[0], row[1:n], above[1:n], behind); err != nil {
				return nil, err
			}
			h.put(p, row[1:n], y*h.width+pass.x, pass.dx, w)
			row, above = above, row
		}
	}
	if _, err := z.Read(row[:1]); errors.Is(err, zlib.ErrChecksum) {
		return nil, errors.New("wrong checksum of the pixels")
	}
	return p, nil
}

// unfilter adds to each byte of row what its filter predicts of the byte behind and the
// row above.
func unfilter(filter byte, row, above []byte, behind int) error {
	behind = min(behind, len(row))
	switch filter {
	case 0:
	case 1:
		for i := behind; i < len(row); i++ {
			row[i] += row[i-behind]
		}
	case 2:
		for i, b := range above {
			row[i] += b
		}
	case 3:
		for i := range behind {
			row[i] += above[i] / 2
		}
		for i := behind; i < len(row); i++ {
			row[i] += uint8((int(row[i-behind]) + int(above[i])) / 2)
		}
	case 4:
		for i := range behind {
			row[i] += above[i]
		}
		for i := behind; i < len(row); i++ {
			a, b, c := int(row[i-behind]), int(above[i]), int(above[i-behind])
			pa, pb, pc := abs(b-c), abs(a-c), abs(a+b-2*c)
			switch {
			case pa <= pb && pa <= pc:
				row[i] += uint8(a)
			case pb <= pc:
				row[i] += uint8(b)
			default:
				row[i] += uint8(c)
			}
		}
	default:
		return fmt.Errorf("unknown filter %d", filter)
	}
	return nil
}

func abs(v int) int { return max(v, -v) }

// put stores a row of w pixels, the first at index at, the others in steps.
func (h *pngHeader) put(p *Picture, row []byte, at, step, w int) {
	wide := h.bits / 8 // bytes of a sample, 0 below 8 bits
	switch {
	case h.kind == pngPalette || wide == 0:
		scale := uint8(1)
		if h.kind == pngGrey {
			scale = 255 / (1<<h.bits - 1)
		}
		for x := range w {
			bit := x * h.bits
			v := row[bit/8] >> (8 - h.bits - bit%8) & uint8(1<<h.bits-1)
			i := at + x*step
			if h.kind == pngPalette {
				if 3*int(v)+3 <= len(h.palette) {
					copy(p.Pix[3*i:3*i+3], h.palette[3*int(v):])
				}
				if p.Alpha != nil {
					p.Alpha[i] = 255
					if int(v) < len(h.clear) {
						p.Alpha[i] = h.clear[v]
					}
				}
				continue
			}
			p.Pix[i] = v * scale
			if p.Alpha != nil && uint16(v) != binary.BigEndian.Uint16(h.clear) {
				p.Alpha[i] = 255
			}
		}
	default: // the higher byte of each sample
		n := h.samples()
		for x := range w {
			from, i := row[x*n*wide:(x+1)*n*wide], at+x*step
			for c := range p.Channels {
				p.Pix[i*p.Channels+c] = from[c*wide]
			}
			switch {
			case n > p.Channels:
				p.Alpha[i] = from[p.Channels*wide]
			case p.Alpha != nil && !h.isClear(from, wide):
				p.Alpha[i] = 255
			}
		}
	}
}

// isClear reports whether a pixel is the one that tRNS makes transparent.
func (h *pngHeader) isClear(pixel []byte, wide int) bool {
	for c := range h.samples() {
		v := uint16(pixel[c*wide])
		if wide == 2 {
			v = v<<8 | uint16(pixel[c*wide+1])
		}
		if v != binary.BigEndian.Uint16(h.clear[2*c:]) {
			return false
		}
	}
	return true
}
