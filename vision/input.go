package vision

import (
	"errors"
	"fmt"
	"image"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision/picture"
)

// Input is a picture that is read when its turn comes.
type Input struct {
	Name string // in results and errors, such as a path
	Read func() (*picture.Image, error)

	// ReadAlpha reads the picture and its transparency, as picture.LoadAlpha does.
	// Tasks whose result is a picture use it if it is not nil.
	ReadAlpha func() (m, alpha *picture.Image, err error)
}

// File is the picture in a file: PNG, JPEG, WebP, BMP, TIFF or GIF.
func File(path string) Input {
	in := Input{Name: path, ReadAlpha: func() (m, alpha *picture.Image, err error) {
		return picture.LoadAlpha(path)
	}}
	in.Read = func() (*picture.Image, error) {
		m, _, err := in.ReadAlpha()
		return m, err
	}
	return in
}

// Reader is a picture in one of File's formats. It is read once.
func Reader(name string, r io.Reader) Input {
	in := Input{Name: name, ReadAlpha: func() (m, alpha *picture.Image, err error) {
		if m, alpha, err = picture.DecodeAlpha(r); err != nil {
			err = files.Named(name, err)
		}
		return m, alpha, err
	}}
	in.Read = func() (*picture.Image, error) {
		m, _, err := in.ReadAlpha()
		return m, err
	}
	return in
}

// Image is a picture in memory.
func Image(name string, m image.Image) Input {
	if m == nil {
		return Input{Name: name}
	}
	return Input{
		Name:      name,
		Read:      func() (*picture.Image, error) { return picture.From(m), nil },
		ReadAlpha: func() (_, alpha *picture.Image, err error) { return picture.From(m), picture.Alpha(m), nil },
	}
}

// errNoPicture is what reading an input without a picture gives.
var errNoPicture = errors.New("the input has no picture")

// read reads the picture.
func (in Input) read() (m *picture.Image, err error) {
	if in.Read != nil {
		m, err = in.Read()
	}
	if m == nil && err == nil {
		err = errNoPicture
	}
	return m, err
}

// readAlpha reads the picture and its transparency, if it has one.
func (in Input) readAlpha() (m, alpha *picture.Image, err error) {
	if in.ReadAlpha == nil {
		m, err = in.read()
	} else if m, alpha, err = in.ReadAlpha(); m == nil && err == nil {
		err = errNoPicture
	}
	if err != nil {
		err = &InputError{in.Name, err}
	}
	return m, alpha, err
}

// extensions are the file names' endings by which Paths finds pictures in folders.
var extensions = []string{".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif"}

// Paths lists the files that a command line's arguments stand for. An argument is a
// file, a pattern, or a folder, which stands for all pictures below it.
func Paths(args ...string) ([]string, error) {
	var all []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		switch {
		case err == nil && info.IsDir():
			below, err := folder(arg)
			if err != nil {
				return nil, err
			}
			all = append(all, below...)
		case err != nil && strings.ContainsAny(arg, "*?["):
			found, bad := filepath.Glob(arg)
			if bad != nil {
				return nil, fmt.Errorf("%s: %w", arg, bad)
			}
			if len(found) == 0 {
				return nil, fmt.Errorf("%s: no such file", arg)
			}
			all = append(all, found...)
		case err != nil:
			return nil, files.Named(arg, err)
		default:
			all = append(all, arg)
		}
	}
	return all, nil
}

// folder lists the pictures below a folder. It is an error if there are none.
func folder(path string) ([]string, error) {
	var all []string
	err := filepath.WalkDir(path, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && slices.Contains(extensions, strings.ToLower(filepath.Ext(path))) {
			all = append(all, path)
		}
		return err
	})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%s: no picture in this folder", path)
	}
	return all, err
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
