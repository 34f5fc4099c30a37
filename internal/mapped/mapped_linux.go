package mapped

import (
	"os"
	"syscall"
	"unsafe"
)

// Release tells the kernel that part of the mapped file has been read. Its whole
// pages leave the resident memory of this process, so that loading a checkpoint
// does not hold it twice. Reading part again loads them again.
func (m *File) Release(part []byte) {
	if !m.Holds(part) {
		return
	}
	page := uintptr(os.Getpagesize())
	base := uintptr(unsafe.Pointer(&m.Data[0]))
	at := uintptr(unsafe.Pointer(&part[0]))
	from, to := (at-base)&^(page-1), (at-base+uintptr(len(part)))&^(page-1)
	if from < to {
		// This is a hint: a refusal does no harm.
		_ = syscall.Madvise(m.Data[from:to], syscall.MADV_DONTNEED)
	}
}
