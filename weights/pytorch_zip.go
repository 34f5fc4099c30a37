package weights

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

func isZip(file []byte) bool { return bytes.HasPrefix(file, []byte("PK\x03\x04")) }

// readZip reads the format of torch.jit.save and of torch.save since version
// 1.6: a zip archive of data.pkl and one entry data/KEY for each storage. It does
// not read the code/ and constants.pkl of a TorchScript archive.
func readZip(file []byte, q *quota) (any, error) {
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, fmt.Errorf("zip archive: %w", err)
	}
	entries := map[string]*zip.File{}
	folder, found := "", false
	for _, f := range z.File {
		if entries[f.Name] != nil {
			return nil, fmt.Errorf("zip archive: two entries are named %q", f.Name)
		}
		entries[f.Name] = f
		if at, ok := strings.CutSuffix(f.Name, "data.pkl"); ok && strings.Count(at, "/") <= 1 && (at == "" || strings.HasSuffix(at, "/")) && !found {
			folder, found = at, true
		}
	}
	if !found {
		return nil, errors.New("zip archive without data.pkl: neither a checkpoint nor a TorchScript archive of version 1.4 or later")
	}
	if f := entries[folder+"byteorder"]; f != nil {
		order, err := zipBlob(f, file)
		if err != nil {
			return nil, err
		}
		if order.size > 16 {
			return nil, fmt.Errorf("a byte order of %d bytes is not supported", order.size)
		}
		if text, err := order.all(); err != nil || string(text) != "little" {
			return nil, fmt.Errorf("byte order %q is not supported", text)
		}
	}
	pickle, err := zipBlob(entries[folder+"data.pkl"], file)
	if err != nil {
		return nil, err
	}
	// No honest pickle compresses further than this.
	if pickle.size > 64*int64(len(file)) {
		return nil, fmt.Errorf("data.pkl of %d bytes in a file of %d", pickle.size, len(file))
	}
	program, err := pickle.all()
	if err != nil {
		return nil, fmt.Errorf("data.pkl: %w", err)
	}
	if err := apart(z.File, file); err != nil {
		return nil, err
	}
	blobs := map[string]*blob{}
	value, _, err := unpickle(program, q, construct(q), func(id any) (any, error) {
		s, err := newStorage(id)
		if err != nil {
			return nil, err
		}
		if s == nil {
			return sequence(id)[1], nil
		}
		b := blobs[s.key]
		if b == nil {
			f := entries[folder+"data/"+s.key]
			if f == nil {
				return nil, fmt.Errorf("storage %s is not in the archive", shown(s.key))
			}
			if b, err = zipBlob(f, file); err != nil {
				return nil, err
			}
			blobs[s.key] = b
		}
		if need := s.numel * max(1, sizes[s.dtype]); need > b.size {
			return nil, fmt.Errorf("storage %s has %d bytes, but its %d elements need %d", shown(s.key), b.size, s.numel, need)
		}
		s.blob = b
		return s, nil
	})
	if err != nil {
		return nil, fmt.Errorf("data.pkl: %w", err)
	}
	return value, nil
}

// apart returns an error if two entries have bytes of the archive in common. Such an
// archive may inflate the same bytes many times.
func apart(entries []*zip.File, file []byte) error {
	type place struct {
		span
		name string
	}
	var all []place
	for _, f := range entries {
		at, err := f.DataOffset()
		if err != nil {
			return fmt.Errorf("zip archive: %q: %w", f.Name, err)
		}
		if end := uint64(at) + f.CompressedSize64; f.CompressedSize64 > 0 && end <= uint64(len(file)) {
			all = append(all, place{span{at, int64(end)}, f.Name})
		}
	}
	slices.SortFunc(all, func(a, b place) int { return cmp.Compare(a.from, b.from) })
	for i := 1; i < len(all); i++ {
		if all[i].from < all[i-1].to {
			return fmt.Errorf("zip archive: the entries %q and %q overlap", all[i-1].name, all[i].name)
		}
	}
	return nil
}

// zipBlob finds the bytes of an entry. Stored bytes are used in place; compressed
// bytes are read when they are needed.
func zipBlob(f *zip.File, file []byte) (*blob, error) {
	at, err := f.DataOffset()
	if err != nil {
		return nil, fmt.Errorf("zip archive: %s: %w", shown(f.Name), err)
	}
	packed, size, left := f.CompressedSize64, f.UncompressedSize64, uint64(len(file))-uint64(at)
	if f.Flags&1 != 0 {
		return nil, fmt.Errorf("zip archive: %s is encrypted", shown(f.Name))
	}
	if at < 0 || uint64(at) > uint64(len(file)) || packed > left {
		return nil, fmt.Errorf("zip archive: %s: %d bytes at %d in a file of %d", shown(f.Name), packed, at, len(file))
	}
	switch f.Method {
	case zip.Store:
		if size != packed {
			return nil, fmt.Errorf("zip archive: %s: %d bytes stored in %d", shown(f.Name), size, packed)
		}
		return &blob{data: file[at : uint64(at)+size], size: int64(size)}, nil
	case zip.Deflate:
		// A deflate stream grows by a factor of at most 1032.
		if size/1032 > packed {
			return nil, fmt.Errorf("zip archive: %s: %d bytes compressed to %d", shown(f.Name), size, packed)
		}
		return &blob{size: int64(size), packed: f.Open}, nil
	}
	return nil, fmt.Errorf("zip archive: %s: compression method %d is not supported", shown(f.Name), f.Method)
}

// newStorage reads the persistent identifier of a storage:
// ("storage", class, key, location, elements[, (view key, offset, elements)]).
// It returns nil for the identifier of a class ("module", class, file, source).
func newStorage(id any) (*storage, error) {
	items := sequence(id)
	if len(items) > 1 && items[0] == "module" {
		return nil, nil
	}
	if len(items) < 5 || items[0] != "storage" {
		return nil, errors.New("a persistent identifier is not a storage")
	}
	dtype, err := elementType(items[1])
	if err != nil {
		return nil, err
	}
	key, ok1 := items[2].(string)
	n, ok2 := items[4].(int64)
	if !ok1 || !ok2 || n < 0 || n > 1<<56 {
		return nil, errors.New("storage without a key or a size")
	}
	s := &storage{key: key, dtype: dtype, numel: n}
	if len(items) > 5 && items[5] != nil {
		part := sequence(items[5])
		if len(part) != 3 {
			return nil, fmt.Errorf("storage %s: a view has %d items", shown(key), len(part))
		}
		at, ok1 := part[1].(int64)
		n, ok2 := part[2].(int64)
		if !ok1 || !ok2 || at < 0 || n < 0 || at > s.numel || n > s.numel-at {
			return nil, fmt.Errorf("storage %s: a view is outside it", shown(key))
		}
		s.offset, s.numel = at, n
	}
	return s, nil
}
