package batch

import (
	"archive/tar"
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision/batch/store"
)

// place counts the bytes that are read, and seeks over what is not.
type place struct {
	r  *io.SectionReader
	at int64
}

func (p *place) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.at += int64(n)
	return n, err
}

func (p *place) Seek(offset int64, whence int) (int64, error) {
	at, err := p.r.Seek(offset, whence)
	p.at = at
	return at, err
}

// tarItems lists the files in a tar. Only the heads are read.
func tarItems(f *store.File) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		at := &place{r: io.NewSectionReader(f, 0, f.Size)}
		t := tar.NewReader(at)
		for {
			h, err := t.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Item{}, err)
				return
			}
			if h.Typeflag != tar.TypeReg {
				continue
			}
			if at.at+h.Size > f.Size {
				yield(Item{}, fmt.Errorf("%s: the archive ends before it does", files.Quote(h.Name)))
				return
			}
			if !yield(Item{Path: h.Name, Size: h.Size, Time: h.ModTime.UnixMicro(), Offset: at.at}, nil) {
				return
			}
		}
	}
}

// zipItems lists the files in a zip.
func zipItems(f *store.File) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		z, err := zip.NewReader(f, f.Size)
		if err != nil {
			yield(Item{}, err)
			return
		}
		for _, e := range z.File {
			if !e.Mode().IsRegular() {
				continue
			}
			i := Item{Path: e.Name, Size: int64(e.UncompressedSize64), Time: e.Modified.UnixMicro()}
			var err error
			switch i.Offset, err = e.DataOffset(); {
			case err != nil:
			case e.Flags&1 != 0:
				err = fmt.Errorf("%s: it is encrypted", files.Quote(e.Name))
			case e.Method == zip.Deflate:
				i.Packed = int64(e.CompressedSize64)
			case e.Method != zip.Store:
				err = fmt.Errorf("%s: compression %d, want none or deflate", files.Quote(e.Name), e.Method)
			}
			if !yield(i, err) || err != nil {
				return
			}
		}
	}
}
