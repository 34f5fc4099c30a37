package onnx

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/internal/mapped"
	"github.com/vertebra/vertebra/tensor"
)

// mostRank is the most dimensions that a tensor of a file may have.
const mostRank = 64

// Tensor is a tensor of a file. Array reads its numbers.
type Tensor struct {
	Name string
	Type Type
	Dims []int64

	model    *Model
	raw      []byte // little-endian elements
	floats   []byte // of float_data, double_data: little-endian
	ints     []byte // of int32_data, int64_data, uint64_data: varints
	strings  int
	outside  bool // the elements are in another file
	external map[string]string
}

func readTensor(b []byte, m *Model) (*Tensor, error) {
	t := &Tensor{model: m}
	if err := m.parts.take(); err != nil {
		return t, err
	}
	err := t.read(b)
	if t.outside {
		m.outside = append(m.outside, t.external["location"])
	}
	return t, err
}

// ReadTensor reads a tensor that is a file of its own, as in test data.
func ReadTensor(data []byte) (*Array, error) {
	t, err := readTensor(data, &Model{})
	if err != nil {
		return nil, fmt.Errorf("not a tensor: %w", err)
	}
	return t.Array()
}

func (t *Tensor) read(b []byte) error {
	return fields(b, func(x field) error {
		switch x.key {
		case 1*8 + varint:
			t.Dims = append(t.Dims, int64(x.n))
		case 1*8 + length:
			if err := varints(x.b, func(v uint64) { t.Dims = append(t.Dims, int64(v)) }); err != nil {
				return err
			}
		case 2*8 + varint:
			t.Type = Type(x.n)
		case 3*8 + length:
			return fmt.Errorf("tensor %.80q is in segments, which are not supported", t.Name)
		case 4*8 + fixed32, 4*8 + length, 10*8 + fixed64, 10*8 + length:
			t.floats = join(t.floats, x.b)
		case 5*8 + varint, 5*8 + length, 7*8 + varint, 7*8 + length, 11*8 + varint, 11*8 + length:
			t.ints = join(t.ints, x.b)
		case 6*8 + length:
			t.strings++
		case 8*8 + length:
			t.Name = string(x.b)
		case 9*8 + length:
			t.raw = x.b[:len(x.b):len(x.b)]
		case 13*8 + length:
			if t.external == nil {
				t.external = map[string]string{}
			}
			return readEntry(t.external, x.b)
		case 14*8 + varint:
			t.outside = x.n == 1
		}
		if len(t.Dims) > mostRank {
			return fmt.Errorf("tensor %.80q has more than %d dimensions", t.Name, mostRank)
		}
		return nil
	})
}

// Shape returns the dimensions, or an error if there is no such tensor.
func (t *Tensor) Shape() (tensor.Shape, error) {
	s, n := make(tensor.Shape, len(t.Dims)), int64(1)
	for i, d := range t.Dims {
		if d < 0 || d > mostElements/n {
			return nil, fmt.Errorf("tensor %.80q has dimensions %v", t.Name, t.Dims)
		}
		s[i], n = int(d), max(n*d, 1)
	}
	return s, nil
}

// mostElements is far below overflow of int64 bytes.
const mostElements = 1 << 31 * 8

// Array reads the numbers. Large float32 tensors stay in the file.
func (t *Tensor) Array() (*Array, error) {
	a, err := t.array()
	if err != nil {
		return nil, fmt.Errorf("tensor %.80q: %w", t.Name, err)
	}
	return a, nil
}

