package weights

import (
	"fmt"
	"os"

	"github.com/edsrzf/mmap-go"
)

// mapping is a file in the address space, read only.
type mapping struct {
	data mmap.MMap // nil once closed, and for a file read from memory
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
	return &mapping{data}, nil
}

// close is idempotent.
func (m *mapping) close() error {
	if m == nil || m.data == nil {
		return nil
	}
	return m.data.Unmap()
}
