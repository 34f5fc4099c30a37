package meta

import "encoding/binary"

// readWebP walks the chunks of a WebP.
func readWebP(file []byte) Info {
	var i Info
	var exif directory
	seen := false
	for rest := file[12:]; len(rest) >= 8; {
		n := uint64(binary.LittleEndian.Uint32(rest[4:]))
		kind, data := string(rest[:4]), rest[8:]
		data = data[:min(n, uint64(len(data)))]
		switch {
		case kind == "EXIF" && !seen:
			if block := withoutName(data); isTIFF(block) {
				exif, seen = readDirectory(block), true
			}
		case kind == "ICCP" && i.Profile == nil:
			i.Profile = data
		}
		rest = rest[8+len(data):]
		if n%2 == 1 && len(rest) > 0 {
			rest = rest[1:]
		}
	}
	i.Orientation, i.Resolution = exif.orientation, exif.resolution
	return i
}

// readBMP reads the resolution of a BMP.
func readBMP(file []byte) Info {
	if len(file) < 46 || binary.LittleEndian.Uint32(file[14:]) < 40 {
		return Info{}
	}
	x, y := int32(binary.LittleEndian.Uint32(file[38:])), int32(binary.LittleEndian.Uint32(file[42:]))
	return Info{Resolution: per(Metre, float64(x), float64(y))}
}
