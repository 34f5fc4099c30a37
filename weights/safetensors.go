package weights

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/internal/mapped"
	"github.com/vertebra/vertebra/tensor"
)

// Safetensors is a file in the safetensors format
// (https://github.com/huggingface/safetensors): a JSON header with the type,
// shape and place of each tensor, followed by the data.
type Safetensors struct {
	// Metadata is the header's "__metadata__".
	Metadata map[string]string

	data    []byte
	entries map[string]Entry
	names   []string
	file    *mapped.File
}

// Entry describes a tensor as a checkpoint stores it.
type Entry struct {
	DType string // F32, F16, BF16, F64, I64, I32, I16, I8, U8, BOOL, …, as safetensors names them
	Shape tensor.Shape
	Bytes int64 // size of all elements

	at int64
}

// OpenSafetensors maps the file at path. The caller closes it.
func OpenSafetensors(path string) (*Safetensors, error) {
	m, err := mapped.Open(path)
	if err != nil {
		return nil, err
	}
	s, err := ReadSafetensors(m.Data)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", files.Quote(path), err), m.Close())
	}
	s.file = m
	return s, nil
}

// ReadSafetensors reads a file from memory. It keeps file, without copying it.
func ReadSafetensors(file []byte) (*Safetensors, error) {
	if len(file) < 8 {
		return nil, fmt.Errorf("not a safetensors file: %d bytes are too few for a header", len(file))
	}
	n := binary.LittleEndian.Uint64(file)
	if n > uint64(len(file)-8) {
		if len(file) == 8 || file[8] != '{' {
			return nil, errors.New("not a safetensors file: it does not begin with a header")
		}
		return nil, fmt.Errorf("safetensors: header of %d bytes in a file of %d", n, len(file))
	}
	header, data := file[8:8+n], file[8+n:]
	lines, err := headerLines(header)
	if err != nil {
		return nil, fmt.Errorf("safetensors: header: %w", err)
	}
	s := &Safetensors{data: data, entries: make(map[string]Entry, len(lines)), names: make([]string, 0, len(lines))}
	type place struct {
		name string
		at   int64
	}
	places := make([]place, 0, len(lines))
	for name, text := range lines {
		if name == "__metadata__" {
			if err := json.Unmarshal(text, &s.Metadata); err != nil {
				return nil, fmt.Errorf("safetensors: header: metadata: %w", err)
			}
			continue
		}
		h, err := parseLine(text)
		if err != nil {
			return nil, fmt.Errorf("safetensors: header: %s: %w", shown(name), err)
		}
		e, err := entry(h.DType, h.Shape, h.Offsets, int64(len(data)))
		if err != nil {
			return nil, fmt.Errorf("safetensors: header: %s: %w", shown(name), err)
		}
		s.entries[name] = e
		places = append(places, place{name, e.at})
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.name, b.name)) })
	for _, p := range places {
		s.names = append(s.names, p.name)
	}
	return s, nil
}

// headerLines returns the values of a header by name.
func headerLines(header []byte) (map[string]json.RawMessage, error) {
	if err := checkJSON(header); err != nil {
		return nil, err
	}
	var lines map[string]json.RawMessage
	return lines, json.Unmarshal(header, &lines)
}

// entry checks one line of the header against the size of the data.
func entry(dtype string, shape, offsets []int64, size int64) (Entry, error) {
	if len(offsets) != 2 || offsets[0] < 0 || offsets[1] < offsets[0] || offsets[1] > size {
		return Entry{}, fmt.Errorf("offsets %.4v are outside the %d bytes of data", offsets[:min(len(offsets), 4)], size)
	}
	if len(shape) > maxRank {
		return Entry{}, fmt.Errorf("%d dimensions, more than %d", len(shape), maxRank)
	}
	e := Entry{DType: dtype, Shape: make(tensor.Shape, len(shape)), Bytes: offsets[1] - offsets[0], at: offsets[0]}
	width, known := sizes[dtype]
	most := size
	if !known { // an element has some bits
		width, most = 1, 8*e.Bytes
	}
	n := width
	if slices.Contains(shape, 0) {
		n = 0
	}
	for i, d := range shape {
		if d < 0 || d > math.MaxInt || d > 0 && n > most/d {
			return Entry{}, fmt.Errorf("shape %v does not fit in %d bytes of data", shape, e.Bytes)
		}
		n *= d
		e.Shape[i] = int(d)
	}
	if known && n != e.Bytes {
		return Entry{}, fmt.Errorf("shape %v of %s needs %d bytes, but the offsets give %d", shape, shown(dtype), n, e.Bytes)
	}
	return e, nil
}

