package weights

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

// mapping is a file mapped read-only into the address space.
type mapping struct {
	data  mmap.MMap   // nil after close, and for a file read from memory
	least int         // smallest tensor, in bytes, that is used in place
	align uintptr     // a tensor used in place has an address that is a multiple of this
	seen  atomic.Bool // some tensor is used in place
}

// leastSeen returns the size in bytes of the smallest tensor that is used in
// place, on a machine with this byte order. A smaller tensor shares its pages
// with others and is not worth keeping the file mapped. A big-endian machine
// uses none in place.
func leastSeen(order binary.ByteOrder) int {
	if order.Uint16([]byte{1, 0}) != 1 {
		return math.MaxInt
	}
	return 64 << 10
}

// alignment returns the alignment in bytes that float32 numbers need on this
// machine. Files written by torch.save before version 1.6 do not align them. Go
// allows unaligned pointers to data that holds no pointers (go.dev/issue/37298).
func alignment(machine string) uintptr {
	switch machine {
	case "amd64", "arm64":
		return 1
	}
	return 4
}

func mapFile(path string) (*mapping, error) {
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
	return &mapping{data: data, least: leastSeen(binary.NativeEndian), align: alignment(runtime.GOARCH)}, nil
}

// tensor returns a tensor that uses the float32 numbers in part in place, or nil
// if that is impossible or not worthwhile. The file then stays mapped, because
// nothing tells when the last slice of it is dropped.
func (m *mapping) tensor(name string, s tensor.Shape, part []byte) *tensor.Tensor {
	if !m.holds(part) || len(part) < m.least || uintptr(unsafe.Pointer(&part[0]))%m.align != 0 {
		return nil
	}
	m.seen.Store(true)
	return &tensor.Tensor{
		Name: name, Shape: s.Clone(),
		Data:   unsafe.Slice((*float32)(unsafe.Pointer(&part[0])), len(part)/4),
		Unload: func() { m.release(part) },
	}
}

// holds reports whether part lies in the mapped file.
func (m *mapping) holds(part []byte) bool {
	if m == nil || len(m.data) == 0 || len(part) == 0 {
		return false
	}
	base, at := uintptr(unsafe.Pointer(&m.data[0])), uintptr(unsafe.Pointer(&part[0]))
	return at >= base && at+uintptr(len(part)) <= base+uintptr(len(m.data))
}

// close unmaps the file, unless a tensor uses it in place. It is idempotent.
func (m *mapping) close() error {
	if m == nil || m.data == nil || m.seen.Load() {
		return nil
	}
	return m.data.Unmap()
}
