package meta

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// entry is an entry of a directory. Its value is what stands in the entry.
type entry struct {
	tag, kind uint16
	count     uint32
	value     []byte
}

// byteOrder reads and writes.
type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// block makes an EXIF block: a directory at byte 8, what follows it, and then more.
func block(order byteOrder, next uint32, more []byte, all ...entry) []byte {
	b := []byte("II")
	if order.Uint16([]byte{0, 1}) == 1 {
		b = []byte("MM")
	}
	b = order.AppendUint16(b, 42)
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, uint16(len(all)))
	for _, e := range all {
		b = order.AppendUint16(b, e.tag)
		b = order.AppendUint16(b, e.kind)
		b = order.AppendUint32(b, e.count)
		b = append(b, append(bytes.Clone(e.value), 0, 0, 0, 0)[:4]...)
	}
	return append(order.AppendUint32(b, next), more...)
}

var little, large = binary.LittleEndian, binary.BigEndian

// turned is an orientation as SHORT.
func turned(o byte) entry { return entry{tagOrientation, 3, 1, []byte{o, 0}} }

// six is a block with orientation 6.
func six() []byte { return block(little, 0, nil, turned(6)) }

func segment(kind byte, data string) []byte {
	return append(large.AppendUint16([]byte{0xff, kind}, uint16(len(data)+2)), data...)
}

// jpegOf is a JPEG's head with segments before the picture's data.
func jpegOf(segments ...[]byte) []byte {
	b := []byte("\xff\xd8")
	for _, s := range segments {
		b = append(b, s...)
	}
	return append(b, "\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00data\xff\xd9"...)
}

func exifSegment(block []byte) []byte { return segment(0xe1, "Exif\x00\x00"+string(block)) }

func chunkOf(kind string, data string) []byte {
	b := append(large.AppendUint32(nil, uint32(len(data))), kind...)
	return append(append(b, data...), "sum!"...)
}

// pngOf is a PNG with chunks between the picture's data and its end.
func pngOf(chunks ...[]byte) []byte {
	b := append([]byte("\x89PNG\r\n\x1a\n"), chunkOf("IHDR", "thirteen byte")...)
	b = append(b, chunkOf("IDAT", "")...)
	for _, c := range chunks {
		b = append(b, c...)
	}
	return append(b, chunkOf("IEND", "")...)
}

func webpOf(chunks ...string) []byte {
	b := []byte("RIFF\x00\x00\x00\x00WEBP")
	for i := 0; i < len(chunks); i += 2 {
		b = append(b, chunks[i]...)
		b = append(little.AppendUint32(b, uint32(len(chunks[i+1]))), chunks[i+1]...)
		if len(chunks[i+1])%2 == 1 {
			b = append(b, 0)
		}
	}
	return b
}

func box(kind string, data ...[]byte) []byte {
	all := bytes.Join(data, nil)
	return append(append(large.AppendUint32(nil, uint32(len(all)+8)), kind...), all...)
}

func deflated(text string) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.String()
}

// magick is a block as ImageMagick writes it into a text.
func magick(kind string, block []byte) string {
	text := fmt.Sprintf("\n%s\n%8d\n", kind, len(block))
	for digits := hex.EncodeToString(block); digits != ""; {
		n := min(72, len(digits))
		text += digits[:n] + "\n"
		digits = digits[n:]
	}
	return text
}

const packet = `<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>`

