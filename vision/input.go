package vision

import (
	"context"
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

	// Photo reads the picture with its transparency, profile and resolution. Tasks
	// whose result is a picture use it if it is not nil.
	Photo func() (*picture.Photo, error)
}

// File is the picture in a file: PNG, JPEG, WebP, BMP, TIFF or GIF.
func File(path string) Input {
	return photographed(path, func() (*picture.Photo, error) {
		return picture.LoadPhoto(context.Background(), path)
	})
}

// Reader is a picture in one of File's formats. It is read once.
func Reader(name string, r io.Reader) Input {
	return photographed(name, func() (*picture.Photo, error) {
		file, err := io.ReadAll(r)
		if err != nil {
			return nil, files.Named(name, err)
		}
		p, err := picture.DecodePhoto(context.Background(), file)
		return p, files.Named(name, err)
	})
}

// photographed is an input whose photo can be read.
func photographed(name string, photo func() (*picture.Photo, error)) Input {
	return Input{Name: name, Photo: photo, Read: func() (*picture.Image, error) {
		p, err := photo()
		if err != nil {
			return nil, err
		}
		return p.SRGB(), nil
	}}
}

// Image is a picture in memory.
func Image(name string, m image.Image) Input {
	if m == nil {
		return Input{Name: name}
	}
	return photographed(name, func() (*picture.Photo, error) {
		return &picture.Photo{Image: picture.From(m), Alpha: picture.Alpha(m)}, nil
	})
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

// photo reads the picture with what its file says about it.
func (in Input) photo() (p *picture.Photo, err error) {
	if in.Photo != nil {
		p, err = in.Photo()
	} else {
		var m *picture.Image
		m, err = in.read()
		p = &picture.Photo{Image: m}
	}
	if err == nil && (p == nil || p.Image == nil) {
		err = errNoPicture
	}
	if err != nil {
		return nil, &InputError{in.Name, err}
	}
	return p, nil
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
