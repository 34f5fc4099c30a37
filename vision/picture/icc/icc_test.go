package icc

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestConvert compares with littlecms, for profiles of all kinds.
func TestConvert(t *testing.T) {
	files, err := filepath.Glob("testdata/*.icc")
	if err != nil || len(files) == 0 {
		t.Fatal("no profiles in testdata", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Parse(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if p.SRGB() {
			t.Errorf("%s is taken for sRGB", name)
		}
		text, err := os.ReadFile(strings.TrimSuffix(name, ".icc") + ".want")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			var all []uint8
			for _, word := range strings.Fields(line) {
				v, err := strconv.ParseUint(word, 10, 8)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, uint8(v))
			}
			from, want := all[:p.Channels()], all[p.Channels():]
			got := make([]uint8, p.Outputs())
			p.Convert(got, from)
			for c, w := range want {
				if d := int(got[c%len(got)]) - int(w); d < -2 || d > 2 {
					t.Errorf("%s: %v is %v, littlecms says %v", name, from, got, want)
					break
				}
			}
		}
	}
}

// profile makes a profile from parts. Names and contents alternate.
func profile(space, pcs string, parts ...string) []byte {
	head := make([]byte, 128)
	copy(head[12:], "mntr"+space+pcs)
	copy(head[36:], "acsp")
	head[8] = 2
	table := binary.BigEndian.AppendUint32(nil, uint32(len(parts)/2))
	at := 132 + 6*len(parts)
	for i := 0; i < len(parts); i += 2 {
		table = append(table, parts[i]...)
		table = binary.BigEndian.AppendUint32(table, uint32(at))
		table = binary.BigEndian.AppendUint32(table, uint32(len(parts[i+1])))
		at += len(parts[i+1])
	}
	all := append(head, table...)
	for i := 1; i < len(parts); i += 2 {
		all = append(all, parts[i]...)
	}
	return all
}

// numbered is 16.16 numbers with a head.
func numbered(head string, values ...float64) string {
	b := []byte(head)
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, uint32(int32(v*65536)))
	}
	return string(b)
}

// likeSRGB has sRGB's colours and a curve.
func likeSRGB(curve string) []byte {
	return profile("RGB ", "XYZ ",
		"rXYZ", numbered("XYZ \x00\x00\x00\x00", 0.43607, 0.22249, 0.01392),
		"gXYZ", numbered("XYZ \x00\x00\x00\x00", 0.38515, 0.71687, 0.09708),
		"bXYZ", numbered("XYZ \x00\x00\x00\x00", 0.14307, 0.06061, 0.71410),
		"rTRC", curve, "gTRC", curve, "bTRC", curve)
}

// TestSRGB recognises sRGB.
func TestSRGB(t *testing.T) {
	exact := numbered("para\x00\x00\x00\x00\x00\x03\x00\x00", 2.4, 1/1.055, 0.055/1.055, 1/12.92, 0.04045)
	for _, c := range []struct {
		curve string
		want  bool
	}{{exact, true}, {numbered("para\x00\x00\x00\x00\x00\x00\x00\x00", 2.2), false}, {"curv\x00\x00\x00\x00\x00\x00\x00\x00", false}} {
		p, err := Parse(likeSRGB(c.curve))
		if err != nil {
			t.Fatal(err)
		}
		if p.SRGB() != c.want {
			t.Errorf("curve %q: sRGB is %v", c.curve, p.SRGB())
		}
	}
	p, err := Parse(profile("GRAY", "XYZ ", "kTRC", exact))
	if err != nil || !p.SRGB() || p.Outputs() != 1 {
		t.Errorf("grey: %v", err)
	}
}

// TestAbsurd gives broken and absurd profiles.
func TestAbsurd(t *testing.T) {
	curve := "curv\x00\x00\x00\x00\x00\x00\x00\x01\x02\x00"
	good := likeSRGB(curve)
	if _, err := Parse(good); err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if _, err := Parse(good[:n]); err == nil && n < len(good)-1 {
			t.Errorf("the first %d of %d bytes are taken for a profile", n, len(good))
		}
	}
	table := func(kind string, channels, points byte) string {
		return kind + "\x00\x00\x00\x00" + string([]byte{channels, 3, points, 0}) + strings.Repeat("\x00", 36) + "\x01\x00\x01\x00" + strings.Repeat("\x7f", 9000)
	}
	link := bytes.Clone(good)
	copy(link[12:], "link")
	for name, data := range map[string][]byte{
		"nothing":                     nil,
		"text":                        []byte(strings.Repeat("hello ", 100)),
		"a curve of 4 billion":        likeSRGB("curv\x00\x00\x00\x00\xff\xff\xff\xff\x02\x00"),
		"a curve of unknown kind":     likeSRGB(numbered("para\x00\x00\x00\x00\x00\x09\x00\x00", 1)),
		"a curve that is cut off":     likeSRGB(numbered("para\x00\x00\x00\x00\x00\x04\x00\x00", 1)),
		"colours without difference":  likeSRGB("curv\x00\x00\x00\x00\x00\x00\x00\x02\x80\x00\x80\x00"),
		"colours without a number":    likeSRGB(numbered("para\x00\x00\x00\x00\x00\x01\x00\x00", -30000, 1, 0)),
		"no curve":                    profile("GRAY", "XYZ "),
		"a link":                      link,
		"colours of Lab":              profile("Lab ", "XYZ ", "A2B0", table("mft2", 3, 2)),
		"another connection":          profile("RGB ", "RGB ", "A2B0", table("mft2", 3, 2)),
		"a table of other channels":   profile("RGB ", "Lab ", "A2B0", table("mft2", 4, 2)),
		"a grid larger than the file": profile("CMYK", "Lab ", "A2B0", table("mft2", 4, 255)),
		"a grid of one point":         profile("CMYK", "Lab ", "A2B0", table("mft2", 4, 1)),
		"a table of unknown kind":     profile("CMYK", "Lab ", "A2B0", table("mft3", 4, 2)),
		"steps outside":               profile("RGB ", "Lab ", "A2B0", table("mAB ", 3, 2)[:12]+strings.Repeat("\x7f", 40)),
		"no steps for CMYK":           profile("CMYK", "Lab ", "A2B0", table("mAB ", 4, 2)[:12]+strings.Repeat("\x00", 40)),
	} {
		if _, err := Parse(data); err == nil || !strings.HasPrefix(err.Error(), "icc: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzParse checks that whatever is taken for a profile converts.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.icc")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, []byte(name))
	}
	f.Fuzz(func(t *testing.T, data, pixels []byte) {
		p, err := Parse(data)
		if err != nil {
			return
		}
		if p.Channels() != Channels(data) {
			t.Errorf("%d channels, the header says %d", p.Channels(), Channels(data))
		}
		p.Convert(make([]uint8, len(pixels)/p.Channels()*p.Outputs()), pixels)
	})
}

// BenchmarkConvert converts a megapixel.
func BenchmarkConvert(b *testing.B) {
	for _, name := range []string{"p3", "rgb_mft2", "cmyk_mft1"} {
		data, err := os.ReadFile("testdata/" + name + ".icc")
		if err != nil {
			b.Fatal(err)
		}
		p, err := Parse(data)
		if err != nil {
			b.Fatal(err)
		}
		from := make([]uint8, p.Channels()<<20)
		for i := range from {
			from[i] = uint8(i * i >> 7)
		}
		to := make([]uint8, 3<<20)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				p.Convert(to, from)
			}
		})
	}
}
