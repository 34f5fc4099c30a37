package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// lockFile keeps other processes from locking f until it is closed. What is
// locked is a byte far past its end, since others may read f.
func lockFile(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 30})
}
