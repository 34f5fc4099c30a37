//go:build unix

package gpu

import (
	"io/fs"
	"syscall"
)

// number returns what tells a folder from one that has its name later, or 0.
func number(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Ino)
	}
	return 0
}
