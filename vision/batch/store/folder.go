package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
)

// Folder is a store in a folder, which it makes. The folder's file system must have hard
// links: a link to a complete file gives it its name only if no other has it.
type Folder string

// temporary begins the names of files that are being written. The name of the file
// follows, and a number.
const temporary = ".writing-"

// Create implements Store. The file is on the disk before it has its name. Temporaries of
// writers that were killed at the same file go when it is there.
func (d Folder) Create(ctx context.Context, name string, write func(io.Writer) error) (made bool, err error) {
	full := filepath.Join(string(d), filepath.FromSlash(name))
	if _, err := os.Lstat(full); err == nil {
		return false, d.sweep(full)
	}
	dir, base := filepath.Split(full)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return false, files.Named(dir, err)
	}
	temp := filepath.Join(dir, temporary+base+"-"+strconv.FormatUint(rand.Uint64(), 36))
	f, err := os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return false, files.Named(temp, err)
	}
	defer os.Remove(temp)
	err = write(f)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = files.Named(temp, f.Sync())
	}
	if err = errors.Join(err, files.Named(temp, f.Close())); err != nil {
		return false, err
	}
	err = os.Link(temp, full)
	switch _, there := os.Lstat(full); {
	case err == nil:
		made = true
	case there == nil: // another writer was first, and may have swept this one's file
	default:
		return false, fmt.Errorf("%w; results need a file system with hard links", files.Named(full, err))
	}
	return made, errors.Join(d.sweep(full), syncFolder(dir))
}

// sweep removes what other writers of a file that is there have left.
func (d Folder) sweep(full string) error {
	dir, base := filepath.Split(full)
	left, err := filepath.Glob(filepath.Join(pattern(dir), pattern(temporary+base)+"-*"))
	if err != nil {
		return files.Named(full, err)
	}
	for _, path := range left {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return files.Named(path, err)
		}
	}
	return nil
}

// pattern returns a pattern that matches one path.
func pattern(path string) string {
	if filepath.Separator == '\\' {
		return path // there is no way to write brackets
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// Open implements Store.
func (d Folder) Open(_ context.Context, name string) (*File, error) {
	f, err := open(filepath.Join(string(d), filepath.FromSlash(name)))
	if err == nil {
		f.Path = name
	}
	return f, err
}

// List implements Store. A folder that is not there has no files.
func (d Folder) List(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		all, err := os.ReadDir(string(d))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			yield(Entry{}, files.Named(string(d), err))
			return
		}
		for _, e := range all {
			if ctx.Err() != nil {
				yield(Entry{}, ctx.Err())
				return
			}
			info, err := e.Info()
			if err != nil || !info.Mode().IsRegular() || strings.HasPrefix(e.Name(), temporary) {
				continue // it has just been removed, or is no result
			}
			if !yield(Entry{path.Base(e.Name()), info.Size(), info.ModTime()}, nil) {
				return
			}
		}
	}
}
