package picture

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture/codec"
)

// worst returns the largest difference between samples of two pictures.
func worst(t *testing.T, a, b *Image) int {
	t.Helper()
	if a.Width != b.Width || a.Height != b.Height || a.Channels != b.Channels {
		t.Fatalf("image is %v, want %v", a, b)
	}
	d := 0
	for i, p := range a.Pix {
		d = max(d, int(p)-int(b.Pix[i]), int(b.Pix[i])-int(p))
	}
	return d
}

// TestDecode compares with the same files as Pillow reads and turns them upright.
func TestDecode(t *testing.T) {
	wants, err := filepath.Glob("testdata/*.want.png")
	if err != nil || len(wants) == 0 {
		t.Fatal("no pictures in testdata", err)
	}
	for _, want := range wants {
		name := strings.TrimSuffix(want, ".want.png")
		got, err := Load(name)
		if err != nil {
			t.Error(err)
			continue
		}
		w, err := Load(want)
		if err != nil {
			t.Fatal(err)
		}
		allowed := 0
		if filepath.Ext(name) == ".jpg" {
			allowed = 3 // decoders may round the inverse cosine transform differently
		}
		if d := worst(t, got, w); d > allowed {
			t.Errorf("%s differs by %d", name, d)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	var huge bytes.Buffer
	if err := gif.Encode(&huge, image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{color.Black}), nil); err != nil {
		t.Fatal(err)
	}
	copy(huge.Bytes()[6:], "\xff\xff\xff\xff") // the size of the screen
	whole, err := os.ReadFile("testdata/444.jpg")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, want string }{
		{"", "not an image"},
		{"hello, world", "not an image"},
		{huge.String(), "gif of 65535×65535 pixels has more than 200 million pixels"},
		{string(whole[:len(whole)/2]), "jpeg of 21×13 pixels: "},
		{string(whole[:20]), "jpeg: "},
	} {
		if m, err := Decode(strings.NewReader(c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.20q: %v, %v, want an error with %q", c.file, m, err, c.want)
		}
	}
	if _, err := Load("image_test.go"); !errors.Is(err, ErrNotImage) || !strings.HasPrefix(err.Error(), "image_test.go: ") {
		t.Errorf("a text file: %v", err)
	}
	if _, err := Load("testdata"); !errors.Is(err, ErrNotImage) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := Load("nowhere.png"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// FuzzDecode checks that broken files are errors.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/*.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		file, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		f.Add(file)
		_, _ = Decode(bytes.NewReader(file)) // compiles decoders, which takes longer than a fuzzer waits for a run
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if c, err := codec.Config(file); err == nil && c.Width*c.Height > 1<<20 {
			return // slow, not broken
		}
		m, err := Decode(bytes.NewReader(file))
		if err == nil && len(m.Pix) != m.Width*m.Height*m.Channels {
			t.Errorf("%v has %d samples", m, len(m.Pix))
		}
	})
}

func TestSaveImage(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"alpha.png", "grey16.png"} {
		m, err := Load("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for ext, allowed := range map[string]int{".png": 0, ".JPG": 70} {
			path := filepath.Join(dir, name+ext)
			if err := Save(path, m); err != nil {
				t.Fatal(err)
			}
			again, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			if d := worst(t, again, m); d > allowed {
				t.Errorf("%s differs by %d", path, d)
			}
		}
	}
	if err := Save(filepath.Join(dir, "x.bmp"), New(1, 1, 3)); err == nil || !strings.Contains(err.Error(), ".bmp") {
		t.Errorf("an unknown extension: %v", err)
	}
	if err := Save(filepath.Join(dir, "none", "x.png"), New(1, 1, 3)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 4 {
		t.Errorf("%d files in the folder, want 4 (%v)", len(left), err)
	}
}

func TestYCbCrRoundTrip(t *testing.T) {
	m := New(64, 64, 3)
	for i := range m.Pix {
		m.Pix[i] = uint8(i * i * 7 / 5)
	}
	if d := worst(t, m.YCbCr().FromYCbCr(), m); d > 3 {
		t.Errorf("differs by %d", d)
	}
	y := m.YCbCr()
	if d := worst(t, Merge(y.Channel(0), y.Channel(1), y.Channel(2)), y); d != 0 {
		t.Errorf("channels taken apart and joined differ by %d", d)
	}
}

func TestImageOf(t *testing.T) {
	x := tensor.Of([]float32{-1, 0.5, 2, 0.25, 1, 0}, 1, 1, 2, 3)
	m, err := FromTensor(x, 255)
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint8{0, 128, 255, 64, 255, 0}; !bytes.Equal(m.Pix, want) {
		t.Errorf("got %v, want %v", m.Pix, want)
	}
	if _, err := FromTensor(tensor.New(1, 2, 2, 2), 1); err == nil {
		t.Error("two channels made an image")
	}
	var file bytes.Buffer
	if err := png.Encode(&file, m.Image()); err != nil {
		t.Fatal(err)
	}
	again, err := Decode(&file)
	if err != nil || worst(t, again, m) != 0 {
		t.Errorf("through a PNG: %v, %v", again, err)
	}
}
