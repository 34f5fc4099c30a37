package codec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrFormat is wrapped by errors for data that is in no known format.
var ErrFormat = errors.New("not an image")

// Picture holds 8-bit samples [Height, Width, Channels] without gaps. Channels is 1
// (grey), 3 (red, green, blue) or 4 (cyan, magenta, yellow, black; 0 is no ink). Alpha
// is [Height, Width], or nil if all is opaque; colours are not multiplied by it.
type Picture struct {
	Format                  string // "png", "jpeg", "webp", "bmp", "gif", "tiff", "heic" or "avif"
	Width, Height, Channels int
	Pix, Alpha              []uint8
}

// Info is what is known of a picture before it is decoded.
type Info struct {
	Format        string
	Width, Height int
	Memory        int64 // bytes that Decode needs at its peak, its result included, without the file
}

// format is a kind of file.
type format struct {
	name   string
	is     func(file []byte) bool
	config func(file []byte) (Info, error)
	decode func(ctx context.Context, file []byte) (*Picture, error)
}

var formats = []format{
	{"png", begins("\x89PNG\r\n\x1a\n"), pngConfig, decodePNG},
	{"jpeg", begins("\xff\xd8"), jpegConfig, decodeJPEG},
	{"webp", func(b []byte) bool { return len(b) >= 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP" }, webpConfig, decodeWebP},
	{"gif", begins("GIF87a", "GIF89a"), gifConfig, decodeGIF},
	{"bmp", begins("BM"), bmpConfig, decodeBMP},
	{"avif", isHEIF("avif", "avis"), heifConfig, decodeHEIF},
	{"heic", isHEIF("heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"), heifConfig, decodeHEIF},
	{"tiff", begins("II*\x00", "MM\x00*", "II+\x00", "MM\x00+"), tiffConfig, decodeTIFF},
}

// begins returns whether a file begins with one of the texts.
func begins(texts ...string) func([]byte) bool {
	return func(file []byte) bool {
		for _, t := range texts {
			if bytes.HasPrefix(file, []byte(t)) {
				return true
			}
		}
		return false
	}
}

// Config returns the format, size and need of memory of a picture. It reads headers
// alone.
func Config(file []byte) (Info, error) {
	f, err := find(file)
	if err != nil {
		return Info{}, err
	}
	return f.look(file)
}

// find returns the format of a file.
func find(file []byte) (format, error) {
	for _, f := range formats {
		if f.is(file) {
			return f, nil
		}
	}
	return format{}, ErrFormat
}

// look is Config for a known format.
func (f format) look(file []byte) (Info, error) {
	info, err := f.config(file)
	info.Format = f.name
	switch {
	case err != nil:
		return info, inFormat(f.name, "", err)
	case info.Width < 1 || info.Height < 1:
		return info, fmt.Errorf("%s of %d×%d pixels is empty", f.name, info.Width, info.Height)
	}
	return info, nil
}

// Decode reads a picture. It refuses pictures of more than maxPixels before it decodes
// them, unless maxPixels is 0, and ends early when ctx does.
func Decode(ctx context.Context, file []byte, maxPixels int) (*Picture, error) {
	f, err := find(file)
	if err != nil {
		return nil, err
	}
	info, err := f.look(file)
	if err != nil {
		return nil, err
	}
	if maxPixels > 0 && info.Width > maxPixels/info.Height {
		return nil, fmt.Errorf("%s of %d×%d pixels has more than %d million pixels", f.name, info.Width, info.Height, maxPixels>>20)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := f.guard(ctx, file)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, inFormat(f.name, fmt.Sprintf(" of %d×%d pixels", info.Width, info.Height), err)
	}
	p.Format = f.name
	if p.Alpha != nil && bytes.Count(p.Alpha, []byte{255}) == len(p.Alpha) {
		p.Alpha = nil
	}
	return p, nil
}

// guard turns a decoder's panic on a broken file into an error.
func (f format) guard(ctx context.Context, file []byte) (p *Picture, err error) {
	defer func() {
		if r := recover(); r != nil {
			p, err = nil, fmt.Errorf("broken file: %v", r)
		}
	}()
	return f.decode(ctx, file)
}

// broken is the error of a decoder. Most decoders begin it with the name of the
// format, which text replaces by a description of the picture.
type broken struct {
	text string
	err  error
}

func (e *broken) Error() string { return e.text }
func (e *broken) Unwrap() error { return e.err }

// inFormat adds the format and the size of the picture to err.
func inFormat(format, size string, err error) error {
	return &broken{format + size + ": " + strings.TrimPrefix(err.Error(), format+": "), err}
}

// source reads a file until ctx ends.
type source struct {
	ctx context.Context
	*bytes.Reader
}

func newSource(ctx context.Context, file []byte) *source {
	return &source{ctx, bytes.NewReader(file)}
}

func (s *source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.Reader.Read(p)
}
