// Package files opens and writes files by names that strangers chose. Open and
// ReadFile read regular files only, so that no pipe or device makes them wait. Write
// never leaves a half-written file. Quote shows a name without letting it speak to the
// terminal.
package files

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrNotRegular is in the error for a folder, a device, a pipe or a socket.
var ErrNotRegular = errors.New("not a regular file")

// irregular is the error for something else than a regular file.
type irregular struct{ kind string }

func (e irregular) Error() string        { return e.kind + ", want a regular file" }
func (e irregular) Is(target error) bool { return target == ErrNotRegular }

// Open opens the regular file at path, or at the end of the link at path. It never
// waits for a pipe or a device: its error says what stands there.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, Named(path, err)
	}
	if err := Regular(info); err != nil {
		return nil, Named(path, err)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, Named(path, err)
	}
	if info, err = f.Stat(); err == nil {
		err = Regular(info) // another file may have taken its place
	}
	if err != nil {
		return nil, errors.Join(Named(path, err), f.Close())
	}
	return f, nil
}

// Regular returns an error that says what info is about, unless it is a regular file.
func Regular(info fs.FileInfo) error {
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		return irregular{"a folder"}
	case mode&fs.ModeNamedPipe != 0:
		return irregular{"a named pipe"}
	case mode&fs.ModeSocket != 0:
		return irregular{"a socket"}
	case mode&fs.ModeDevice != 0:
		return irregular{"a device"}
	case mode&fs.ModeSymlink != 0:
		return irregular{"a symbolic link"}
	}
	return irregular{"no regular file"}
}

// Walk is filepath.WalkDir for a folder or a link to one.
func Walk(root string, walk fs.WalkDirFunc) error {
	if info, err := os.Lstat(root); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		root += string(filepath.Separator) // the folder that the link leads to
	}
	return filepath.WalkDir(root, walk)
}

// ReadFile reads the file at path, which Open opens.
func ReadFile(path string) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, Named(path, err)
	}
	return data, nil
}

// Named returns err with path, as Quote shows it, before it. If err comes from the file
// system, path takes the place of the call and of the path in its text.
func Named(path string, err error) error {
	if err == nil {
		return nil
	}
	if n, ok := err.(*named); ok && n.path == path {
		return n
	}
	n := &named{path: path, why: err, err: err}
	var other *named
	var p *fs.PathError
	var l *os.LinkError
	var s *os.SyscallError
	switch {
	case errors.As(err, &other): // about another file, which stays in the text
	case errors.As(err, &p):
		n.why = p.Err
	case errors.As(err, &l):
		n.why = l.Err
	case errors.As(err, &s):
		n.why = s.Err
	}
	return n
}

// named is an error about the file at path. why is its text.
type named struct {
	path     string
	why, err error
}

func (e *named) Error() string { return Quote(e.path) + ": " + e.why.Error() }
func (e *named) Unwrap() error { return e.err }
