// Package mapped maps files read-only into the address space. A tensor may lie in
// the mapping, without a copy.
package mapped

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/edsrzf/mmap-go"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
)

// File is a mapped file. A nil File holds nothing, as for bytes in memory.
type File struct {
	Data  mmap.MMap // nil after Close
	Least int       // smallest tensor, in bytes, that is used in place
	Align uintptr   // float32 numbers used in place have an address that is a multiple of this

	seen atomic.Bool // some tensor is used in place
}

// Least returns the size in bytes of the smallest tensor that is used in place, on
// a machine with this byte order. A smaller tensor shares its pages with others and
// is not worth keeping the file mapped. A big-endian machine uses none in place.
func Least(order binary.ByteOrder) int {
	if order.Uint16([]byte{1, 0}) != 1 {
		return math.MaxInt
	}
	return 64 << 10
}

// Align returns the alignment in bytes that float32 numbers need on this machine.
// Files written by torch.save before version 1.6 do not align them. Go allows
// unaligned pointers to data that holds no pointers (go.dev/issue/37298).
func Align(machine string) uintptr {
	switch machine {
	case "amd64", "arm64":
		return 1
	}
	return 4
}

// Open maps the regular file at path.
func Open(path string) (*File, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() == 0 {
		return nil, fmt.Errorf("%s: empty", files.Quote(path))
	}
	data, err := mmap.Map(f, mmap.RDONLY, 0)
	if err != nil {
		return nil, files.Named(path, err)
	}
	return &File{Data: data, Least: Least(binary.NativeEndian), Align: Align(runtime.GOARCH)}, nil
}

// Tensor returns a tensor that uses the float32 numbers in part in place, or nil
// if that is impossible or not worthwhile. The file then stays mapped, because
// nothing tells when the last slice of it is dropped.
func (m *File) Tensor(name string, s tensor.Shape, part []byte) *tensor.Tensor {
	t := m.tensor(name, s, part, 4)
	if t != nil {
		t.Data = unsafe.Slice((*float32)(unsafe.Pointer(&part[0])), len(part)/4)
	}
	return t
}

// Halves is Tensor for float16 numbers.
func (m *File) Halves(name string, s tensor.Shape, part []byte) *tensor.Tensor {
	t := m.tensor(name, s, part, 2)
	if t != nil {
		t.Halves = unsafe.Slice((*uint16)(unsafe.Pointer(&part[0])), len(part)/2)
	}
	return t
}

// tensor returns a tensor without numbers for part, whose numbers have some bytes each,
// or nil if it cannot be used in place.
func (m *File) tensor(name string, s tensor.Shape, part []byte, bytes uintptr) *tensor.Tensor {
	if !m.Holds(part) || len(part) < m.Least || uintptr(unsafe.Pointer(&part[0]))%min(m.Align, bytes) != 0 {
		return nil
	}
	m.seen.Store(true)
	return &tensor.Tensor{Name: name, Shape: s.Clone(), Unload: func() { m.Release(part) }}
}

// Holds reports whether part lies in the mapped file.
func (m *File) Holds(part []byte) bool {
	if m == nil || len(m.Data) == 0 || len(part) == 0 {
		return false
	}
	base, at := uintptr(unsafe.Pointer(&m.Data[0])), uintptr(unsafe.Pointer(&part[0]))
	return at >= base && at+uintptr(len(part)) <= base+uintptr(len(m.Data))
}

// Close unmaps the file, unless a tensor uses it in place. It is idempotent.
func (m *File) Close() error {
	if m == nil || m.Data == nil || m.seen.Load() {
		return nil
	}
	return m.Data.Unmap()
}
