package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/gofrs/flock"

	"github.com/vertebra/vertebra/internal/files"
)

// HeldError says that another process has a lock.
type HeldError struct{ By string }

func (e *HeldError) Error() string { return "locked by " + e.By }

// Lock takes a lock, which this process has until unlock or its end, even a sudden one. The
// lock is a file, and by, which is in it, says whose it is. If another process has the lock,
// the error is a HeldError. If the file system has no locks, it is errors.ErrUnsupported.
func (d Folder) Lock(name, by string) (unlock func() error, err error) {
	path := filepath.Join(string(d), name)
	lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o666))
	switch mine, err := lock.TryLock(); {
	case errors.Is(err, syscall.ENOLCK):
		return nil, fmt.Errorf("%w: %w", errors.ErrUnsupported, files.Named(path, err))
	case err != nil:
		return nil, files.Named(path, err)
	case !mine:
		return nil, &HeldError{holder(path)}
	}
	if err := sign(path, by); err != nil {
		return nil, errors.Join(files.Named(path, err), lock.Unlock())
	}
	return lock.Unlock, nil
}

// beyond is where the text in a lock begins. Windows lets no other process read what is
// locked, which is the first byte.
const beyond = 1

// sign writes whose a lock is.
func sign(path, by string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(by+"\n"), beyond)
	return errors.Join(err, f.Truncate(int64(beyond+len(by)+1)), f.Close())
}

// holder reads whose a lock is.
func holder(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return "another process"
	}
	defer f.Close()
	text := make([]byte, 1024)
	n, _ := f.ReadAt(text, beyond)
	by, _, whole := strings.Cut(string(text[:n]), "\n")
	if !whole { // it is being written
		return "another process"
	}
	return by
}
