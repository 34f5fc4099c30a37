//go:build unix && !solaris && !illumos && !aix

package index

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lockFile keeps other processes from locking f until it is closed; false if one
// has locked it.
func lockFile(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, os.NewSyscallError("flock", err)
}

// unlockFile closes the locked file at path and removes it: first, while nobody
// else can have locked it.
func unlockFile(f *os.File, path string) {
	os.Remove(path)
	f.Close()
}
