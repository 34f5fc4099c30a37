package index

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"unsafe"

	"github.com/edsrzf/mmap-go"

	"github.com/vertebra/vertebra/internal/files"
)

// An index is a file with the embeddings of a folder's pictures: a head, then
// records. Writers only append records, and the last record of a path counts. The
// index ends at a record that is cut short or does not match its checksum, so a
// writer that is killed loses at most one record. All numbers are little-endian:
//
//	head    magic [8], width u32, 0 u32, model [32], checksum of these u32, 0 u32
//	record  length u32, checksum of all but itself u32, kind u32, length of path u32,
//	        size i64, time i64, vector [width]f32 of a picture, path, zeros to
//	        a multiple of 8
const (
	indexMagic = "vertebra"
	headSize   = 56
	recordHead = 32
)

// The kinds of records.
const (
	recordPicture    = 1 + iota
	recordRemoved    // the file is gone
	recordUnreadable // the file, at this size and time, is not a readable picture
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrOtherModel is in the error for an index of another model or other weights.
var ErrOtherModel = errors.New("the index was made with another model")

// file is an index on the disk, mapped to memory, and its records.
type file struct {
	path   string
	width  int
	model  [32]byte
	known  map[string]record
	length int64 // of the valid part
	dead   int64 // bytes of records that no longer count
	data   mmap.MMap
}

// record is the record of a picture. Its vector lies in the mapped file.
type record struct {
	kind       uint32
	size, time int64
	vector     []float32
	at, length int64 // of the record itself
}

// openFile maps the index at path, which need not exist yet. The caller closes it.
func openFile(path string, width int, model [32]byte) (*file, error) {
	x := &file{path: path, width: width, model: model, known: map[string]record{}}
	f, err := files.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return x, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() < headSize {
		return nil, fmt.Errorf("%s: not an index of vertebra", files.Quote(path))
	}
	if x.data, err = mmap.Map(f, mmap.RDONLY, 0); err != nil {
		return nil, files.Named(path, err)
	}
	if err := x.read(); err != nil {
		x.close()
		return nil, files.Named(path, err)
	}
	return x, nil
}

// close unmaps the file; its vectors must not be used any more. It is idempotent.
func (x *file) close() error {
	if x == nil || x.data == nil {
		return nil
	}
	x.known = nil
	return x.data.Unmap()
}

// head returns the head of the file.
func (x *file) head() []byte {
	b := binary.LittleEndian.AppendUint32([]byte(indexMagic), uint32(x.width))
	b = append(append(b, 0, 0, 0, 0), x.model[:]...)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return append(b, 0, 0, 0, 0)
}

// read reads the records of the mapped file.
func (x *file) read() error {
	head := x.data[:headSize]
	if string(head[:len(indexMagic)]) != indexMagic || binary.LittleEndian.Uint32(head[48:]) != crc32.Checksum(head[:48], castagnoli) {
		return errors.New("not an index of vertebra")
	}
	if !bytes.Equal(head, x.head()) {
		return ErrOtherModel
	}
	for at := int64(headSize); ; {
		x.length = at
		name, r, ok := x.parse(x.data[at:])
		if !ok {
			return nil
		}
		r.at = at
		at += r.length
		if old, ok := x.known[name]; ok {
			x.dead += old.length
			delete(x.known, name)
		}
		if r.kind == recordRemoved {
			x.dead += r.length
		} else {
			x.known[name] = r
		}
	}
}

// parse reads the record at the start of b. ok is false if it is not valid.
func (x *file) parse(b []byte) (name string, r record, ok bool) {
	if len(b) < recordHead {
		return "", r, false
	}
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	r.length = int64(u32(0))
	if r.length < recordHead || r.length > int64(len(b)) || r.length%8 != 0 {
		return "", r, false
	}
	b = b[:r.length]
	if recordSum(b) != u32(4) {
		return "", r, false
	}
	r.kind = u32(8)
	r.size, r.time = int64(binary.LittleEndian.Uint64(b[16:])), int64(binary.LittleEndian.Uint64(b[24:]))
	rest := b[recordHead:]
	if r.kind == recordPicture {
		if len(rest) < 4*x.width {
			return "", r, false
		}
		r.vector = unsafe.Slice((*float32)(unsafe.Pointer(&rest[0])), x.width)
		rest = rest[4*x.width:]
	}
	if r.kind < recordPicture || r.kind > recordUnreadable || int64(u32(12)) > int64(len(rest)) {
		return "", r, false
	}
	return string(rest[:u32(12)]), r, true
}

// recordSum returns the checksum of a record without the checksum's own bytes.
func recordSum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:4], castagnoli), castagnoli, b[8:])
}

// encode returns a record as bytes.
func encode(name string, r record) []byte {
	b := make([]byte, recordHead, recordHead+4*len(r.vector)+len(name)+8)
	binary.LittleEndian.PutUint32(b[8:], r.kind)
	binary.LittleEndian.PutUint32(b[12:], uint32(len(name)))
	binary.LittleEndian.PutUint64(b[16:], uint64(r.size))
	binary.LittleEndian.PutUint64(b[24:], uint64(r.time))
	b, _ = binary.Append(b, binary.LittleEndian, r.vector)
	b = append(b, name...)
	b = append(b, make([]byte, -len(b)&7)...)
	binary.LittleEndian.PutUint32(b, uint32(len(b)))
	binary.LittleEndian.PutUint32(b[4:], recordSum(b))
	return b
}

// writer appends records to an index that this process has locked.
type writer struct{ f *os.File }

// write opens the index for appending after its valid part, and makes the file if
// there is none. The caller has locked the index and read it since. write may close
// the index. The caller closes the writer and then opens the index again.
func (x *file) write() (*writer, error) {
	if x.data == nil {
		err := files.Write(x.path, func(w io.Writer) error {
			_, err := w.Write(x.head())
			return err
		})
		if err != nil {
			return nil, files.Named(x.path, err)
		}
		x.length = headSize
	}
	f, err := os.OpenFile(x.path, os.O_RDWR, 0)
	if err != nil {
		return nil, files.Named(x.path, err)
	}
	if err := x.cut(f); err != nil {
		return nil, errors.Join(files.Named(x.path, err), f.Close())
	}
	return &writer{f}, nil
}

// cut removes the invalid end of the file and seeks to the new end.
func (x *file) cut(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() > x.length {
		if err := x.close(); err != nil { // not every system can truncate a mapped file
			return err
		}
		if err := f.Truncate(x.length); err != nil {
			return err
		}
	}
	_, err = f.Seek(x.length, io.SeekStart)
	return err
}

// append writes a record in one call.
func (w *writer) append(name string, r record) error {
	_, err := w.f.Write(encode(name, r))
	return err
}

// close flushes the records to the disk and closes the file.
func (w *writer) close() error { return errors.Join(w.f.Sync(), w.f.Close()) }

// compact rewrites the index without the records that no longer count, and closes it.
// The caller has locked the index.
func (x *file) compact() error {
	all := x.head()
	for _, r := range x.known {
		all = append(all, x.data[r.at:][:r.length]...)
	}
	if err := x.close(); err != nil {
		return err
	}
	return files.Write(x.path, func(w io.Writer) error {
		_, err := w.Write(all)
		return err
	})
}

// again closes the index and opens it again.
func (x *file) again() (*file, error) {
	if err := x.close(); err != nil {
		return nil, err
	}
	return openFile(x.path, x.width, x.model)
}
