package meta

import (
	"bytes"
	"encoding/binary"
)

// readJPEG walks the segments before the picture's data.
func readJPEG(file []byte) Info {
	var i Info
	var exif directory
	var parts iccParts
	seen := false // an EXIF block
	for kind, data := range segments(file) {
		switch {
		case kind == 0xe0 && has(data, 0, "JFIF\x00") && len(data) >= 12:
			x, y := binary.BigEndian.Uint16(data[8:]), binary.BigEndian.Uint16(data[10:])
			switch data[7] {
			case 1:
				i.Resolution = per(Inch, float64(x), float64(y))
			case 2:
				i.Resolution = per(Centimetre, float64(x), float64(y))
			default:
				i.Resolution = per(NoUnit, float64(x), float64(y))
			}
		case kind == 0xe1 && has(data, 0, "Exif\x00") && !seen:
			if block := withoutName(data); isTIFF(block) {
				exif, seen = readDirectory(block), true
			}
		case kind == 0xe2 && has(data, 0, "ICC_PROFILE\x00"):
			parts.add(data[len("ICC_PROFILE\x00"):])
		}
	}
	i.Orientation, i.Profile = exif.orientation, parts.join()
	if i.Resolution.Unit == NoUnit && exif.resolution.Unit != NoUnit {
		i.Resolution = exif.resolution
	}
	return i
}

// segments yields the kinds and contents of a JPEG's segments up to the picture's
// data. Like libjpeg it skips what is between segments.
func segments(file []byte) func(yield func(kind byte, data []byte) bool) {
	return func(yield func(byte, []byte) bool) {
		rest := file[2:]
		for {
			at := bytes.IndexByte(rest, 0xff)
			if at < 0 {
				return
			}
			for rest = rest[at:]; len(rest) > 0 && rest[0] == 0xff; {
				rest = rest[1:]
			}
			if len(rest) == 0 {
				return
			}
			kind := rest[0]
			rest = rest[1:]
			switch {
			case kind == 0 || kind == 1 || kind >= 0xd0 && kind <= 0xd8:
				continue // these have no content
			case kind == 0xd9 || kind == 0xda || len(rest) < 2:
				return
			}
			n := int(binary.BigEndian.Uint16(rest))
			if n < 2 || n > len(rest) {
				return
			}
			if !yield(kind, rest[2:n]) {
				return
			}
			rest = rest[n:]
		}
	}
}

// withoutName returns an EXIF block without the name before it. The sixth byte of the
// name fills up.
func withoutName(block []byte) []byte {
	if has(block, 0, "Exif\x00") && len(block) >= 6 {
		return block[6:]
	}
	return block
}

// isTIFF reports whether a block begins like a TIFF file.
func isTIFF(block []byte) bool {
	return has(block, 0, "II*\x00") || has(block, 0, "MM\x00*") || has(block, 0, "II+\x00") || has(block, 0, "MM\x00+") ||
		has(block, 0, "II\x00*") || has(block, 0, "MM*\x00") // written by some, and read by most
}

// iccParts collects a profile's parts. Each has its number, from 1 on, and the number
// of all.
type iccParts struct {
	parts map[byte][]byte
	of    byte
}

// add takes a part.
func (p *iccParts) add(data []byte) {
	if len(data) < 2 {
		return
	}
	if p.parts == nil {
		p.parts, p.of = map[byte][]byte{}, data[1]
	}
	if p.parts[data[0]] == nil {
		p.parts[data[0]] = data[2:]
	}
}

// join returns the profile, or nil if a part is missing.
func (p *iccParts) join() []byte {
	var whole []byte
	for n := 1; n <= int(p.of); n++ {
		part := p.parts[byte(n)]
		if part == nil {
			return nil
		}
		whole = append(whole, part...)
	}
	return whole
}
