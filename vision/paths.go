package vision

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
)

// extensions are the file names' endings by which Paths finds pictures in folders.
var extensions = []string{".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".heic", ".heif", ".avif"}

// IsPicture reports whether a file's name ends as those of pictures that Paths finds in
// folders.
func IsPicture(name string) bool {
	return slices.Contains(extensions, strings.ToLower(filepath.Ext(name)))
}

// LeftOutError is the error of Paths for what it has left out. The paths that it returns
// with this error are good.
type LeftOutError struct {
	Entries []*InputError // a file, or a folder with all that is below it
}

func (e *LeftOutError) Error() string { return errors.Join(e.Unwrap()...).Error() }

// Unwrap returns e.Entries.
func (e *LeftOutError) Unwrap() []error {
	all := make([]error, len(e.Entries))
	for i, one := range e.Entries {
		all[i] = one
	}
	return all
}

// Paths lists the files that a command line's arguments stand for. An argument is a
// file, a pattern, or a folder, which stands for all pictures below it. In folders,
// pictures are regular files, or links to such, whose names end as those of pictures.
//
// An argument, a file or a folder that cannot be read does not end the search. The
// error is then a *LeftOutError, and the other paths are good.
func Paths(args ...string) ([]string, error) {
	var all []string
	left := &LeftOutError{}
	for _, arg := range args {
		info, err := os.Stat(arg)
		switch {
		case err == nil && info.IsDir():
			before := len(all) + len(left.Entries)
			all = append(all, left.folder(arg)...)
			if len(all)+len(left.Entries) == before {
				left.add(arg, errors.New("no picture in this folder"))
			}
		case err == nil:
			all = append(all, arg)
		case strings.ContainsAny(arg, "*?["):
			found, err := filepath.Glob(arg)
			if err == nil && len(found) == 0 {
				err = errors.New("no such file")
			}
			if err != nil {
				left.add(arg, err)
			}
			all = append(all, found...)
		default:
			left.add(arg, err)
		}
	}
	if len(left.Entries) > 0 {
		return all, left
	}
	return all, nil
}

// add notes that a path is left out.
func (e *LeftOutError) add(path string, err error) {
	e.Entries = append(e.Entries, &InputError{path, files.Named(path, err)})
}

// folder lists the pictures below a folder, and notes what cannot be read.
func (e *LeftOutError) folder(root string) []string {
	var all []string
	walk := func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			e.add(path, err)
			return nil
		case d.IsDir() || !IsPicture(path):
			return nil
		}
		if !d.Type().IsRegular() {
			info, err := os.Stat(path)
			if err == nil {
				err = files.Regular(info)
			}
			if err != nil {
				e.add(path, err)
				return nil
			}
		}
		all = append(all, path)
		return nil
	}
	if err := files.Walk(root, walk); err != nil {
		e.add(root, err)
	}
	return all
}