func (t *Tensor) array() (*Array, error) {
	s, err := t.Shape()
	if err != nil {
		return nil, err
	}
	bits := t.Type.bits()
	if bits == 0 {
		return nil, fmt.Errorf("elements of type %v are not read", t.Type)
	}
	n := s.Len()
	bytes := (int64(n)*int64(bits) + 7) / 8
	raw, file, err := t.bytes(bytes)
	switch {
	case err != nil:
		return nil, err
	case raw == nil && n > 0:
		return t.typed(s)
	case int64(len(raw)) != bytes:
		return nil, fmt.Errorf("%d bytes, but %v %v takes %d", len(raw), t.Type, s, bytes)
	}
	if t.Type == Float32 {
		if x := file.Tensor(t.Name, s, raw); x != nil {
			return &Array{Type: t.Type, Shape: s, F: x.Data, name: t.Name, unload: x.Unload}, nil
		}
	}
	a := newArray(t.Type, s)
	a.name = t.Name
	a.decode(raw)
	file.Release(raw)
	return a, nil
}

// bytes returns the little-endian elements, n bytes of them, and the mapped file that
// they lie in. They are nil if the elements are stored as numbers.
func (t *Tensor) bytes(n int64) ([]byte, *mapped.File, error) {
	if !t.outside {
		return t.raw, t.model.file, nil
	}
	where := t.external["location"]
	offset, err := t.number("offset", 0)
	if err != nil {
		return nil, nil, err
	}
	size, err := t.number("length", n)
	if err != nil {
		return nil, nil, err
	}
	f, err := t.model.open(where)
	if err != nil {
		return nil, nil, err
	}
	if all := int64(len(f.Data)); size != n || offset > all || size > all-offset {
		return nil, nil, fmt.Errorf("%d bytes from %d on of %s, which has %d; %v %v takes %d", size, offset, files.Quote(where), all, t.Type, t.Dims, n)
	}
	return f.Data[offset : offset+size : offset+size], f, nil
}

func (t *Tensor) number(key string, absent int64) (int64, error) {
	s, ok := t.external[key]
	if !ok {
		return absent, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s of external data is %.40q", key, s)
	}
	return n, nil
}

// open maps a file with external data. Its name stays inside the model's folder; a
// link that somebody has put there may lead elsewhere.
func (m *Model) open(name string) (*mapped.File, error) {
	local := filepath.FromSlash(name)
	if m.folder == "" || !filepath.IsLocal(local) {
		return nil, fmt.Errorf("external data in %s, which is not inside the model's folder", files.Quote(name))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.external[name]; f != nil {
		return f, nil
	}
	f, err := mapped.Open(filepath.Join(m.folder, local))
	if err != nil {
		return nil, err
	}
	m.external[name] = f
	return f, nil
}

// typed reads elements that are stored as numbers.
func (t *Tensor) typed(s tensor.Shape) (*Array, error) {
	// A number takes at least a byte, so that the array is bounded by the file.
	if most := len(t.floats) + len(t.ints); s.Len() > most*(8/min(8, t.Type.bits())) {
		return nil, fmt.Errorf("%d bytes of numbers for %v", most, s)
	}
	a := newArray(t.Type, s)
	a.name = t.Name
	n := 0
	switch t.Type {
	case Float32:
		for b := t.floats; len(b) >= 4; b = b[4:] {
			if n < len(a.F) {
				a.F[n] = math.Float32frombits(little.Uint32(b))
			}
			n++
		}
	case Float64:
		for b := t.floats; len(b) >= 8; b = b[8:] {
			if n < len(a.D) {
				a.D[n] = math.Float64frombits(little.Uint64(b))
			}
			n++
		}
	default:
		bits := t.Type.bits()
		per := 1 // elements in a number
		if bits < 8 {
			per = 8 / bits
		}
		for b := t.ints; len(b) > 0; {
			v, used := protowire.ConsumeVarint(b)
			if used < 0 {
				return nil, protowire.ParseError(used)
			}
			b = b[used:]
			for i := range per {
				if n < s.Len() {
					a.setCode(n, v>>(i*bits))
					n++
				} else if per == 1 {
					n++
				}
			}
		}
	}
	if n != s.Len() {
		return nil, fmt.Errorf("%d numbers for %v", n, s)
	}
	return a, nil
}
