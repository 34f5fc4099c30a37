package picture

import (
	"bytes"
	"encoding/binary"

	"github.com/rwcarlsen/goexif/exif"
)

// orientation returns the EXIF orientation of a file, 1 to 8. It returns 1, which
// is upright, if the file has no valid orientation.
func orientation(file []byte, format string) (o int) {
	defer func() {
		if recover() != nil { // the EXIF reader panics on some broken blocks
			o = 1
		}
	}()
	switch format {
	case "png":
		file = chunk(file[8:], binary.BigEndian, 4, 0, "eXIf", 4)
	case "webp":
		file = chunk(file[12:], binary.LittleEndian, 0, 4, "EXIF", 0)
		file = bytes.TrimPrefix(file, []byte("Exif\x00\x00"))
	case "jpeg", "tiff":
	default:
		return 1
	}
	if len(file) == 0 {
		return 1
	}
	x, err := exif.Decode(bytes.NewReader(file))
	if x == nil || err != nil && exif.IsCriticalError(err) {
		return 1
	}
	tag, err := x.Get(exif.Orientation)
	if err != nil {
		return 1
	}
	if o, err = tag.Int(0); err != nil || o < 1 || o > 8 {
		return 1
	}
	return o
}

// chunk returns the data of the first chunk of a kind. A chunk is eight bytes that
// hold the kind and the length at the given offsets, the data, and a checksum. In
// files without checksums, chunks begin at even offsets.
func chunk(file []byte, order binary.ByteOrder, kindAt, lengthAt int, kind string, checksum int) []byte {
	for len(file) >= 8 {
		n := int64(order.Uint32(file[lengthAt:]))
		if n > int64(len(file)-8) {
			return nil
		}
		if string(file[kindAt:kindAt+4]) == kind {
			return file[8 : 8+n]
		}
		n += int64(checksum)
		if checksum == 0 {
			n += n & 1
		}
		file = file[min(8+n, int64(len(file))):]
	}
	return nil
}

// turn puts a picture with this EXIF orientation upright.
func (m *Image) turn(orientation int) *Image {
	if orientation == 1 {
		return m
	}
	flipX := orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8
	flipY := orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7
	// Orientations from 5 on swap the sides: pixel (x, y) of the result is pixel
	// (y, x) of m, counted from the end if flipped.
	out := New(m.Width, m.Height, m.Channels)
	if orientation >= 5 {
		out.Width, out.Height = m.Height, m.Width
	}
	i := 0
	for y := range out.Height {
		for x := range out.Width {
			u, v := x, y
			if orientation >= 5 {
				u, v = y, x
			}
			if flipX {
				u = m.Width - 1 - u
			}
			if flipY {
				v = m.Height - 1 - v
			}
			i += copy(out.Pix[i:], m.Pix[(v*m.Width+u)*m.Channels:][:m.Channels])
		}
	}
	return out
}
