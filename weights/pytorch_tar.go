package weights

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
)

func isTar(file []byte) bool {
	return len(file) >= 512 && bytes.HasPrefix(file[257:], []byte("ustar"))
}

// readTar reads the format of torch.save before version 0.1.10: a tar archive
// of storages, tensors and a pickle whose persistent identifiers are tensors.
func readTar(file []byte, q *quota) (any, error) {
	r := bytes.NewReader(file)
	members := map[string][]byte{}
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("tar archive: %w", err)
		}
		at := int64(len(file) - r.Len())
		for key := range h.PAXRecords {
			if strings.HasPrefix(key, "GNU.sparse.") {
				return nil, fmt.Errorf("tar archive: %q is a sparse file, which no checkpoint has", h.Name)
			}
		}
		if h.Typeflag != tar.TypeReg || h.Size < 0 || h.Size > int64(len(file))-at {
			continue
		}
		if members[h.Name] != nil {
			return nil, fmt.Errorf("tar archive: two entries are named %q", h.Name)
		}
		members[h.Name] = file[at : at+h.Size]
	}
	for _, name := range []string{"storages", "tensors", "pickle"} {
		if members[name] == nil {
			return nil, fmt.Errorf("not a checkpoint: tar archive without %s", files.Quote(name))
		}
	}
	storages, err := tarStorages(members["storages"], q)
	if err != nil {
		return nil, fmt.Errorf("tar archive: storages: %w", err)
	}
	tensors, err := tarTensors(members["tensors"], storages, q)
	if err != nil {
		return nil, fmt.Errorf("tar archive: tensors: %w", err)
	}
	value, _, err := unpickle(members["pickle"], q, construct(q), func(id any) (any, error) {
		if class := sequence(id); len(class) > 0 { // (class, file, source)
			return class[0], nil
		}
		key, err := tarKey(id)
		if t := tensors[key]; t != nil {
			return t, nil
		}
		return nil, errors.Join(err, fmt.Errorf("no tensor %d", key))
	})
	if err != nil {
		return nil, fmt.Errorf("tar archive: pickle: %w", err)
	}
	return value, nil
}

// tarKey returns the number of a storage or tensor, which is an integer or text.
func tarKey(v any) (int64, error) {
	switch v := v.(type) {
	case int64:
		return v, nil
	case string:
		var n int64
		_, err := fmt.Sscan(v, &n)
		return n, err
	}
	return 0, errors.New("a key is not an integer")
}

// tarRows reads a count and then that many rows: a pickled tuple of three items
// and some bytes. row returns the number of these bytes.
func tarRows(data []byte, q *quota, row func(items []any, rest []byte) (int, error)) ([]byte, error) {
	count, at, err := unpickle(data, q, nil, nil)
	if err != nil {
		return nil, err
	}
	n, ok := count.(int64)
	if !ok || n < 0 {
		return nil, errors.New("a count is not an integer")
	}
	for i := range n {
		v, used, err := unpickle(data[at:], q, nil, nil)
		if err != nil {
			return nil, err
		}
		at += used
		items := sequence(v)
		if len(items) != 3 {
			return nil, fmt.Errorf("row %d has %d items", i, len(items))
		}
		if used, err = row(items, data[at:]); err != nil {
			return nil, err
		}
		at += used
	}
	return data[at:], nil
}

// tarStorages reads (key, location, class) and the elements of each storage, and
// then a list with (key, root key, offset, elements) of each view.
func tarStorages(data []byte, q *quota) (map[int64]*storage, error) {
	all := map[int64]*storage{}
	rest, err := tarRows(data, q, func(items []any, rest []byte) (int, error) {
		key, err := tarKey(items[0])
		if err != nil {
			return 0, err
		}
		dtype, err := elementType(items[2])
		if err != nil {
			return 0, err
		}
		if all[key] != nil {
			return 0, fmt.Errorf("two storages have the number %d", key)
		}
		if !q.take(dictBytes) {
			return 0, errQuota
		}
		b := &blob{dtype: dtype}
		n, err := b.read(rest)
		all[key] = &storage{blob: b, key: fmt.Sprint(key), dtype: dtype, numel: b.size / max(1, sizes[dtype])}
		return n, err
	})
	if err != nil {
		return nil, err
	}
	views, _, err := unpickle(rest, q, nil, nil)
	if err != nil {
		return nil, err
	}
	for _, v := range sequence(views) {
		var n [4]int64
		items := sequence(v)
		for i := range n {
			if len(items) != len(n) {
				return nil, fmt.Errorf("a view has %d items", len(items))
			}
			if n[i], err = tarKey(items[i]); err != nil {
				return nil, err
			}
		}
		root := all[n[1]]
		if root == nil || n[2] < 0 || n[3] < 0 || n[2] > root.numel || n[3] > root.numel-n[2] {
			return nil, fmt.Errorf("view %d is outside storage %d", n[0], n[1])
		}
		if all[n[0]] != nil {
			return nil, fmt.Errorf("two storages have the number %d", n[0])
		}
		if !q.take(dictBytes) {
			return nil, errQuota
		}
		part := *root
		part.offset, part.numel = root.offset+n[2], n[3]
		all[n[0]] = &part
	}
	return all, nil
}

// tarTensors reads (key, storage key, class) and the dimensions, sizes,
// strides and offset of each tensor.
func tarTensors(data []byte, storages map[int64]*storage, q *quota) (map[int64]*rebuilt, error) {
	all := map[int64]*rebuilt{}
	_, err := tarRows(data, q, func(items []any, rest []byte) (int, error) {
		key, err1 := tarKey(items[0])
		from, err2 := tarKey(items[1])
		s := storages[from]
		if s == nil || err1 != nil || err2 != nil {
			return 0, errors.Join(fmt.Errorf("tensor %s has no storage", brief(items[0])), err1, err2)
		}
		if len(rest) < 8 {
			return 0, io.ErrUnexpectedEOF
		}
		// The number of dimensions is 32 bits wide in a field of 64.
		rank := int(binary.LittleEndian.Uint32(rest))
		used := 8 + 16*rank + 8
		if rank > maxRank || len(rest) < used {
			return 0, fmt.Errorf("tensor %d has %d dimensions in %d bytes", key, rank, len(rest))
		}
		if all[key] != nil {
			return 0, fmt.Errorf("two tensors have the number %d", key)
		}
		if !q.take(dictBytes + valueBytes*(2*rank+1)) {
			return 0, errQuota
		}
		numbers := make([]any, 2*rank+1)
		for i := range numbers {
			numbers[i] = int64(binary.LittleEndian.Uint64(rest[8+8*i:]))
		}
		all[key] = &rebuilt{"_rebuild_tensor", []any{s, numbers[2*rank], &tuple{numbers[:rank]}, &tuple{numbers[rank : 2*rank]}}}
		return used, nil
	})
	return all, err
}
