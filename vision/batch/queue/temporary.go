package queue

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// temporary begins the names of engines' folders.
const temporary = "vertebra-queue-"

// settled is the age from which a folder that nobody has locked belongs to nobody: a new
// one is locked a moment after it is made.
const settled = time.Minute

// newFolder makes the folder of an engine, which this process locks as long as it lives. It
// removes the folders of engines that were killed.
func newFolder() (folder string, lock *flock.Flock, err error) {
	if folder, err = os.MkdirTemp("", temporary); err != nil {
		return "", nil, err
	}
	lock = flock.New(lockOf(folder))
	if _, err := lock.TryLock(); err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(folder))
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(folder), temporary+"*"))
	if err != nil {
		return folder, lock, nil // the name of the folder of temporaries is a pattern
	}
	for _, other := range left {
		if info, err := os.Stat(other); err == nil && info.IsDir() && time.Since(info.ModTime()) > settled {
			sweep(other)
		}
	}
	return folder, lock, nil
}

func lockOf(folder string) string { return filepath.Join(folder, "lock") }

// sweep removes a folder that nobody has locked. Those of other users stay.
func sweep(folder string) {
	lock := flock.New(lockOf(folder))
	if mine, err := lock.TryLock(); err != nil || !mine {
		return
	}
	lock.Unlock() // Windows removes no open file
	os.RemoveAll(folder)
}
