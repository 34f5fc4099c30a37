// Package meta reads what the file of a picture says beside its pixels: how to turn
// the picture upright, what its colours mean, and how large a pixel is.
//
// Its readers walk the segments, chunks, boxes or directories of a file. They look at
// nothing but what they need, follow no pointer twice, and take no more memory than a
// small multiple of the file's size. What is broken counts as absent.
package meta

// Info is what a file says beside its pixels.
type Info struct {
	// Orientation is EXIF's: 1 to 8, where 1 is upright.
	Orientation int

	// Profile is the ICC profile, unchecked, or nil. It may be a part of the file.
	Profile []byte

	Resolution Resolution
}

// Resolution is the number of pixels in a metre of each direction. Without a Unit, X
// and Y are only the ratio of a pixel's height and width. The zero value means that
// the file says nothing.
type Resolution struct {
	X, Y float64
	Unit Unit
}

// Unit says how a file counts. Values in another unit are rounded differently.
type Unit uint8

// The units.
const (
	NoUnit Unit = iota
	Metre
	Centimetre
	Inch
)

// metres returns the length of a unit in metres, or 1 for NoUnit.
func (u Unit) metres() float64 {
	switch u {
	case Centimetre:
		return 0.01
	case Inch:
		return 0.0254
	}
	return 1
}

// In returns the resolution as pixels in a unit.
func (r Resolution) In(u Unit) (x, y float64) { return r.X * u.metres(), r.Y * u.metres() }

// per returns the resolution of x and y pixels in a unit, or none if they are absurd or
// say nothing.
func per(u Unit, x, y float64) Resolution {
	if !(x > 0 && y > 0 && x < 1e9 && y < 1e9) || u == NoUnit && x == y {
		return Resolution{}
	}
	return Resolution{x / u.metres(), y / u.metres(), u}
}

// turned returns r for a picture that an orientation turns.
func (r Resolution) turned(orientation int) Resolution {
	if orientation >= 5 {
		r.X, r.Y = r.Y, r.X
	}
	return r
}

// Read reads a JPEG, PNG, WebP, TIFF, BMP, HEIC or AVIF file, or as much of it as
// there is. The resolution is that of the upright picture.
//
// Decoders turn HEIC and AVIF upright by themselves, so their Orientation is 1. Of
// XMP, Read believes the orientation in PNG alone, and only if there is none in EXIF,
// as Pillow does.
func Read(file []byte) Info {
	var i Info
	switch {
	case has(file, 0, "\xff\xd8"):
		i = readJPEG(file)
	case has(file, 0, "\x89PNG\r\n\x1a\n"):
		i = readPNG(file)
	case has(file, 0, "RIFF") && has(file, 8, "WEBP"):
		i = readWebP(file)
	case has(file, 0, "II") || has(file, 0, "MM"):
		d := readDirectory(file)
		i = Info{d.orientation, d.profile, d.resolution}
	case has(file, 0, "BM"):
		i = readBMP(file)
	case has(file, 4, "ftyp"):
		i.Profile = boxProfile(file)
	}
	if i.Orientation < 1 || i.Orientation > 8 {
		i.Orientation = 1
	}
	if len(i.Profile) == 0 || len(i.Profile) > mostProfile {
		i.Profile = nil
	}
	i.Resolution = i.Resolution.turned(i.Orientation)
	return i
}

// mostProfile limits the bytes of a profile, and of what is inflated from a file.
const mostProfile = 16 << 20

// has reports whether file has text at a place.
func has(file []byte, at int, text string) bool {
	return len(file) >= at+len(text) && string(file[at:at+len(text)]) == text
}
