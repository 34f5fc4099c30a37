// Package store keeps files that are written once: in a folder, or in a bucket of S3. It
// opens and lists files that are in either.
package store

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/vertebra/vertebra/internal/files"
)

// Store keeps files that are written once. Several processes may write to it.
type Store interface {
	// Create makes a file of what write writes, unless there is a file of that name. It
	// reports whether it has made the file. A file is there whole or not at all. The name
	// may have folders, with slashes.
	Create(ctx context.Context, name string, write func(io.Writer) error) (made bool, err error)

	// Open opens a file. If there is none, the error is fs.ErrNotExist.
	Open(ctx context.Context, name string) (*File, error)

	// List yields the files whose names have no slash.
	List(ctx context.Context) iter.Seq2[Entry, error]
}

// Entry is a file in a list.
type Entry struct {
	Path string
	Size int64
	Time time.Time // of the last change
}

// File is an open file. Goroutines may share it.
type File struct {
	io.ReaderAt
	Entry
	close func() error
}

// Close closes the file.
func (f *File) Close() error { return f.close() }

// open opens a regular file of the disk.
func open(path string) (*File, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(files.Named(path, err), f.Close())
	}
	return &File{f, Entry{path, info.Size(), info.ModTime()}, f.Close}, nil
}
