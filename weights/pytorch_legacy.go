package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// legacyMagic is 0x1950a86a20f9469cfc6c, the first value of a file.
const legacyMagic = long("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19")

// isLegacy reports whether the file starts with the pickle of legacyMagic.
func isLegacy(file []byte) bool {
	magic, _, err := unpickle(file[:min(len(file), 64)], nil, nil)
	return err == nil && magic == legacyMagic
}

// readLegacy reads the format of torch.save before version 1.6: pickles of a
// magic number, the format's version, the machine that wrote it, the value and
// the keys of its storages, then for each key the number of elements and the
// elements.
func readLegacy(file []byte) (any, error) {
	if !isLegacy(file) {
		return nil, errors.New("neither a zip archive nor a file of torch.save: no magic number")
	}
	at := 0
	next := func(what string, persistent func(any) (any, error)) (any, error) {
		v, n, err := unpickle(file[at:], construct(len(file)), persistent)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		at += n
		return v, nil
	}
	if _, err := next("magic number", nil); err != nil {
		return nil, err
	}
	version, err := next("version", nil)
	if err != nil {
		return nil, err
	}
	if version != int64(1001) {
		return nil, fmt.Errorf("version %v of the format is not read", version)
	}
	system, err := next("system", nil)
	if err != nil {
		return nil, err
	}
	if d := dictionary(system); d == nil || d.get("little_endian") == false {
		return nil, errors.New("written by a big-endian machine, which is not read")
	}
	blobs := map[string]*blob{}
	value, err := next("value", func(id any) (any, error) {
		s, err := newStorage(id)
		if err != nil {
			return nil, err
		}
		if s == nil {
			return sequence(id)[1], nil
		}
		if blobs[s.key] == nil {
			blobs[s.key] = &blob{dtype: s.dtype}
		}
		s.blob = blobs[s.key]
		return s, nil
	})
	if err != nil {
		return nil, err
	}
	keys, err := next("keys", nil)
	if err != nil {
		return nil, err
	}
	for _, k := range sequence(keys) {
		key, _ := k.(string)
		b := blobs[key]
		if b == nil || b.data != nil {
			return nil, fmt.Errorf("storage %v is of no tensor, or twice in the file", k)
		}
		n, err := b.read(file[at:])
		if err != nil {
			return nil, fmt.Errorf("storage %s: %w", key, err)
		}
		at += n
	}
	for key, b := range blobs {
		if b.data == nil {
			return nil, fmt.Errorf("storage %s is not in the file", key)
		}
	}
	return value, nil
}

// read takes a count of elements and the elements from the start of file, and
// returns their length in bytes.
func (b *blob) read(file []byte) (int, error) {
	if len(file) < 8 {
		return 0, errors.New("the file ends before it")
	}
	n, width := binary.LittleEndian.Uint64(file), uint64(max(1, sizes[b.dtype]))
	file = file[8:]
	if n > uint64(len(file))/width {
		return 0, fmt.Errorf("%d elements of %d bytes, %d bytes are left", n, width, len(file))
	}
	b.data = file[: n*width : n*width]
	b.size = int64(n * width)
	return 8 + len(b.data), nil
}
