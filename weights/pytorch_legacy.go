package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// legacyMagic is 0x1950a86a20f9469cfc6c, the first value in a file.
const legacyMagic = long("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19")

// isLegacy reports whether file starts with legacyMagic, pickled.
func isLegacy(file []byte) bool {
	magic, _, err := unpickle(file[:min(len(file), 64)], newQuota(0), nil, nil)
	return err == nil && magic == legacyMagic
}

// readLegacy reads the format of torch.save before version 1.6. The file holds
// five pickles: a magic number, the version of the format, the system that wrote
// it, the value and the keys of its storages. The number of elements and the
// elements of each storage follow.
func readLegacy(file []byte, q *quota) (any, error) {
	if !isLegacy(file) {
		return nil, errors.New("neither a zip archive nor a file of torch.save: the magic number is missing")
	}
	at := 0
	next := func(what string, persistent func(any) (any, error)) (any, error) {
		v, n, err := unpickle(file[at:], q, construct(q), persistent)
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
		return nil, fmt.Errorf("version %s of the format is not supported", brief(version))
	}
	system, err := next("system", nil)
	if err != nil {
		return nil, err
	}
	if d := dictionary(system); d == nil || d.get("little_endian") == false {
		return nil, errors.New("the file is from a big-endian machine, which is not supported")
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
			return nil, fmt.Errorf("storage %s belongs to no tensor, or is in the file twice", brief(k))
		}
		n, err := b.read(file[at:])
		if err != nil {
			return nil, fmt.Errorf("storage %s: %w", shown(key), err)
		}
		at += n
	}
	for key, b := range blobs {
		if b.data == nil {
			return nil, fmt.Errorf("storage %s is not in the file", shown(key))
		}
	}
	return value, nil
}

// read reads a number of elements and then the elements from the start of file.
// It returns the length of both in bytes.
func (b *blob) read(file []byte) (int, error) {
	if len(file) < 8 {
		return 0, errors.New("the file ends before it")
	}
	if b.dtype != "" && sizes[b.dtype] == 0 {
		return 0, fmt.Errorf("the size of elements of type %s is unknown", shown(b.dtype))
	}
	n, width := binary.LittleEndian.Uint64(file), uint64(max(1, sizes[b.dtype]))
	file = file[8:]
	if n > uint64(len(file))/width {
		return 0, fmt.Errorf("%d elements of %d bytes, but %d bytes are left", n, width, len(file))
	}
	b.data = file[: n*width : n*width]
	b.size = int64(n * width)
	return 8 + len(b.data), nil
}
