package weights

import "errors"

// These types are what a pickle can hold besides nil, bool, int64, float64,
// string and []byte. Classes and functions are only names: no opcode runs
// anything, and an object records the call that Python would have made.
type (
	long   string // an integer of more than 64 bits, little-endian in two's complement
	global string // "module.name" of a class or function
	tuple  struct{ items []any }
	list   struct{ items []any } // lists and sets
	dict   struct {
		keys, values []any
		at           map[string]int
	}
	object struct {
		class global
		args  []any
		state any   // the value that __setstate__ or __dict__ would get
		items *dict // the items, if it is a subclass of dict
	}
)

// set stores a value under key. Only string keys can be looked up again. It reports
// false if the key has a container or a tensor already: no pickle of a dictionary sets
// a key twice, and one of the two would be lost.
func (d *dict) set(key, value any) bool {
	if s, ok := key.(string); ok {
		if i, ok := d.at[s]; ok {
			if lost := d.values[i]; holdsMore(lost) && holdsMore(value) && lost != value {
				return false
			}
			d.values[i] = value
			return true
		}
		if d.at == nil {
			d.at = map[string]int{}
		}
		d.at[s] = len(d.keys)
	}
	d.keys, d.values = append(d.keys, key), append(d.values, value)
	return true
}

// holdsMore reports whether v is a container or a tensor.
func holdsMore(v any) bool {
	switch v.(type) {
	case *rebuilt, *dict, *list, *tuple, *object:
		return true
	}
	return false
}

func (d *dict) get(key string) any {
	if i, ok := d.at[key]; ok {
		return d.values[i]
	}
	return nil
}

// quota bounds the memory that the values of a file may take.
type quota struct{ left int64 }

// newQuota returns the quota for a file of size bytes on disk. A tensor takes up to
// 3 KiB besides its elements, in a file of at least 80 bytes for each, or 20 if it is
// compressed and has no storage of its own. Large files have large tensors.
func newQuota(size int) *quota {
	n := int64(size)
	return &quota{32<<20 + 60*min(n, 4<<20) + 20*min(n, 64<<20) + 4*n}
}

// take takes n bytes and reports whether there were so many.
func (q *quota) take(n int) bool {
	q.left -= int64(n)
	return q.left >= 0
}

// errQuota is the error of a file that would take too much memory.
var errQuota = errors.New("its values need far more memory than the file has bytes")

// The bytes that values take, with their share of what holds them.
const (
	slotBytes  = 32 // an item of a list or of the stack, which grow by doubling
	valueBytes = 48 // a number or a class
	listBytes  = 64
	dictBytes  = 112
	itemBytes  = 112 // an item of a dictionary, with its place in the index
	memoBytes  = 64
)

// memo holds values by index. Indices count up from 0, except in strange files.
type memo struct {
	dense []any
	other map[uint64]any
}

func (m *memo) put(i uint64, v any) {
	switch n := uint64(len(m.dense)); {
	case i < n:
		m.dense[i] = v
	case i == n:
		m.dense = append(m.dense, v)
	default:
		if m.other == nil {
			m.other = map[uint64]any{}
		}
		m.other[i] = v
	}
}

func (m *memo) get(i uint64) (any, bool) {
	if i < uint64(len(m.dense)) {
		return m.dense[i], true
	}
	v, ok := m.other[i]
	return v, ok
}
