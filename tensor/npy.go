package tensor

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// WriteNPY writes t in NumPy's format, version 1.0: float32, row-major.
func (t *Tensor) WriteNPY(w io.Writer) error {
	var shape strings.Builder
	for _, d := range t.Shape {
		fmt.Fprintf(&shape, "%d, ", d)
	}
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", strings.TrimSuffix(shape.String(), " "))
	const before = 10 // bytes of magic, version and length
	header += strings.Repeat(" ", 63-(before+len(header))%64) + "\n"
	start := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header)))
	if _, err := w.Write(append(start, header...)); err != nil {
		return err
	}
	return binary.Write(w, binary.LittleEndian, t.Data)
}
