package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// tiffHeader holds the first values of some tags of a TIFF's first directory.
type tiffHeader struct {
	width, height, bits, samples, photometric int
	compression, rows                         int
	tileWidth, tileHeight                     int
	extra                                     bool // it says what extra samples are
}

// tiffHead reads the first directory of a TIFF or BigTIFF.
func tiffHead(file []byte) (h tiffHeader, err error) {
	if len(file) < 16 {
		return h, io.ErrUnexpectedEOF
	}
	var order binary.ByteOrder = binary.LittleEndian
	if file[0] == 'M' {
		order = binary.BigEndian
	}
	big := order.Uint16(file[2:]) == 43
	// An entry is its tag, its type, a count, and a value or where it is.
	at, entry, value := uint64(order.Uint32(file[4:])), uint64(12), 8
	if big {
		at, entry, value = order.Uint64(file[8:]), 20, 12
	}
	if at > uint64(len(file)-8) {
		return h, io.ErrUnexpectedEOF
	}
	n := uint64(order.Uint16(file[at:]))
	rest := file[at+2:]
	if big {
		n = order.Uint64(file[at:])
		rest = file[at+8:]
	}
	if n > uint64(len(rest))/entry {
		return h, io.ErrUnexpectedEOF
	}
	h.bits, h.samples, h.compression = 1, 1, 1
	for ; n > 0; n, rest = n-1, rest[entry:] {
		to := h.field(order.Uint16(rest))
		kind, count := order.Uint16(rest[2:]), uint64(order.Uint32(rest[4:]))
		if big {
			count = order.Uint64(rest[4:])
		}
		if order.Uint16(rest) == 338 {
			h.extra = count > 0
		}
		if to == nil || count == 0 {
			continue
		}
		size := map[uint16]uint64{1: 1, 3: 2, 4: 4, 16: 8}[kind]
		v := rest[value:entry]
		if size == 0 {
			continue
		}
		if count > uint64(len(v))/size {
			where := uint64(order.Uint32(v))
			if big {
				where = order.Uint64(v)
			}
			if where > uint64(len(file)) || uint64(len(file))-where < size {
				return h, io.ErrUnexpectedEOF
			}
			v = file[where:]
		}
		switch size {
		case 1:
			*to = int(v[0])
		case 2:
			*to = int(order.Uint16(v))
		case 4:
			*to = int(order.Uint32(v))
		case 8:
			*to = int(min(order.Uint64(v), 1<<32))
		}
	}
	if h.width > 1<<31-1 || h.height > 1<<31-1 {
		return h, errors.New("too large")
	}
	if tile := float64(h.tileWidth) * float64(h.tileHeight); tile > max(1<<24, 4*float64(h.width)*float64(h.height)) {
		return h, fmt.Errorf("tiles of %d×%d pixels are larger than the picture", h.tileWidth, h.tileHeight)
	}
	if h.photometric >= 8 && h.photometric <= 10 { // libtiff takes D50 for the white of sRGB
		return h, errors.New("CIE L*a*b* colours are not supported")
	}
	return h, nil
}

func (h *tiffHeader) field(tag uint16) *int {
	switch tag {
	case 256:
		return &h.width
	case 257:
		return &h.height
	case 258:
		return &h.bits
	case 259:
		return &h.compression
	case 262:
		return &h.photometric
	case 277:
		return &h.samples
	case 278:
		return &h.rows
	case 322:
		return &h.tileWidth
	case 323:
		return &h.tileHeight
	}
	return nil
}

// program returns the most bytes that libtiff may use: the data of a strip or tile as
// stored, at most the file; what it is decoded to; and tables of strips.
func (h *tiffHeader) program(size int) int64 {
	rows, width := min(h.rows, h.height), h.width
	if rows == 0 {
		rows = h.height
	}
	if h.tileWidth > 0 {
		rows, width = h.tileHeight, h.width+h.tileWidth
	}
	area := int64(min(rows, 1<<24)) * int64(min(width, 1<<24))
	memory := int64(8<<20) + 3*int64(size) + 2*int64(width)*int64(h.samples*h.bits/8+1)
	const jpeg, oldJPEG, yCbCr = 7, 6, 6
	switch {
	case h.photometric >= yCbCr || h.compression == oldJPEG: // blocks of four bytes a pixel, converted from others
		memory += 12 * area
	case h.compression == jpeg: // coefficients, if it is progressive
		memory += 3 * area * int64(h.samples)
	case h.tileWidth > 0:
		memory += 2 * area * int64(h.samples*h.bits/8+1)
	}
	return memory
}