// TestOrientation reads the orientation of files of all formats, with all kinds of
// oddities around it.
func TestOrientation(t *testing.T) {
	exif := "Exif\x00\x00"
	xmp := "http://ns.adobe.com/xap/1.0/\x00"
	big := append([]byte("MM\x00+\x00\x08\x00\x00"), large.AppendUint64(nil, 16)...)
	big = append(large.AppendUint64(big, 1), "\x01\x12\x00\x03\x00\x00\x00\x00\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"...)
	for _, c := range []struct {
		name string
		file []byte
		want int
	}{
		{"upright", jpegOf(), 1},
		{"little", jpegOf(exifSegment(six())), 6},
		{"large", jpegOf(exifSegment(block(large, 0, nil, entry{tagOrientation, 3, 1, []byte{0, 8}}))), 8},
		{"LONG", jpegOf(exifSegment(block(little, 0, nil, entry{tagOrientation, 4, 1, []byte{3}}))), 3},
		{"SLONG", jpegOf(exifSegment(block(little, 0, nil, entry{tagOrientation, 9, 1, []byte{3}}))), 3},
		{"BYTE, which Pillow ignores", jpegOf(exifSegment(block(little, 0, nil, entry{tagOrientation, 1, 1, []byte{3}}))), 1},
		{"two SHORTs", jpegOf(exifSegment(block(little, 0, nil, entry{tagOrientation, 3, 2, []byte{5, 0, 9, 0}}))), 5},
		{"FLOAT", jpegOf(exifSegment(block(little, 0, nil, entry{tagOrientation, 11, 1, little.AppendUint32(nil, math.Float32bits(7))}))), 7},
		{"no orientation that there is", jpegOf(exifSegment(block(little, 0, nil, turned(9)))), 1},
		{"orientation 0", jpegOf(exifSegment(block(little, 0, nil, turned(0)))), 1},
		{"count 0 beside it", jpegOf(exifSegment(block(little, 0, nil, entry{270, 2, 0, nil}, turned(6), entry{305, 2, 0, nil}))), 6},
		{"count 0 of a second one", jpegOf(exifSegment(block(little, 0, nil, turned(6), entry{tagOrientation, 3, 0, nil}))), 6},
		{"the second of two", jpegOf(exifSegment(block(little, 0, nil, turned(6), turned(3)))), 3},
		{"unknown type beside it", jpegOf(exifSegment(block(little, 0, nil, entry{270, 99, 7, nil}, entry{271, 0, 1, nil}, turned(6)))), 6},
		{"offset outside", jpegOf(exifSegment(block(little, 0, nil, entry{270, 2, 100, []byte{255, 255, 255, 255}}, turned(6)))), 6},
		{"count of 4 billion", jpegOf(exifSegment(block(little, 0, nil, entry{270, 12, math.MaxUint32, nil}, turned(6)))), 6},
		{"next directory is the first", jpegOf(exifSegment(block(little, 8, nil, turned(6)))), 6},
		{"next directory is outside", jpegOf(exifSegment(block(little, math.MaxUint32, nil, turned(6)))), 6},
		{"no next directory", jpegOf(exifSegment(six()[:22])), 6},
		{"more entries than there are", jpegOf(exifSegment(append(append(bytes.Clone(six()[:8]), 255, 255), six()[10:]...))), 6},
		{"directory outside", jpegOf(exifSegment(append([]byte("II*\x00\xff\xff\xff\xff"), six()[8:]...))), 1},
		{"directory in the head", jpegOf(exifSegment([]byte("II*\x00\x00\x00\x00\x00"))), 1},
		{"XMP before EXIF", jpegOf(segment(0xe1, xmp+packet), exifSegment(six())), 6},
		{"XMP alone, which Pillow ignores in JPEG", jpegOf(segment(0xe1, xmp+packet)), 1},
		{"JFIF, comment and Photoshop before EXIF", jpegOf(segment(0xe0, "JFIF\x00\x01\x01\x01\x00\x48\x00\x48\x00\x00"), segment(0xfe, "hi"), segment(0xed, "Photoshop 3.0\x00"), exifSegment(six())), 6},
		{"FF E1 inside another segment", jpegOf(segment(0xfe, string(exifSegment(block(little, 0, nil, turned(3))))), exifSegment(six())), 6},
		{"FF E1 inside another segment alone", jpegOf(segment(0xfe, string(exifSegment(six())))), 1},
		{"EXIF behind the picture's data", append(jpegOf(), exifSegment(six())...), 1},
		{"two blocks", jpegOf(exifSegment(six()), exifSegment(block(little, 0, nil, turned(3)))), 6},
		{"an empty block before it", jpegOf(exifSegment(nil), exifSegment(six())), 6},
		{"fill bytes", jpegOf([]byte("\xff\xff\xff"), exifSegment(six())), 6},
		{"bytes between segments", jpegOf([]byte("junk"), exifSegment(six())), 6},
		{"a segment longer than the file", append([]byte("\xff\xd8\xff\xe1\xff\xff"), "Exif\x00\x00II*"...), 1},
		{"a segment of length 0", append([]byte("\xff\xd8\xff\xe0\x00\x00"), exifSegment(six())...), 1},

		{"eXIf", pngOf(chunkOf("eXIf", string(six()))), 6},
		{"eXIf with a name", pngOf(chunkOf("eXIf", exif+string(six()))), 6},
		{"zTXt raw profile", pngOf(chunkOf("zTXt", "Raw profile type exif\x00\x00"+deflated(magick("exif", append([]byte(exif), six()...))))), 6},
		{"tEXt raw profile", pngOf(chunkOf("tEXt", "Raw profile type exif\x00"+magick("exif", six()))), 6},
		{"tEXt APP1", pngOf(chunkOf("tEXt", "Raw profile type APP1\x00"+magick("generic", append([]byte(exif), six()...)))), 6},
		{"tEXt APP1 with XMP", pngOf(chunkOf("tEXt", "Raw profile type APP1\x00"+magick("xmp", []byte(xmp+packet)))), 6},
		{"iTXt raw profile", pngOf(chunkOf("iTXt", "Raw profile type exif\x00\x01\x00en\x00\x00"+deflated(magick("exif", six())))), 6},
		{"XMP attribute", pngOf(chunkOf("iTXt", "XML:com.adobe.xmp\x00\x00\x00\x00\x00"+packet)), 6},
		{"XMP element", pngOf(chunkOf("iTXt", "XML:com.adobe.xmp\x00\x01\x00\x00\x00"+deflated("<tiff:Orientation>8</tiff:Orientation>"))), 8},
		{"eXIf before XMP", pngOf(chunkOf("iTXt", "XML:com.adobe.xmp\x00\x00\x00\x00\x00"+packet), chunkOf("eXIf", string(block(little, 0, nil, turned(3))))), 3},
		{"eXIf that says nothing, and XMP", pngOf(chunkOf("iTXt", "XML:com.adobe.xmp\x00\x00\x00\x00\x00"+packet), chunkOf("eXIf", string(block(little, 0, nil)))), 6},
		{"the last of two eXIf", pngOf(chunkOf("eXIf", string(block(little, 0, nil, turned(3)))), chunkOf("eXIf", string(six()))), 6},
		{"broken deflate", pngOf(chunkOf("zTXt", "Raw profile type exif\x00\x00x\x9cjunk"), chunkOf("eXIf", string(six()))), 6},
		{"odd digits", pngOf(chunkOf("tEXt", "Raw profile type exif\x00\nexif\n 3\nabc\n")), 1},
		{"no IEND", pngOf(chunkOf("eXIf", string(six())))[:8+25+12+12+26], 6},

		{"WebP", webpOf("VP8 ", "odd", "EXIF", string(six())), 6},
		{"WebP with a name", webpOf("EXIF", exif+string(six())), 6},
		{"WebP with XMP alone, which Pillow ignores", webpOf("XMP ", packet), 1},
		{"WebP cut off", webpOf("EXIF", string(six()))[:40], 1},

		{"TIFF", six(), 6},
		{"BigTIFF", big, 6},
		{"not a picture", []byte("hello, world"), 1},
		{"nothing", nil, 1},
	} {
		if got := Read(c.file).Orientation; got != c.want {
			t.Errorf("%s: orientation %d, want %d", c.name, got, c.want)
		}
		for n := range c.file { // however short the file is
			Read(c.file[:n])
		}
	}
}

