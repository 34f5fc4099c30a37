package vision

import (
	"context"
	"errors"
	"image"
	"io"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision/picture"
)

// Input is a picture that is read when its turn comes.
type Input struct {
	Name string // in results and errors, such as a path
	Read func() (*picture.Image, error)

	// Photo reads the picture with its transparency, profile and resolution. Tasks
	// whose result is a picture use it if it is not nil.
	Photo func() (*picture.Photo, error)

	// file reads the encoded picture. It takes the place of the others if it is not
	// nil, because what a file needs can be known before it is decoded.
	file func() ([]byte, error)
}

// File is the picture in a file: PNG, JPEG, WebP, BMP, TIFF, GIF,
// HEIC or AVIF.
func File(path string) Input {
	return Encoded(path, func() ([]byte, error) { return picture.ReadFile(path) })
}

// Reader is a picture in one of File's formats. It is read once.
func Reader(name string, r io.Reader) Input {
	if r == nil {
		return Input{Name: name}
	}
	return Encoded(name, func() ([]byte, error) {
		file, err := io.ReadAll(r)
		return file, files.Named(name, err)
	})
}

// Encoded is the picture in a file that a function reads, in one of File's formats.
func Encoded(name string, file func() ([]byte, error)) Input {
	in := Input{Name: name, file: file}
	in.Photo = func() (*picture.Photo, error) {
		data, err := file()
		if err != nil {
			return nil, err
		}
		return in.decode(context.Background(), data)
	}
	in.Read = func() (*picture.Image, error) {
		p, err := in.Photo()
		if err != nil {
			return nil, err
		}
		return p.SRGB(), nil
	}
	return in
}

// decode decodes a picture's file.
func (in Input) decode(ctx context.Context, file []byte) (*picture.Photo, error) {
	p, err := await(ctx, func() (*picture.Photo, error) { return picture.DecodePhoto(ctx, file) })
	if err != nil && ctx.Err() == nil {
		err = files.Named(in.Name, err)
	}
	return p, err
}

// Image is a picture in memory.
func Image(name string, m image.Image) Input {
	if m == nil {
		return Input{Name: name}
	}
	return Input{
		Name: name,
		Read: func() (*picture.Image, error) { return picture.From(m), nil },
		Photo: func() (*picture.Photo, error) {
			return &picture.Photo{Image: picture.From(m), Alpha: picture.Alpha(m)}, nil
		},
	}
}

// errNoPicture is what reading an input without a picture gives.
var errNoPicture = errors.New("the input has no picture")

// load reads the file of an input that has one, and returns what decoding it needs with
// the file itself.
func (in Input) load(ctx context.Context, limit int64) (file []byte, need int64, err error) {
	if in.file == nil {
		return nil, 0, nil
	}
	if file, err = await(ctx, in.file); err != nil {
		return nil, 0, err
	}
	if need, err = picture.Need(file); err != nil {
		return nil, 0, files.Named(in.Name, err)
	}
	need += int64(len(file))
	if err = enough(need, limit); err != nil {
		return nil, 0, files.Named(in.Name, err)
	}
	return file, need, nil
}

// image returns the picture of a file that load has read, or of an input without one.
func (in Input) image(ctx context.Context, file []byte) (m *picture.Image, err error) {
	switch {
	case file != nil:
		p, err := in.decode(ctx, file)
		if err != nil {
			return nil, err
		}
		return p.SRGB(), nil
	case in.Read != nil:
		m, err = await(ctx, in.Read)
	}
	if m == nil && err == nil {
		err = errNoPicture
	}
	return m, err
}

// Picture reads the picture. It takes at most limit bytes of memory, or any number if
// limit is 0, and ends when ctx does. A user's own Read knows no limit.
func (in Input) Picture(ctx context.Context, limit int64) (*picture.Image, error) {
	file, _, err := in.load(ctx, limit)
	if err != nil {
		return nil, &InputError{in.Name, err}
	}
	p, err := in.image(ctx, file)
	if err != nil {
		return nil, &InputError{in.Name, err}
	}
	return p, nil
}

// photo reads a picture with what its file says about it.
func (m *Model) photo(ctx context.Context, in Input) (p *picture.Photo, err error) {
	file, _, err := in.load(ctx, m.memory)
	switch {
	case err != nil:
	case file != nil:
		p, err = in.decode(ctx, file)
	case in.Photo != nil:
		p, err = await(ctx, in.Photo)
	default:
		p = &picture.Photo{}
		p.Image, err = in.image(ctx, nil)
	}
	if err == nil && (p == nil || p.Image == nil) {
		err = errNoPicture
	}
	if err != nil {
		return nil, &InputError{in.Name, err}
	}
	return p, nil
}

// Files returns a File for each path.
func Files(paths ...string) []Input {
	all := make([]Input, len(paths))
	for i, p := range paths {
		all[i] = File(p)
	}
	return all
}

// InputError is the error of one picture. It does not concern the other pictures.
type InputError struct {
	Name string
	Err  error
}

func (e *InputError) Error() string {
	if strings.HasPrefix(e.Err.Error(), files.Quote(e.Name)) {
		return e.Err.Error()
	}
	return files.Named(e.Name, e.Err).Error()
}

// Unwrap returns e.Err.
func (e *InputError) Unwrap() error { return e.Err }
