//go:build unix && !solaris && !illumos && !aix

package index

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lockFile locks f until it is closed. It returns false if another process has locked
// it.
func lockFile(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, os.NewSyscallError("flock", err)
}

// unlockFile removes the locked file at path and closes it. It removes the file first,
// while no other process can lock it.
func unlockFile(f *os.File, path string) {
	os.Remove(path)
	f.Close()
}
