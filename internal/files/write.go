package files

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
)

// Write creates or replaces the file at path with the bytes that write writes. It
// writes a temporary file in the same folder and renames it, so that path never holds a
// half-written file. A new file has the permissions that the umask leaves, and an
// existing one keeps its own. If path is a symbolic link, the link stays and the file
// at its end is replaced. If path is a device or a pipe, write writes into it.
func Write(path string, write func(io.Writer) error) (err error) {
	place, info, err := destination(path)
	if err != nil {
		return Named(path, err)
	}
	if info != nil && !info.Mode().IsRegular() {
		return writeInto(path, write)
	}
	mode := fs.FileMode(0o666)
	if info != nil {
		mode = info.Mode().Perm()
	}
	f, err := createBeside(place, mode)
	if err != nil {
		return Named(path, err)
	}
	done := false
	defer func() {
		if !done { // also if write panics
			err = errors.Join(err, Named(path, f.Close()), Named(path, os.Remove(f.Name())))
		}
	}()
	if err := write(writer{f, path}); err != nil {
		return err
	}
	if now, err := f.Stat(); info != nil && err == nil && now.Mode().Perm() != mode {
		if err := f.Chmod(mode); err != nil {
			return Named(path, err)
		}
	}
	done = true
	if err = f.Close(); err == nil {
		err = os.Rename(f.Name(), place)
	}
	if err != nil {
		return errors.Join(Named(path, err), Named(path, os.Remove(f.Name())))
	}
	return nil
}

// Replace is Write for another program that writes the file, to a path of its own with the
// same extension.
func Replace(path string, write func(temporary string) error) (err error) {
	place, info, err := destination(path)
	if err == nil && info != nil {
		err = Regular(info)
	}
	if err != nil {
		return Named(path, err)
	}
	folder, err := os.MkdirTemp(filepath.Dir(place), ".vertebra.")
	if err != nil {
		return Named(path, err)
	}
	defer func() { err = errors.Join(err, Named(path, os.RemoveAll(folder))) }()
	temporary := filepath.Join(folder, "new"+filepath.Ext(path))
	if err := write(temporary); err != nil {
		return err
	}
	if info != nil {
		if err := os.Chmod(temporary, info.Mode().Perm()); err != nil {
			return Named(path, err)
		}
	}
	return Named(path, os.Rename(temporary, place))
}

// destination follows the links from path to the file that Write replaces. info is nil
// if there is no such file yet.
func destination(path string) (place string, info fs.FileInfo, err error) {
	info, err = os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return "", nil, errors.New("is a folder, want a file")
	case err == nil && !info.Mode().IsRegular():
		return path, info, nil
	case err == nil:
		place, err = filepath.EvalSymlinks(path)
		return place, info, err
	case !errors.Is(err, fs.ErrNotExist):
		return "", nil, err
	}
	// There is no file yet, or there are links that lead to none.
	for range 255 {
		folder, name := filepath.Split(path)
		if folder == "" {
			folder = "."
		}
		if folder, err = filepath.EvalSymlinks(folder); err != nil {
			return "", nil, err
		}
		place = filepath.Join(folder, name)
		to, err := os.Readlink(place)
		if err != nil {
			return place, nil, nil
		}
		if path = to; !filepath.IsAbs(to) {
			path = folder + string(filepath.Separator) + to // Join would drop "link/.."
		}
	}
	return "", nil, errors.New("too many links")
}

// Writable returns an error if Write cannot write to path.
func Writable(path string) error {
	place, info, err := destination(path)
	if err != nil || info != nil && !info.Mode().IsRegular() {
		return Named(path, err)
	}
	f, err := createBeside(place, 0o666)
	if err != nil {
		return Named(path, err)
	}
	return Named(path, errors.Join(f.Close(), os.Remove(f.Name())))
}

// createBeside creates a new file in the folder of place. Its name is short, because
// the name of place may be as long as a name can be.
func createBeside(place string, mode fs.FileMode) (*os.File, error) {
	for {
		name := filepath.Join(filepath.Dir(place), ".vertebra."+strconv.FormatUint(uint64(rand.Uint32()), 36))
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode|0o200)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// writeInto writes into a device or a pipe.
func writeInto(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return Named(path, err)
	}
	if err := write(writer{f, path}); err != nil {
		return errors.Join(err, Named(path, f.Close()))
	}
	return Named(path, f.Close())
}

// writer writes to a file. Its errors name path.
type writer struct {
	f    *os.File
	path string
}

func (w writer) Write(b []byte) (int, error) {
	n, err := w.f.Write(b)
	return n, Named(w.path, err)
}
