package weights

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"sync"
)

// blob holds the bytes of a storage.
type blob struct {
	data  []byte // nil if the file has them compressed
	dtype string
	size  int64 // bytes, not compressed

	packed func() (io.ReadCloser, error) // inflates the bytes, if they are compressed
	views  []view                        // tensors that can be read

	mu   sync.Mutex // guards the next two
	kept *inflated  // what views need, while some of them are not read
	seen int        // how many views have been read since
}

// all inflates all bytes, if they are compressed, of a blob without tensors.
func (b *blob) all() ([]byte, error) {
	if b.packed == nil {
		return b.data, nil
	}
	from, err := b.inflate([]span{{0, b.size}})
	if err != nil {
		return nil, err
	}
	return from.at(0, b.size), nil
}

// bytes returns the bytes that v, a view of the blob, needs. Compressed bytes are
// inflated once for all views, and only those that some view needs are kept, until
// every view has been read.
func (b *blob) bytes(v view) (*inflated, error) {
	if b.packed == nil {
		return &inflated{spans: []span{{0, b.size}}, data: [][]byte{b.data}}, nil
	}
	if len(b.views) < 2 || !v.listed {
		return b.inflate(needed(v))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.kept == nil {
		kept, err := b.inflate(needed(b.views...))
		if err != nil {
			return nil, err
		}
		b.kept, b.seen = kept, 0
	}
	from := b.kept
	if b.seen++; b.seen >= len(b.views) {
		b.kept = nil
	}
	return from, nil
}

// span is a range of bytes of a blob, without its end.
type span struct{ from, to int64 }

// needed lists the bytes that views need, in order and apart from each other.
func needed(views ...view) []span {
	var all []span
	for _, v := range views {
		width, n := sizes[v.DType], int64(v.Shape.Len())
		if n == 0 {
			continue
		}
		whole := span{v.offset * width, (v.offset + 1) * width}
		for i, step := range v.stride {
			whole.to += step * int64(v.Shape[i]-1) * width
		}
		if whole.to-whole.from <= 4*n*width {
			all = append(all, whole)
			continue
		}
		_, run := v.dense()
		v.runs(func(at int64) bool {
			if next := (span{at * width, (at + run) * width}); len(all) == 0 || all[len(all)-1] != next {
				all = append(all, next)
			}
			return true
		})
	}
	slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	merged := all[:0]
	for _, s := range all {
		if n := len(merged); n > 0 && s.from <= merged[n-1].to {
			merged[n-1].to = max(merged[n-1].to, s.to)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// inflated holds some of the bytes of a blob.
type inflated struct {
	spans []span // in order and apart
	data  [][]byte
}

// at returns n bytes of the blob, which lie in one span.
func (p *inflated) at(from, n int64) []byte {
	if n == 0 {
		return nil
	}
	i := sort.Search(len(p.spans), func(i int) bool { return p.spans[i].to > from })
	return p.data[i][from-p.spans[i].from:][:n]
}

// inflate reads spans of compressed bytes.
func (b *blob) inflate(spans []span) (*inflated, error) {
	r, err := b.packed()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	out := &inflated{spans: spans}
	at := int64(0)
	for _, s := range spans {
		if _, err := io.CopyN(io.Discard, r, s.from-at); err != nil {
			return nil, short(err)
		}
		data, err := readN(r, s.to-s.from)
		if err != nil {
			return nil, err
		}
		out.data, at = append(out.data, data), s.to
	}
	if at == b.size { // at the end, the reader checks the sum of all bytes
		if n, err := r.Read(make([]byte, 1)); n > 0 {
			return nil, fmt.Errorf("more than the %d bytes that the archive states", b.size)
		} else if err != nil && err != io.EOF {
			return nil, err
		}
	}
	return out, nil
}

// readN reads n bytes. It believes that they exist as it reads them, not before.
func readN(r io.Reader, n int64) ([]byte, error) {
	const step = 1 << 20
	data := make([]byte, min(n, step))
	for at := 0; ; {
		if _, err := io.ReadFull(r, data[at:]); err != nil {
			return nil, short(err)
		}
		at = len(data)
		left := n - int64(at)
		if left == 0 {
			return data, nil
		}
		more := make([]byte, int64(at)+min(left, int64(at)))
		copy(more, data)
		data = more
	}
}

// short returns the error of a stream that ends too early.
func short(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
