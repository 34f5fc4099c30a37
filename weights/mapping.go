package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/edsrzf/mmap-go"

	"github.com/vertebra/vertebra/tensor"
)

// mapping is a file in the address space, read only.
type mapping struct {
	data  mmap.MMap // nil once unmapped, and for a file read from memory
	least int       // bytes of a tensor that is seen in place
	align uintptr   // of its address
	seen  atomic.Bool
}

// leastSeen is the fewest bytes of a tensor that is seen in the file, on a
// machine of this byte order. A smaller one shares its pages with others and is
// not worth keeping the file mapped; big-endian machines see none.
func leastSeen(order binary.ByteOrder) int {
	if order.Uint16([]byte{1, 0}) != 1 {
		return math.MaxInt
	}
	return 64 << 10
}

// alignment is what the address of float32 numbers has to be a multiple of on
// this machine. Files of torch.save before version 1.6 do not align them, and
// Go allows such pointers to what holds no pointers (go.dev/issue/37298).
func alignment(machine string) uintptr {
	switch machine {
	case "amd64", "arm64":
		return 1
	}
	return 4
}

func mapFile(path string) (*mapping, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return nil, fmt.Errorf("%s: empty, or no regular file", path)
	}
	data, err := mmap.Map(f, mmap.RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &mapping{data: data, least: leastSeen(binary.NativeEndian), align: alignment(runtime.GOARCH)}, nil
}

// tensor is a tensor of the float32 numbers in part, where they are; nil if that
// cannot be or is not worth it. The file then stays mapped: nothing tells when a
// slice that lies in it is no longer used.
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

// close unmaps the file, unless tensors lie in it. It is idempotent.
func (m *mapping) close() error {
	if m == nil || m.data == nil || m.seen.Load() {
		return nil
	}
	return m.data.Unmap()
}
