package meta

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
)

// Writer returns a writer for an encoder of "png" or "jpeg", which adds a profile and a
// resolution to what the encoder writes. A nil profile and a zero resolution add
// nothing.
func Writer(w io.Writer, format string, profile []byte, r Resolution) io.Writer {
	var i inserter
	if format == "png" {
		i = inserter{w, 8 + 25, append(pngProfile(profile), pngResolution(r)...)}
	} else {
		i = inserter{w, 2, append(jpegResolution(r), jpegProfile(profile)...)}
	}
	if len(i.extra) == 0 {
		return w
	}
	return &i
}

// inserter writes extra after the first bytes.
type inserter struct {
	w     io.Writer
	first int // how many are still to come
	extra []byte
}

func (i *inserter) Write(b []byte) (int, error) {
	n := 0
	if i.first > 0 {
		var err error
		if n, err = i.w.Write(b[:min(i.first, len(b))]); err != nil {
			return n, err
		}
		if i.first -= n; i.first > 0 {
			return n, nil
		}
		if _, err := i.w.Write(i.extra); err != nil {
			return n, err
		}
	}
	m, err := i.w.Write(b[n:])
	return n + m, err
}

// pngChunk returns a chunk of a PNG.
func pngChunk(kind string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, kind...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

func pngProfile(profile []byte) []byte {
	if len(profile) == 0 {
		return nil
	}
	var b bytes.Buffer
	b.WriteString("ICC profile\x00\x00")
	z := zlib.NewWriter(&b)
	z.Write(profile) // a buffer takes all
	z.Close()
	return pngChunk("iCCP", b.Bytes())
}

func pngResolution(r Resolution) []byte {
	unit := byte(1)
	if r.Unit == NoUnit {
		unit = 0
	}
	x, y, ok := whole(r.X, r.Y, r.Unit, math.MaxInt32)
	if !ok {
		return nil
	}
	data := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, x), y)
	return pngChunk("pHYs", append(data, unit))
}

// whole returns x and y as numbers of 1 to most. A ratio may be scaled.
func whole(x, y float64, u Unit, most float64) (uint32, uint32, bool) {
	if u == NoUnit && x > 0 && y > 0 {
		scale := 1.0
		if x != math.Trunc(x) || y != math.Trunc(y) || max(x, y) > most {
			scale = min(most, 1<<12) / max(x, y)
		}
		x, y = max(x*scale, 1), max(y*scale, 1)
	}
	x, y = math.Round(x), math.Round(y)
	if !(x >= 1 && y >= 1 && x <= most && y <= most) {
		return 0, 0, false
	}
	return uint32(x), uint32(y), true
}

// segmentOf returns a segment of a JPEG.
func segmentOf(kind byte, data []byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xff, kind}, uint16(len(data)+2)), data...)
}

// jpegProfile returns a profile in as many segments as it takes, or nil if there is
// none, or if it takes more than 255.
func jpegProfile(profile []byte) []byte {
	const most = 1<<16 - 1 - 2 - 14
	parts := (len(profile) + most - 1) / most
	if parts > 255 {
		return nil
	}
	var all []byte
	for n := 1; n <= parts; n++ {
		part := profile[:min(most, len(profile))]
		profile = profile[len(part):]
		all = append(all, segmentOf(0xe2, append([]byte("ICC_PROFILE\x00"+string([]byte{byte(n), byte(parts)})), part...))...)
	}
	return all
}

// jpegResolution returns a JFIF segment, which counts in inches unless the file that
// was read counts in centimetres.
func jpegResolution(r Resolution) []byte {
	unit, in := byte(1), Inch
	switch r.Unit {
	case NoUnit:
		unit, in = 0, NoUnit
	case Centimetre:
		unit, in = 2, Centimetre
	}
	x, y := r.In(in)
	across, down, ok := whole(x, y, in, math.MaxUint16)
	if !ok {
		return nil
	}
	data := append([]byte("JFIF\x00\x01\x01"), unit)
	data = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(data, uint16(across)), uint16(down))
	return segmentOf(0xe0, append(data, 0, 0))
}
