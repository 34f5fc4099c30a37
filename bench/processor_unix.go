//go:build unix

package bench

import (
	"syscall"
	"time"
)

// processorTime returns what all cores have spent on this process.
func processorTime() (spent time.Duration, known bool) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, false
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), true
}