// TestOrientationOfFiles reads files of other programs.
func TestOrientationOfFiles(t *testing.T) {
	for _, name := range []string{"loop.jpg", "self_loop.jpg", "zero_count.jpg", "xmp_first.jpg", "rawprofile.png"} {
		file, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if got := Read(file).Orientation; got != 6 {
			t.Errorf("%s: orientation %d, want 6", name, got)
		}
	}
}

// TestProfile reads the profiles of files of all formats.
func TestProfile(t *testing.T) {
	icc := strings.Repeat("profile", 3)
	part := func(n, of byte, data string) []byte {
		return segment(0xe2, "ICC_PROFILE\x00"+string([]byte{n, of})+data)
	}
	tiff := block(little, 0, []byte(icc), entry{tagProfile, 7, uint32(len(icc)), []byte{26}})
	properties := box("ipco", box("ispe", []byte("size")), box("colr", []byte("nclx1234567")), box("colr", []byte("prof"+icc)))
	heic := append(box("ftyp", []byte("heic")), box("meta", []byte("\x00\x00\x00\x00"), box("hdlr", []byte("pict")), box("iprp", properties))...)
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"JPEG", icc, jpegOf(part(1, 1, icc))},
		{"JPEG in parts", icc, jpegOf(part(1, 3, icc[:5]), segment(0xe2, "MPF\x00"), part(2, 3, icc[5:9]), part(3, 3, icc[9:]))},
		{"JPEG in parts out of order", icc, jpegOf(part(2, 2, icc[5:]), part(1, 2, icc[:5]))},
		{"JPEG without a part", "", jpegOf(part(1, 3, icc[:5]), part(3, 3, icc[9:]))},
		{"JPEG with a part 0", "", jpegOf(part(0, 1, icc))},
		{"PNG", icc, pngOf(chunkOf("iCCP", "name\x00\x00"+deflated(icc)))},
		{"PNG, broken", "", pngOf(chunkOf("iCCP", "name\x00\x00"+deflated(icc)[:9]))},
		{"PNG, deflated otherwise", "", pngOf(chunkOf("iCCP", "name\x00\x01"+deflated(icc)))},
		{"WebP", icc, webpOf("VP8X", "flags", "ICCP", icc, "VP8 ", "")},
		{"TIFF", icc, tiff},
		{"TIFF cut off", "", tiff[:len(tiff)-1]},
		{"HEIC", icc, heic},
		{"HEIC with a box that ends outside", "", heic[:len(heic)-1]},
	} {
		if got := string(Read(c.file).Profile); got != c.want {
			t.Errorf("%s: profile %q, want %q", c.name, got, c.want)
		}
		for n := range c.file {
			Read(c.file[:n])
		}
	}
}