// Names lists the tensors in the order of their data.
func (s *Safetensors) Names() []string { return s.names }

// Entry describes a tensor without reading it.
func (s *Safetensors) Entry(name string) (Entry, bool) {
	e, ok := s.entries[name]
	return e, ok
}

// Bytes returns the stored bytes of a tensor, valid until Close.
func (s *Safetensors) Bytes(name string) ([]byte, error) {
	e, ok := s.entries[name]
	if !ok {
		return nil, fmt.Errorf("safetensors: no tensor %s", shown(name))
	}
	return s.data[e.at : e.at+e.Bytes], nil
}

// Tensor returns a copy of a tensor, converted to float32.
func (s *Safetensors) Tensor(name string) (*tensor.Tensor, error) {
	raw, err := s.Bytes(name)
	if err != nil {
		return nil, err
	}
	e := s.entries[name]
	if !readable(e.DType) {
		return nil, fmt.Errorf("safetensors: %s: %w", shown(name), decode(nil, nil, e.DType))
	}
	t := tensor.New(e.Shape...)
	t.Name = name
	if err := decode(t.Data, raw, e.DType); err != nil {
		return nil, fmt.Errorf("safetensors: %s: %w", shown(name), err)
	}
	s.file.Release(raw)
	return t, nil
}

// View returns a tensor in place in the mapped file; see Checkpoint.
func (s *Safetensors) View(name string) (*tensor.Tensor, error) {
	raw, err := s.Bytes(name)
	if err != nil {
		return nil, err
	}
	e := s.entries[name]
	if t := inPlace(s.file, name, e, raw); t != nil {
		return t, nil
	}
	return s.Tensor(name)
}

// inPlace returns a tensor whose numbers lie in a mapped file, or nil.
func inPlace(m *mapped.File, name string, e Entry, raw []byte) *tensor.Tensor {
	switch {
	case e.DType == "F32":
		return m.Tensor(name, e.Shape, raw)
	case e.DType == "F16" && len(e.Shape) > 1:
		return m.Halves(name, e.Shape, raw)
	}
	return nil
}

// Close unmaps the file; see Checkpoint. It is idempotent.
func (s *Safetensors) Close() error {
	s.data, s.entries, s.names = nil, nil, nil
	return s.file.Close()
}

// WriteSafetensors writes the metadata and the tensors, as F32 in the given
// order, to a file at path. Every tensor needs a Name of its own. path never holds a
// half-written file.
func WriteSafetensors(path string, metadata map[string]string, tensors ...*tensor.Tensor) (err error) {
	header := map[string]any{}
	if len(metadata) > 0 {
		header["__metadata__"] = metadata
	}
	at := 0
	for _, t := range tensors {
		if _, twice := header[t.Name]; twice || t.Name == "" {
			return fmt.Errorf("safetensors: name %q is empty or used twice", t.Name)
		}
		if n := len(t.Data) + len(t.Halves); t.Shape.Len() != n {
			return fmt.Errorf("safetensors: %s has %d elements", t, n)
		}
		shape := t.Shape
		if shape == nil {
			shape = tensor.Shape{}
		}
		header[t.Name] = map[string]any{"dtype": "F32", "shape": shape, "data_offsets": []int{at, at + 4*shape.Len()}}
		at += 4 * shape.Len()
	}
	text, err := json.Marshal(header)
	if err != nil {
		return err
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	return files.Write(path, func(w io.Writer) error {
		if err := binary.Write(w, binary.LittleEndian, uint64(len(text))); err != nil {
			return err
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
		for _, t := range tensors {
			if err := binary.Write(w, binary.LittleEndian, t.Floats(nil).Data); err != nil {
				return err
			}
		}
		return nil
	})
}
