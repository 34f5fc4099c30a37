package meta

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"io"
	"regexp"
)

// pngReader walks the chunks of a PNG.
type pngReader struct {
	left int // bytes that may be inflated

	exif, raw   directory // of eXIf and of ImageMagick's text
	exifs, raws bool      // whether there is one
	xmp         int       // orientation
	info        Info
}

// readPNG reads a PNG. EXIF stands in a chunk of its own, or as ImageMagick wrote it
// before there was one. Of several of a kind the last counts, as in Pillow. Only a
// profile says what colours mean: cICP, gAMA and cHRM are not read.
func readPNG(file []byte) Info {
	p := pngReader{left: mostProfile}
	for rest := file[8:]; len(rest) >= 8; {
		n := binary.BigEndian.Uint32(rest)
		kind, data := string(rest[4:8]), rest[8:]
		data = data[:min(uint64(n), uint64(len(data)))]
		p.chunk(kind, data)
		if kind == "IEND" || len(rest) < 12+len(data) {
			break
		}
		rest = rest[12+len(data):]
	}
	switch {
	case p.exifs:
		p.info.Orientation = p.exif.orientation
	case p.raws:
		p.info.Orientation = p.raw.orientation
	}
	if p.info.Orientation == 0 {
		p.info.Orientation = p.xmp
	}
	return p.info
}

// chunk reads a chunk.
func (p *pngReader) chunk(kind string, data []byte) {
	switch kind {
	case "eXIf":
		if block := withoutName(data); isTIFF(block) {
			p.exif, p.exifs = readDirectory(block), true
		}
	case "pHYs":
		if len(data) >= 9 {
			unit := NoUnit
			if data[8] == 1 {
				unit = Metre
			}
			p.info.Resolution = per(unit, float64(binary.BigEndian.Uint32(data)), float64(binary.BigEndian.Uint32(data[4:])))
		}
	case "iCCP":
		if _, after, ok := bytes.Cut(data, []byte{0}); ok && len(after) > 1 && after[0] == 0 && p.info.Profile == nil {
			p.info.Profile = p.inflate(after[1:])
		}
	case "tEXt", "zTXt", "iTXt":
		p.text(kind, data)
	}
}

// text reads a text with a key.
func (p *pngReader) text(kind string, data []byte) {
	key, after, ok := bytes.Cut(data, []byte{0})
	if !ok {
		return
	}
	name := string(key)
	switch name {
	case "Raw profile type exif", "Raw profile type APP1", "XML:com.adobe.xmp":
	default:
		return
	}
	deflated := kind == "zTXt"
	if kind == "iTXt" {
		if len(after) < 2 {
			return
		}
		deflated = after[0] == 1
		method := after[1]
		_, after, ok = bytes.Cut(after[2:], []byte{0}) // the language
		if ok {
			_, after, ok = bytes.Cut(after, []byte{0}) // the key in that language
		}
		if !ok || deflated && method != 0 {
			return
		}
	} else if deflated {
		if len(after) < 1 || after[0] != 0 {
			return
		}
		after = after[1:]
	}
	if deflated {
		after = p.inflate(after)
	}
	if name == "XML:com.adobe.xmp" {
		p.packet(after)
		return
	}
	if !deflated {
		after = bytes.Clone(after) // it is a part of the file
	}
	block := rawProfile(after)
	if packet, ok := bytes.CutPrefix(block, []byte("http://ns.adobe.com/xap/1.0/\x00")); ok {
		p.packet(packet)
	} else if block = withoutName(block); isTIFF(block) {
		p.raw, p.raws = readDirectory(block), true
	}
}

// inflate returns what data is the deflated form of, or nil if it is broken or too
// long.
func (p *pngReader) inflate(data []byte) []byte {
	z, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	out, err := io.ReadAll(io.LimitReader(z, int64(p.left)+1))
	if err != nil && err != zlib.ErrChecksum || len(out) > p.left {
		p.left = max(p.left-len(out), 0)
		return nil
	}
	p.left -= len(out)
	return out
}

// rawProfile returns the bytes of a text as ImageMagick writes it: a line with the
// kind, one with the number of bytes, and lines of hexadecimal digits. It may change the
// text.
func rawProfile(text []byte) []byte {
	text = bytes.TrimSpace(text)
	_, text, _ = bytes.Cut(text, []byte("\n"))
	_, text, ok := bytes.Cut(text, []byte("\n"))
	if !ok {
		return nil
	}
	digits := text[:0]
	for _, c := range text {
		if c > ' ' {
			digits = append(digits, c)
		}
	}
	n, err := hex.Decode(digits, digits)
	if err != nil {
		return nil
	}
	return digits[:n]
}

// inXMP finds the orientation in XMP, as an attribute or as an element.
var inXMP = regexp.MustCompile(`tiff:Orientation(?:\s*=\s*["']|>)([0-9])`)

// packet reads an XMP packet.
func (p *pngReader) packet(packet []byte) {
	if m := inXMP.FindSubmatch(packet); m != nil {
		p.xmp = int(m[1][0] - '0')
	}
}
