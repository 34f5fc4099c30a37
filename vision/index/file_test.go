package index

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestInterrupted cuts an index at each byte, and changes each byte. The index must
// open with the records before that place, and accept the missing ones. With a damaged
// head it must not open.
func TestInterrupted(t *testing.T) {
	const width = 3
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	open := func() *file {
		t.Helper()
		x, err := openFile(path, width, [32]byte{1})
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	names := []string{"a.png", "b/ä.png", "c"}
	ends := []int{headSize}
	write := func(names ...string) {
		t.Helper()
		x := open()
		w, err := x.write()
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range names {
			if err := w.append(n, record{kind: recordPicture, size: int64(i), time: 7, vector: []float32{1, float32(i), 3}}); err != nil {
				t.Fatal(err)
			}
			if info, err := w.f.Stat(); err == nil {
				ends = append(ends, int(info.Size()))
			}
		}
		if err := w.close(); err != nil {
			t.Fatal(err)
		}
		if err := x.close(); err != nil {
			t.Fatal(err)
		}
	}
	write(names...)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before := func(length int) int {
		n := 0
		for n+1 < len(ends) && ends[n+1] <= length {
			n++
		}
		return n
	}
	ends = ends[:len(names)+1]
	all := slices.Clone(ends)
	for cut := headSize; cut <= len(whole); cut++ {
		ends = all
		if err := os.WriteFile(path, whole[:cut], 0o644); err != nil {
			t.Fatal(err)
		}
		x := open()
		n := before(cut)
		if len(x.known) != n {
			t.Fatalf("cut to %d bytes: %d records, want %d", cut, len(x.known), n)
		}
		for i := range n {
			if v := x.known[names[i]].vector; !slices.Equal(v, []float32{1, float32(i), 3}) {
				t.Fatalf("cut to %d bytes: %s is %v", cut, names[i], v)
			}
		}
		x.close()
		write(names[n:]...)
		x = open()
		if len(x.known) != len(names) || int(x.length) != len(whole) {
			t.Fatalf("cut to %d bytes and completed: %d records, %d of %d bytes", cut, len(x.known), x.length, len(whole))
		}
		x.close()
	}
	ends = all
	for at := range whole {
		damaged := slices.Clone(whole)
		damaged[at] ^= 0x55
		if err := os.WriteFile(path, damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		x, err := openFile(path, width, [32]byte{1})
		if (err != nil) != (at < headSize) {
			t.Fatalf("byte %d: %v", at, err)
		}
		if err == nil && len(x.known) != before(at) {
			t.Fatalf("byte %d: %d records, want %d", at, len(x.known), before(at))
		}
		x.close()
	}
}
