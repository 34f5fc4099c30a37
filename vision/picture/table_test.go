package picture

import (
	"archive/zip"
	"bytes"
	"flag"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/table/table.txt")

// TestTable reads the files of testdata/table/table.zip, which make.py makes, and holds
// them against what Pillow gives: every format, mode, number of bits, compression and
// orientation. Its results stand in table.txt. A build without a decoder for HEIC and
// AVIF says so of each of them.
func TestTable(t *testing.T) {
	z, err := zip.OpenReader("testdata/table/table.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	read := func(f *zip.File) []byte {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var table strings.Builder
	wants, without := map[string][]byte{}, map[string]bool{}
	for _, f := range z.File {
		if strings.HasPrefix(f.Name, "want/") {
			wants[f.Name] = read(f)
		}
	}
	for _, f := range z.File {
		name := f.Name
		if wants[name] != nil {
			continue
		}
		p, err := DecodePhoto(t.Context(), read(f))
		if err != nil && strings.HasSuffix(err.Error(), "(tag noheif)") {
			without[name] = true
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m, alpha := p.SRGB(), p.Alpha
		d, err := differ(m, alpha, wants[f.Comment])
		if err != nil || d > 3 {
			t.Errorf("%s differs by %d: %v", name, d, err)
		}
		fmt.Fprintf(&table, "%-40s %v alpha=%-5v %d\n", name, m, alpha != nil, d)
	}
	if *update {
		if err := os.WriteFile("testdata/table/table.txt", []byte(table.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("testdata/table/table.txt")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for line := range strings.Lines(string(text)) {
		if name, _, _ := strings.Cut(line, " "); !without[name] {
			want.WriteString(line)
		}
	}
	if want.String() != table.String() {
		t.Errorf("table.txt is not what was found:\n%s", table.String())
	}
}

// differ returns the largest difference of a picture to a PNG in colours, where they
// are seen, and in alpha.
func differ(m, alpha *Image, want []byte) (worst int, err error) {
	w, err := png.Decode(bytes.NewReader(want))
	if err != nil {
		return 0, err
	}
	if b := w.Bounds(); b.Dx() != m.Width || b.Dy() != m.Height {
		return 0, fmt.Errorf("%v, want %v", m, b)
	}
	m = m.RGB()
	for i := range m.Width * m.Height {
		c := color.NRGBAModel.Convert(w.At(i%m.Width, i/m.Width)).(color.NRGBA)
		a := uint8(255)
		if alpha != nil {
			a = alpha.Pix[i]
		}
		for _, pair := range [][2]uint8{{m.Pix[3*i], c.R}, {m.Pix[3*i+1], c.G}, {m.Pix[3*i+2], c.B}, {a, c.A}} {
			worst = max(worst, int(pair[0])-int(pair[1]), int(pair[1])-int(pair[0]))
		}
	}
	return worst, nil
}
