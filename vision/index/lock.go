package index

import (
	"context"
	"os"
	"time"
)

// lockIndex locks the index at path for writing until unlock. If another process has
// locked it, lockIndex calls waiting and waits. The operating system locks a file
// beside the index. The lock ends with the process, however that ends, so a file that
// is left behind locks nothing.
func lockIndex(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
	path += ".lock"
	for told := false; ; {
		f, locked, err := openLocked(path)
		if err != nil {
			return nil, err
		}
		if locked {
			return func() { unlockFile(f, path) }, nil
		}
		if !told {
			told = true
			waiting()
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// openLocked opens and locks the file at path, unless another process has
// locked it or has just removed it.
func openLocked(path string) (f *os.File, locked bool, err error) {
	if f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return nil, false, err
	}
	if locked, err = lockFile(f); locked {
		mine, err := f.Stat()
		there, gone := os.Stat(path)
		if err == nil && gone == nil && os.SameFile(mine, there) {
			return f, true, nil
		}
	}
	f.Close()
	return nil, false, err
}
