package vision

import (
	"bytes"
	"context"
	"os"
	"slices"
	"testing"

	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/picture/meta"
)

// TestProfileIsKept enlarges photos with a profile and a resolution. The result has
// both, unless the profile is for another number of channels than the result has.
func TestProfileIsKept(t *testing.T) {
	read := func(name string) []byte {
		data, err := os.ReadFile("picture/icc/testdata/" + name + ".icc")
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	inch := picture.Resolution{X: 300 / 0.0254, Y: 150 / 0.0254, Unit: meta.Inch}
	run := evaluated(t, 2)
	for _, c := range []struct {
		name     string
		profile  []byte
		channels int
		alpha    bool
		kept     bool
	}{
		{"none", nil, 3, false, true},
		{"Display P3", read("p3"), 3, false, true},
		{"Display P3 with transparency", read("p3"), 3, true, true},
		{"grey", read("grey_gamma"), 1, false, true},
		{"grey with transparency", read("grey_gamma"), 1, true, false},
		{"RGB in a grey picture", read("p3"), 1, false, false},
	} {
		p := &picture.Photo{Image: pattern(12, 9, c.channels), Profile: c.profile, Resolution: inch}
		if c.alpha {
			p.Alpha = disc(12).Crop(0, 0, 12, 9)
		}
		before := slices.Clone(p.Image.Pix)
		for _, format := range []string{"png", "jpeg"} {
			var b bytes.Buffer
			if err := (Upscaler{Scale: 2, Run: run}).Write(context.Background(), &b, format, p); err != nil {
				t.Fatal(err)
			}
			got := meta.Read(b.Bytes())
			if want := map[bool][]byte{true: c.profile}[c.kept]; !bytes.Equal(got.Profile, want) {
				t.Errorf("%s, %s: a profile of %d bytes, want %d", c.name, format, len(got.Profile), len(want))
			}
			if x, y := got.Resolution.In(meta.Inch); x < 299.9 || x > 300.1 || y < 149.9 || y > 150.1 {
				t.Errorf("%s, %s: %v × %v dots an inch", c.name, format, x, y)
			}
			if _, err := picture.Decode(&b); err != nil {
				t.Errorf("%s, %s: %v", c.name, format, err)
			}
		}
		if !slices.Equal(p.Image.Pix, before) {
			t.Errorf("%s: the photo has changed", c.name)
		}
	}
}