// TestResolution reads the resolutions of files of all formats.
func TestResolution(t *testing.T) {
	jfif := func(unit byte, x, y uint16) []byte {
		return segment(0xe0, string(append(large.AppendUint16(large.AppendUint16([]byte("JFIF\x00\x01\x02"+string(unit)), x), y), 0, 0)))
	}
	phys := func(x, y uint32, unit byte) []byte {
		return chunkOf("pHYs", string(append(large.AppendUint32(large.AppendUint32(nil, x), y), unit)))
	}
	rational := func(over, under uint32) []byte { return little.AppendUint32(little.AppendUint32(nil, over), under) }
	exif := func(orientation, unit byte) []byte {
		return block(little, 0, append(rational(300, 1), rational(600, 4)...), turned(orientation),
			entry{tagXResolution, 5, 1, []byte{62}}, entry{tagYResolution, 5, 1, []byte{70}}, entry{tagResolutionUnit, 3, 1, []byte{unit}})
	}
	bmp := append([]byte("BM0123456789ab\x28\x00\x00\x00"), make([]byte, 40)...)
	little.PutUint32(bmp[38:], 2000)
	little.PutUint32(bmp[42:], 1000)
	for _, c := range []struct {
		name string
		file []byte
		in   Unit
		x, y float64
		unit Unit
	}{
		{"inches", jpegOf(jfif(1, 300, 150)), Inch, 300, 150, Inch},
		{"centimetres", jpegOf(jfif(2, 118, 118)), Centimetre, 118, 118, Centimetre},
		{"a ratio", jpegOf(jfif(0, 2, 1)), NoUnit, 2, 1, NoUnit},
		{"a ratio of 1", jpegOf(jfif(0, 1, 1)), NoUnit, 0, 0, NoUnit},
		{"zero", jpegOf(jfif(1, 0, 72)), NoUnit, 0, 0, NoUnit},
		{"EXIF", jpegOf(exifSegment(exif(1, 2))), Inch, 300, 150, Inch},
		{"EXIF of a turned picture", jpegOf(jfif(0, 1, 1), exifSegment(exif(6, 3))), Centimetre, 150, 300, Centimetre},
		{"JFIF before EXIF", jpegOf(jfif(1, 72, 72), exifSegment(exif(1, 2))), Inch, 72, 72, Inch},
		{"PNG", pngOf(phys(11811, 11811, 1)), Metre, 11811, 11811, Metre},
		{"a ratio in PNG", pngOf(phys(1, 2, 0)), NoUnit, 1, 2, NoUnit},
		{"TIFF", exif(1, 2), Inch, 300, 150, Inch},
		{"a ratio in TIFF", exif(1, 1), NoUnit, 300, 150, NoUnit},
		{"BMP", bmp, Metre, 2000, 1000, Metre},
	} {
		r := Read(c.file).Resolution
		x, y := r.In(c.in)
		if math.Abs(x-c.x) > 1e-6 || math.Abs(y-c.y) > 1e-6 || r.Unit != c.unit {
			t.Errorf("%s: %v × %v, unit %d, want %v × %v, unit %d", c.name, x, y, r.Unit, c.x, c.y, c.unit)
		}
	}
}

