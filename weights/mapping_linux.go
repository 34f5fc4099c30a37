package weights

import (
	"os"
	"syscall"
	"unsafe"
)

// release tells the kernel that part, which lies in the mapped file, has been
// read: its whole pages leave this process's resident memory, so that loading
// a checkpoint does not hold it twice. They may be read again.
func (m *mapping) release(part []byte) {
	if !m.holds(part) {
		return
	}
	page := uintptr(os.Getpagesize())
	base := uintptr(unsafe.Pointer(&m.data[0]))
	at := uintptr(unsafe.Pointer(&part[0]))
	from, to := (at-base)&^(page-1), (at-base+uintptr(len(part)))&^(page-1)
	if from < to {
		// A hint: there is nothing to do if it is refused.
		_ = syscall.Madvise(m.data[from:to], syscall.MADV_DONTNEED)
	}
}
