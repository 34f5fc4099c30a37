package picture

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vertebra/vertebra/vision/picture/icc"
	"github.com/vertebra/vertebra/vision/picture/meta"
)

// profile reads one of package icc's profiles.
func profile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("icc/testdata/" + name + ".icc")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// tagged is a PNG of one colour with a profile.
func tagged(t *testing.T, profile []byte, c color.Color) []byte {
	t.Helper()
	var m interface {
		image.Image
		Set(x, y int, c color.Color)
	} = image.NewNRGBA(image.Rect(0, 0, 70, 130))
	if _, grey := c.(color.Gray); grey {
		m = image.NewGray(m.Bounds())
	}
	for i := range 70 * 130 {
		m.Set(i%70, i/70, c)
	}
	var b bytes.Buffer
	if err := png.Encode(meta.Writer(&b, "png", profile, Resolution{X: 1000, Y: 2000, Unit: meta.Metre}), m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestProfiles reads pictures of one colour with profiles. Models see sRGB.
func TestProfiles(t *testing.T) {
	absurd := profile(t, "p3")
	for i := range absurd[132:] {
		absurd[132+i] = 0xff
	}
	for _, c := range []struct {
		name    string
		profile []byte
		color   color.Color
		want    []uint8
		kept    bool
	}{
		{"none", nil, color.NRGBA{200, 60, 40, 255}, []uint8{200, 60, 40}, true},
		{"Display P3", profile(t, "p3"), color.NRGBA{200, 60, 40, 255}, []uint8{217, 42, 23}, true},
		{"Display P3 with transparency", profile(t, "p3"), color.NRGBA{200, 60, 40, 100}, []uint8{217, 42, 23}, true},
		{"grey", profile(t, "grey_gamma"), color.Gray{128}, []uint8{147}, true},
		{"a table", profile(t, "rgb_mft2"), color.NRGBA{255, 255, 255, 255}, []uint8{255, 255, 255}, true},
		{"RGB in a grey picture", profile(t, "p3"), color.Gray{77}, []uint8{77}, true},
		{"grey in a picture of colours", profile(t, "grey_gamma"), color.NRGBA{200, 60, 40, 255}, []uint8{200, 60, 40}, false},
		{"CMYK in a picture of colours", profile(t, "cmyk_mft1"), color.NRGBA{200, 60, 40, 255}, []uint8{200, 60, 40}, false},
		{"absurd", absurd, color.NRGBA{200, 60, 40, 255}, []uint8{200, 60, 40}, true},
		{"text", []byte("not a profile"), color.NRGBA{200, 60, 40, 255}, []uint8{200, 60, 40}, false},
	} {
		file := tagged(t, c.profile, c.color)
		m, err := Decode(bytes.NewReader(file))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if m.Channels != len(c.want) || m.Width != 70 || m.Height != 130 || len(m.Pix) != 70*130*m.Channels {
			t.Errorf("%s: %v with %d samples", c.name, m, len(m.Pix))
			continue
		}
		for i, v := range m.Pix {
			if d := int(v) - int(c.want[i%len(c.want)]); d < -1 || d > 1 {
				t.Errorf("%s: %v, want %v", c.name, m.Pix[i:i+1], c.want)
				break
			}
		}
		p, err := DecodePhoto(context.Background(), file)
		if err != nil {
			t.Fatal(err)
		}
		if kept := p.Profile != nil; kept != (c.kept && c.profile != nil) || kept && !bytes.Equal(p.Profile, c.profile) {
			t.Errorf("%s: a profile of %d bytes", c.name, len(p.Profile))
		}
		if x, y := p.Resolution.In(meta.Metre); x != 1000 || y != 2000 {
			t.Errorf("%s: resolution %v", c.name, p.Resolution)
		}
		want := color.NRGBAModel.Convert(c.color).(color.NRGBA)
		if got := p.Image.RGB().Pix[:3]; !slices.Equal(got, []uint8{want.R, want.G, want.B}) || (p.Alpha != nil) != (want.A < 255) {
			t.Errorf("%s: the photo's colour is %v", c.name, got)
		}
	}
}

// TestCMYKProfile gives a JPEG of CMYK a profile. Its result is that of the profile for
// the samples, which differs from that without one.
func TestCMYKProfile(t *testing.T) {
	file, err := os.ReadFile("testdata/cmyk.jpg")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := meta.Writer(&b, "jpeg", profile(t, "cmyk_mft1"), Resolution{}).Write(file); err != nil {
		t.Fatal(err)
	}
	p, err := DecodePhoto(context.Background(), b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if p.Profile != nil || p.Image.Channels != 3 || p.Image.Width != plain.Width || len(p.Image.Pix) != len(plain.Pix) {
		t.Fatalf("%v with a profile of %d bytes", p.Image, len(p.Profile))
	}
	if d := worst(t, p.Image, plain); d < 5 {
		t.Errorf("the profile makes a difference of %d", d)
	}
	b.Reset()
	if _, err := meta.Writer(&b, "jpeg", profile(t, "p3"), Resolution{}).Write(file); err != nil {
		t.Fatal(err)
	}
	if m, err := Decode(&b); err != nil || worst(t, m, plain) != 0 {
		t.Errorf("a profile for RGB: %v", err)
	}
}

// TestConvertInPlace holds rows that are converted at once against a whole picture.
func TestConvertInPlace(t *testing.T) {
	for _, name := range []string{"p3", "cmyk_mft1", "grey_gamma", "grey_table"} {
		c, err := icc.Parse(profile(t, name))
		if err != nil {
			t.Fatal(err)
		}
		m := New(31, 2*rowsAtOnce+7, c.Channels())
		for i := range m.Pix {
			m.Pix[i] = uint8(i * i >> 4)
		}
		want := make([]uint8, m.Width*m.Height*c.Outputs())
		c.Convert(want, m.Pix)
		m.convert(c)
		if m.Channels != c.Outputs() || !bytes.Equal(m.Pix, want) {
			t.Errorf("%s: rows differ", name)
		}
	}
}

// TestPhoto compares with Load, ends with its context, and says what it needs.
func TestPhoto(t *testing.T) {
	p, err := LoadPhoto(context.Background(), "testdata/turned6.png")
	if err != nil {
		t.Fatal(err)
	}
	m, err := Load("testdata/turned6.png")
	if err != nil || worst(t, p.Image, m) != 0 {
		t.Errorf("%v", err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := LoadPhoto(ended, "testdata/turned6.png"); err == nil {
		t.Error("a photo was read after the end of its context")
	}
	all, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := DecodePhoto(context.Background(), file); err == nil {
			if need, err := Need(file); err != nil || need < int64(len(p.Image.Pix)) {
				t.Errorf("%s: needs %d bytes for %d samples, %v", path, need, len(p.Image.Pix), err)
			}
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 10, 10)), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Need(b.Bytes()[:10]); err == nil {
		t.Error("a broken file needs nothing")
	}
}
