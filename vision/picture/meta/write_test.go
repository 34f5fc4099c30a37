package meta

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"testing"
	"testing/iotest"
)

// TestWriter reads back what was written, and decodes it.
func TestWriter(t *testing.T) {
	profile := make([]byte, 150000) // three segments of a JPEG
	for i := range profile {
		profile[i] = byte(i * i >> 5)
	}
	inches := func(n float64) Resolution { return per(Inch, n, n) }
	encoders := map[string]func(io.Writer) error{
		"png":  func(w io.Writer) error { return png.Encode(w, image.NewGray(image.Rect(0, 0, 3, 2))) },
		"jpeg": func(w io.Writer) error { return jpeg.Encode(w, image.NewGray(image.Rect(0, 0, 3, 2)), nil) },
	}
	for format, encode := range encoders {
		for _, c := range []struct {
			profile []byte
			r, want Resolution
		}{
			{nil, Resolution{}, Resolution{}},
			{profile, Resolution{}, Resolution{}},
			{profile[:1], inches(300), inches(300)},
			{nil, per(Centimetre, 118, 59), per(Centimetre, 118, 59)},
			{nil, per(NoUnit, 2, 1), per(NoUnit, 2, 1)},
			{nil, per(NoUnit, 1.5, 1), per(NoUnit, 3, 2)},
			{nil, per(Metre, 0.001, 1), Resolution{}},
			{nil, Resolution{math.Inf(1), 1, Metre}, Resolution{}},
		} {
			var plain, b bytes.Buffer
			if err := encode(&plain); err != nil {
				t.Fatal(err)
			}
			w := Writer(&b, format, c.profile, c.r)
			if _, err := io.Copy(w, iotest.OneByteReader(&plain)); err != nil {
				t.Fatal(err)
			}
			if _, kind, err := image.Decode(bytes.NewReader(b.Bytes())); err != nil || kind != format {
				t.Errorf("%s with a profile of %d bytes and %v: %v", format, len(c.profile), c.r, err)
			}
			i := Read(b.Bytes())
			if !bytes.Equal(i.Profile, c.profile) {
				t.Errorf("%s: a profile of %d bytes, want %d", format, len(i.Profile), len(c.profile))
			}
			got, want := i.Resolution, c.want
			if want.Unit == NoUnit && want.X > 0 { // a ratio
				got.X, got.Y = got.X/got.Y, 1
				want.X, want.Y = want.X/want.Y, 1
			}
			if math.Abs(got.X-want.X) > 0.001*want.X || math.Abs(got.Y-want.Y) > 0.001*want.Y || (got.Unit == NoUnit) != (want.Unit == NoUnit) {
				t.Errorf("%s: resolution %v of %v, want %v", format, got, c.r, want)
			}
			if c.profile == nil && c.want == (Resolution{}) && w != io.Writer(&b) {
				t.Errorf("%s: something is added for nothing", format)
			}
		}
	}
}
