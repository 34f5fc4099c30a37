package codec

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tetratelabs/wazero/api"
)

// table returns the files of the table by name, as far as this build reads them.
func table(t testing.TB) map[string][]byte {
	t.Helper()
	z, err := zip.OpenReader("../testdata/table/table.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files := map[string][]byte{}
	for _, f := range z.File {
		heif := strings.HasSuffix(f.Name, ".heic") || strings.HasSuffix(f.Name, ".avif")
		if strings.HasPrefix(f.Name, "want/") || heif && heifWasm == nil {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// TestConfig holds what Config says of every file against what Decode finds.
func TestConfig(t *testing.T) {
	for name, file := range table(t) {
		info, err := Config(file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		p, err := Decode(context.Background(), file, 1<<20)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if p.Width != info.Width || p.Height != info.Height || p.Format != info.Format {
			t.Errorf("%s is a %s of %d×%d, want %v", name, p.Format, p.Width, p.Height, info)
		}
		if need := int64(len(p.Pix) + len(p.Alpha)); info.Memory < need || len(p.Pix) != p.Width*p.Height*p.Channels {
			t.Errorf("%s: %d bytes of result, %d in all", name, need, info.Memory)
		}
	}
}

// countdown is a context that ends after it was asked left times. Its channel does not
// close, so that only a decoder that asks ends.
type countdown struct {
	context.Context
	left, late atomic.Int32
}

func (c *countdown) Err() error {
	if c.left.Add(-1) >= 0 {
		return nil
	}
	c.late.Add(1)
	return context.Canceled
}

// TestCancelled ends every decoder by its context, before it begins and in its middle.
func TestCancelled(t *testing.T) {
	for name, file := range table(t) {
		for left := range int32(3) {
			ctx := &countdown{Context: context.Background()}
			ctx.left.Store(left)
			if _, err := Decode(ctx, file, 0); !errors.Is(err, context.Canceled) {
				t.Errorf("%s, %d: %v", name, left, err)
			}
			if late := ctx.late.Load(); late > 6 {
				t.Errorf("%s went on, and asked %d times whether it should", name, late)
			}
		}
	}
}

// TestAbandoned returns at once from a program that does not ask.
func TestAbandoned(t *testing.T) {
	program, err := codecProgram()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	hold := make(chan struct{})
	file := table(t)["jpeg-1x2.jpg"]
	c := &call{file: file, memory: 8 << 20, head: func([]int32, api.Memory) error {
		cancel()
		<-hold
		return nil
	}}
	if err := program.run(ctx, c, "jpeg"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(hold)
}

// TestMemory gives a program less memory than it needs.
func TestMemory(t *testing.T) {
	program, err := codecProgram()
	if err != nil {
		t.Fatal(err)
	}
	file := table(t)["tiff-rgb-raw.tif"]
	c := &call{file: file, memory: 1 << 16, head: func([]int32, api.Memory) error { return nil }, rows: func(block) {}}
	if err := program.run(context.Background(), c, "tiff", uint64(len(file))); err == nil {
		t.Error("64 KB are enough")
	}
}

// TestLimits refuses what is too large or cannot be whole before memory is taken.
func TestLimits(t *testing.T) {
	files := table(t)
	png := bytes.Clone(files["png-no-iend.png"])
	copy(png[16:], "\x00\x00\x38\x40\x00\x00\x38\x40\x10\x06") // 14400×14400, 16 bits, RGBA
	binary.BigEndian.PutUint32(png[29:], crc32.ChecksumIEEE(png[12:29]))
	gif := bytes.Clone(files["gif-palette.gif"])
	copy(gif[6:], "\xff\xff\xff\xff")
	tiles := bytes.Clone(files["tiff-cp-tiles.tif"])
	for _, tag := range []string{"\x42\x01", "\x43\x01"} { // 65535×65535
		at := bytes.Index(tiles, []byte(tag+"\x03\x00\x01\x00\x00\x00"))
		if at < 0 {
			t.Fatal("no size of tiles")
		}
		copy(tiles[at+8:], "\xff\xff")
	}
	lab := bytes.Clone(files["tiff-rgb-raw.tif"])
	at := bytes.Index(lab, []byte("\x06\x01\x03\x00\x01\x00\x00\x00\x02"))
	if at < 0 {
		t.Fatal("no photometric interpretation")
	}
	lab[at+8] = 8
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, c := range []struct {
		file []byte
		max  int
		want string
	}{
		{files["jpeg-1x2.jpg"], 10, "jpeg of 33×19 pixels has more than 0 million pixels"},
		{gif, 200 << 20, "gif of 65535×65535 pixels has more than 200 million pixels"},
		{files["tiff-rgb-raw.tif"][:600], 0, "tiff"},
		{files["jpeg-1x2.jpg"][:700], 0, "jpeg of 33×19 pixels: unexpected EOF"},
		{[]byte("GIF89a"), 0, "gif: unexpected EOF"},
		{tiles, 0, "tiff: tiles of 65535×65535 pixels are larger than the picture"},
		{lab, 0, "tiff: CIE L*a*b* colours are not supported"},
		{png, 0, "png of 14400×14400 pixels: unexpected EOF"},
	} {
		if p, err := Decode(context.Background(), c.file, c.max); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, %v, want an error with %q", p, err, c.want)
		}
	}
	if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 64<<20 {
		t.Errorf("refusing took %d MB", (after.TotalAlloc-before.TotalAlloc)>>20)
	}
	if p, err := Decode(context.Background(), []byte("hello, world"), 0); !errors.Is(err, ErrFormat) {
		t.Errorf("a text: %v, %v", p, err)
	}
}

// TestCMYK converts as Pillow does: (255-k)·(255-c)/255.
func TestCMYK(t *testing.T) {
	p := &Picture{Width: 2, Height: 1, Channels: 4, Pix: []uint8{255, 0, 128, 0, 10, 20, 30, 100}}
	p.Simple()
	if p.Channels != 3 || string(p.Pix) != "\x00\xff\x7f\x95\x8f\x89" {
		t.Errorf("%d channels: %v", p.Channels, p.Pix)
	}
}

// FuzzDecode checks that broken files are errors, and that what is decoded is whole and
// as large as Config said.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("../testdata/*.*")
	if err != nil || len(files) == 0 {
		f.Fatal("no pictures", err)
	}
	for _, name := range files {
		file, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	for _, file := range table(f) {
		f.Add(file)
	}
	// Compiling takes longer than a fuzzer waits for a run.
	for _, p := range []func() (*program, error){codecProgram, heifProgram} {
		if _, err := p(); err != nil && heifWasm != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		info, err := Config(file)
		if err != nil || info.Width*info.Height > 1<<20 || info.Memory > 256<<20 {
			return // slow, not broken
		}
		p, err := Decode(context.Background(), file, 1<<20)
		if err != nil {
			return
		}
		if p.Width != info.Width || p.Height != info.Height || p.Format != info.Format {
			t.Errorf("%s of %d×%d, want %v", p.Format, p.Width, p.Height, info)
		}
		if len(p.Pix) != p.Width*p.Height*p.Channels || p.Alpha != nil && len(p.Alpha) != p.Width*p.Height {
			t.Errorf("%d×%d×%d has %d samples, %d of alpha", p.Width, p.Height, p.Channels, len(p.Pix), len(p.Alpha))
		}
	})
}

// TestStoredRGB reads JPEGs whose components are red, green and blue, the last two
// smaller than the first. libjpeg interpolates them.
func TestStoredRGB(t *testing.T) {
	for _, name := range []string{"jpeg-rgb-1.jpg", "jpeg-rgb-2.jpg"} {
		file := bytes.Clone(table(t)[name])
		file[3] = 0xed // not JFIF, whose components are YCbCr
		frame, scan := bytes.Index(file, []byte{0xff, 0xc0}), bytes.Index(file, []byte{0xff, 0xda})
		for i, c := range []byte("RGB") {
			file[frame+10+3*i], file[scan+5+2*i] = c, c
		}
		h, err := jpegHead(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := otherJPEG(t.Context(), file, h)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(t.Context(), file, 1<<20)
		if err != nil || !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("%s: %v, or not what libjpeg makes of it", name, err)
		}
	}
}
