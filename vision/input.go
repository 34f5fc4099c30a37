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

	"github.com/vertebra/vertebra/vision/picture"
)

// Input is a picture that is read when its turn comes.
type Input struct {
	Name string // in results and errors: a path for one
	Read func() (*picture.Image, error)

	// ReadAlpha, if it is not nil, reads the picture with its transparency, as
	// picture.LoadAlpha does. It is for tasks whose result is a picture.
	ReadAlpha func() (m, alpha *picture.Image, err error)
}

// File is the picture in a file: PNG, JPEG, WebP, BMP, TIFF or GIF.
func File(path string) Input {
	in := Input{Name: path, ReadAlpha: func() (m, alpha *picture.Image, err error) {
		m, alpha, err = picture.LoadAlpha(path)
		return m, alpha, named(path, err)
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
			err = fmt.Errorf("%s: %w", name, err)
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
	return Input{
		Name:      name,
		Read:      func() (*picture.Image, error) { return picture.From(m), nil },
		ReadAlpha: func() (_, alpha *picture.Image, err error) { return picture.From(m), picture.Alpha(m), nil },
	}
}

// readAlpha reads the picture, with its transparency if there is some.
func (in Input) readAlpha() (m, alpha *picture.Image, err error) {
	if in.ReadAlpha != nil {
		m, alpha, err = in.ReadAlpha()
	} else {
		m, err = in.Read()
	}
	if err != nil {
		err = &InputError{in.Name, err}
	}
	return m, alpha, err
}

// extensions are those of the pictures that Files takes from folders.
var extensions = []string{".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif"}

// Paths lists the files that arguments of a command line mean: files, patterns,
// and folders with all pictures below them.
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
			return nil, named(arg, err)
		default:
			all = append(all, arg)
		}
	}
	return all, nil
}

// folder lists the pictures below a folder, of which there has to be one.
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

// Files is a File for each path.
func Files(paths ...string) []Input {
	all := make([]Input, len(paths))
	for i, p := range paths {
		all[i] = File(p)
	}
	return all
}

// named is an error, of the file system with the path that the user gave.
func named(path string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", path, p.Err)
	}
	return err
}

// InputError is the error of one picture, which leaves the others unharmed.
type InputError struct {
	Name string
	Err  error
}

func (e *InputError) Error() string {
	if strings.HasPrefix(e.Err.Error(), e.Name) {
		return e.Err.Error()
	}
	return e.Name + ": " + e.Err.Error()
}

// Unwrap returns what is wrong with the picture.
func (e *InputError) Unwrap() error { return e.Err }
