package picture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture/codec"
	"github.com/vertebra/vertebra/vision/picture/icc"
	"github.com/vertebra/vertebra/vision/picture/meta"
)

// Photo is a picture with what its file says about it. Load is enough for models;
// a Photo is for those who write a picture like the one they have read.
type Photo struct {
	Image *Image // upright, in the colours of Profile, and not multiplied by Alpha
	Alpha *Image // with one channel, or nil if all is opaque

	// Profile is the ICC profile that says what Image's colours mean, or nil for
	// sRGB. It is as in the file, even if SRGB cannot make sense of it.
	Profile []byte

	Resolution Resolution
}

// Resolution says how large pixels are.
type Resolution = meta.Resolution

// LoadPhoto reads the file at path as DecodePhoto does. Errors begin with the path.
func LoadPhoto(ctx context.Context, path string) (*Photo, error) {
	file, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	p, err := DecodePhoto(ctx, file)
	if err != nil {
		return nil, files.Named(path, err)
	}
	return p, nil
}

// mostBytes limits a file: a picture of MaxPixels with four samples of 16 bits.
const mostBytes = 8*MaxPixels + 1<<26

// ReadFile reads the file of a picture, for DecodePhoto. It reads regular files only,
// and none that is larger than a picture may be.
func ReadFile(path string) ([]byte, error) {
	f, err := files.Open(path)
	if errors.Is(err, files.ErrNotRegular) {
		err = fmt.Errorf("%w: %w", err, ErrNotImage)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, files.Named(path, err)
	case info.Size() > mostBytes:
		return nil, files.Named(path, fmt.Errorf("a file of %d MB is too large for a picture of %d million pixels", info.Size()>>20, MaxPixels>>20))
	}
	var b bytes.Buffer
	b.Grow(int(info.Size()) + bytes.MinRead)
	if _, err := b.ReadFrom(f); err != nil {
		return nil, files.Named(path, err)
	}
	return b.Bytes(), nil
}

// DecodePhoto reads a picture in one of the formats of package codec. It keeps the
// profile if that is for as many channels as the picture has. CMYK becomes sRGB through
// its profile, or without one as Pillow does it, and so does grey with transparency. It
// refuses pictures of more than MaxPixels before it decodes them, and ends when ctx
// does.
func DecodePhoto(ctx context.Context, file []byte) (*Photo, error) {
	p, err := codec.Decode(ctx, file, MaxPixels)
	if err != nil {
		return nil, wanted(err)
	}
	info := meta.Read(file)
	m := &Image{Width: p.Width, Height: p.Height, Channels: p.Channels, Pix: p.Pix}
	profile := info.Profile
	if n := icc.Channels(profile); n != p.Channels && (n != 3 || p.Channels != 1) {
		profile = nil
	}
	switch {
	case p.Channels == 4:
		if c := converter(profile); c != nil {
			m.convert(c)
		} else {
			p.Simple()
			m.Channels, m.Pix = p.Channels, p.Pix
		}
		profile = nil
	case p.Channels == 1 && p.Alpha != nil:
		if c := converter(profile); c != nil {
			m.convert(c)
		}
		m, profile = m.RGB(), nil
	}
	photo := &Photo{Image: m.turn(info.Orientation), Profile: bytes.Clone(profile), Resolution: info.Resolution}
	if p.Alpha != nil {
		photo.Alpha = (&Image{Width: p.Width, Height: p.Height, Channels: 1, Pix: p.Alpha}).turn(info.Orientation)
	}
	return photo, nil
}

// wanted adds the formats to the error for data in another.
func wanted(err error) error {
	if errors.Is(err, ErrNotImage) {
		return fmt.Errorf("%w (want PNG, JPEG, WebP, BMP, TIFF, GIF, HEIC or AVIF)", err)
	}
	return err
}

// Need returns how many bytes of memory DecodePhoto takes for a file, without those of
// the file. It reads headers alone.
func Need(file []byte) (int64, error) {
	info, err := codec.Config(file)
	if err != nil {
		return 0, wanted(err)
	}
	need := info.Memory
	if meta.Read(file).Orientation != 1 {
		need += 4 * int64(info.Width) * int64(info.Height)
	}
	return need, nil
}

// SRGB returns the picture as models want it: upright, in sRGB as a browser shows it,
// without transparency. It may change p.Image.
func (p *Photo) SRGB() *Image {
	if c := converter(p.Profile); c != nil {
		p.Image.convert(c)
		p.Profile = nil
	}
	return p.Image
}

// converter returns the profile if it makes a difference.
func converter(profile []byte) *icc.Profile {
	c, err := icc.Parse(profile)
	if err != nil || c.SRGB() {
		return nil
	}
	return c
}

// rowsAtOnce bounds what convert takes beside the picture.
const rowsAtOnce = 64

// convert turns the colours of a profile into sRGB, in place. A grey picture with a
// profile for RGB stays grey.
func (m *Image) convert(c *icc.Profile) {
	grey := m.Channels == 1 && c.Channels() == 3
	from, to := m.Width*m.Channels, m.Width*c.Outputs()
	pix := m.Pix
	if grey {
		to = m.Width
	} else if to > from {
		pix = make([]uint8, to*m.Height)
	}
	rows := make([][]uint8, min(rowsAtOnce, m.Height))
	for y := 0; y < m.Height; y += len(rows) {
		n := min(len(rows), m.Height-y)
		tensor.Parallel(n, func(i int) {
			row := m.Pix[(y+i)*from:][:from]
			if rows[i] == nil {
				rows[i] = make([]uint8, m.Width*c.Outputs())
			}
			if !grey {
				c.Convert(rows[i], row)
				return
			}
			wide := (&Image{Width: m.Width, Height: 1, Channels: 1, Pix: row}).RGB()
			c.Convert(rows[i], wide.Pix)
			wide.Pix = rows[i]
			copy(rows[i], wide.Grey().Pix)
		})
		for i := range n {
			copy(pix[(y+i)*to:], rows[i][:to])
		}
	}
	m.Pix, m.Channels = pix[:to*m.Height], to/m.Width
}

// Load reads the file at path as Decode does. Errors begin with the path.
func Load(path string) (*Image, error) {
	p, err := LoadPhoto(context.Background(), path)
	if err != nil {
		return nil, err
	}
	return p.SRGB(), nil
}

// Decode reads a PNG, JPEG, WebP, BMP, TIFF, GIF, HEIC or AVIF (the first frame) as a grey or RGB
// picture in sRGB. 16-bit samples lose their lower half, transparency is dropped,
// palettes and CMYK are converted, and so are colours with an ICC profile. Decode turns
// a picture upright if its EXIF data says that it is rotated or mirrored. It refuses
// pictures of more than MaxPixels before it decodes them.
func Decode(r io.Reader) (*Image, error) {
	file, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	p, err := DecodePhoto(context.Background(), file)
	if err != nil {
		return nil, err
	}
	return p.SRGB(), nil
}
