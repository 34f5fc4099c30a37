package weights

import (
	"archive/zip"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// holes writes a file in which blocks of zeros take no space.
type holes struct{ *os.File }

var zeros = make([]byte, 1<<20)

func (h holes) Write(b []byte) (int, error) {
	if len(b) == len(zeros) {
		_, err := h.Seek(int64(len(b)), io.SeekCurrent)
		return len(b), err
	}
	return h.File.Write(b)
}

// TestPyTorchLarge reads a zip64 archive with one storage of more than 4 GiB and
// one that starts after the first 4 GiB.
func TestPyTorchLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.pth")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const n = 1<<30 + 1<<18 // elements: 1 MiB over 4 GiB
	w := zip.NewWriter(holes{f})
	put := func(name string, size uint64, head []byte, fill int) {
		e, err := w.CreateRaw(&zip.FileHeader{Name: "archive/" + name, Method: zip.Store, CompressedSize64: size, UncompressedSize64: size, CRC32: crc32.ChecksumIEEE(head)})
		for range fill {
			if err == nil {
				_, err = e.Write(zeros)
			}
		}
		if err == nil {
			_, err = e.Write(head)
		}
		if err == nil {
			err = w.Flush()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	value := pickled(dictOf("end", strided("0", n+1, n-1, []any{2}, []any{1}), "after", dense("1", 2)))
	put("data.pkl", uint64(len(value)), value, 0)
	put("data/0", 4*n+4, floats(7), n/(1<<18))
	put("data/1", 8, floats(8, 9), 0)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	p, err := OpenPyTorch(path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for name, want := range map[string][]float32{"end": {0, 7}, "after": {8, 9}} {
		if x, err := p.Tensor(name); err != nil || !slices.Equal(x.Data, want) {
			t.Errorf("%s: %v %v, want %v", name, x, err, want)
		}
	}
	if info, err := f.Stat(); err != nil || info.Size() < 1<<32 {
		t.Errorf("the file is smaller than 4 GiB: %v %v", info, err)
	}
}