// TestInflatedTextsAreBounded reads a PNG that would inflate to gigabytes.
func TestInflatedTextsAreBounded(t *testing.T) {
	bomb := chunkOf("zTXt", "Raw profile type exif\x00\x00"+deflated(strings.Repeat("0", mostProfile+1)))
	profile := chunkOf("iCCP", "x\x00\x00"+deflated(strings.Repeat("0", mostProfile+1)))
	file := pngOf(bytes.Repeat(bomb, 40), profile, chunkOf("eXIf", string(six())))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	i := Read(file)
	runtime.ReadMemStats(&after)
	if i.Orientation != 6 || i.Profile != nil {
		t.Errorf("orientation %d, a profile of %d bytes", i.Orientation, len(i.Profile))
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 200<<20 {
		t.Errorf("took %d MB for a file of %d KB", took>>20, len(file)>>10)
	}
}

// FuzzRead checks that no file makes Read fail, and that its results are sensible.
func FuzzRead(f *testing.F) {
	for _, file := range [][]byte{
		jpegOf(exifSegment(six()), segment(0xe2, "ICC_PROFILE\x00\x01\x01icc")), pngOf(chunkOf("eXIf", string(six()))),
		pngOf(chunkOf("zTXt", "Raw profile type exif\x00\x00"+deflated(magick("exif", six()))), chunkOf("iCCP", "x\x00\x00"+deflated("icc"))),
		pngOf(chunkOf("iTXt", "XML:com.adobe.xmp\x00\x00\x00\x00\x00"+packet), chunkOf("pHYs", "12345678\x01")),
		webpOf("EXIF", string(six()), "ICCP", "icc"), six(), block(large, 8, nil, entry{tagOrientation, 5, 1, []byte{0, 0, 0, 8}}),
		append(box("ftyp", []byte("avif")), box("meta", []byte("\x00\x00\x00\x00"), box("iprp", box("ipco", box("colr", []byte("proficc")))))...),
	} {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		i := Read(file)
		if i.Orientation < 1 || i.Orientation > 8 {
			t.Errorf("orientation %d", i.Orientation)
		}
		if r := i.Resolution; !(r.X >= 0 && r.Y >= 0 && r.X < 1e12 && r.Y < 1e12) || r.Unit > Inch || (r.X == 0) != (r.Y == 0) {
			t.Errorf("resolution %v", r)
		}
		if i.Profile != nil && (len(i.Profile) == 0 || len(i.Profile) > mostProfile) {
			t.Errorf("a profile of %d bytes", len(i.Profile))
		}
	})
}
