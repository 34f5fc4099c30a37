package index

import (
	"encoding/binary"
	"testing"
)

// FuzzParse parses records whose checksum is right, which is no proof of the rest. A
// record that is taken can be written and parsed again.
func FuzzParse(f *testing.F) {
	f.Add(encode("a.png", record{kind: recordPicture, size: 1, time: 2, vector: []float32{1, 2, 3}}))
	f.Add(encode("b/c.png", record{kind: recordUnreadable, size: 1, time: 2}))
	f.Add(encode("", record{kind: recordRemoved}))
	x := &file{width: 3}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= recordHead {
			binary.LittleEndian.PutUint32(b, uint32(len(b)))
			binary.LittleEndian.PutUint32(b[4:], recordSum(b))
		}
		name, r, ok := x.parse(b)
		if !ok {
			return
		}
		if r.length != int64(len(b)) || r.kind == recordPicture != (len(r.vector) == x.width) {
			t.Fatalf("%d bytes are a record of %d: %+v", len(b), r.length, r)
		}
		again, s, ok := x.parse(encode(name, r))
		if !ok || again != name || s.kind != r.kind || s.size != r.size || s.time != r.time || len(s.vector) != len(r.vector) {
			t.Fatalf("%q %+v becomes %q %+v, %v", name, r, again, s, ok)
		}
	})
}
