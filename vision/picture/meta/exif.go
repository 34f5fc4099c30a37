package meta

import (
	"encoding/binary"
	"math"
)

// The tags that are read.
const (
	tagOrientation    = 274
	tagXResolution    = 282
	tagYResolution    = 283
	tagResolutionUnit = 296
	tagProfile        = 34675
)

// directory is what the first directory of a TIFF file or of an EXIF block says.
type directory struct {
	orientation int // 0 if it says nothing
	profile     []byte
	resolution  Resolution
}

// value is an entry of a directory.
type value struct {
	order binary.ByteOrder
	kind  uint16
	data  []byte // of all values, or nil if there are none in the file
}

// widths has the bytes of a value by its type. Types that are not in it are unknown.
var widths = [...]uint64{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}

// layout says where the parts of a directory are.
type layout struct {
	order binary.ByteOrder
	big   bool
}

// number reads an unsigned number of n bytes.
func (l layout) number(b []byte, n int) uint64 {
	switch n {
	case 2:
		return uint64(l.order.Uint16(b))
	case 4:
		return uint64(l.order.Uint32(b))
	}
	return l.order.Uint64(b)
}

// readDirectory reads the first directory of a TIFF file, of a BigTIFF, or of an EXIF
// block, which is a TIFF file without a picture. Each entry is read by itself: a
// broken one, or what stands behind the entries, affects no other. Of entries for the
// same tag, the last whole one counts.
func readDirectory(file []byte) directory {
	l := layout{order: binary.LittleEndian}
	if has(file, 0, "MM") {
		l.order = binary.BigEndian
	}
	if len(file) < 8 {
		return directory{}
	}
	word, entry := 4, 12
	if at := l.order.Uint16(file[2:]); at == 43 {
		word, entry, l.big = 8, 20, true
	}
	place := file[word:]
	if len(place) < word {
		return directory{}
	}
	head := word / 2 // bytes of the number of entries
	if l.big {
		head = 8
	}
	at := l.number(place, word)
	if at > uint64(len(file)) || uint64(len(file))-at < uint64(head) {
		return directory{}
	}
	entries := file[at:]
	n := l.number(entries, head)
	entries = entries[head:]
	n = min(n, uint64(len(entries)/entry))
	var found [5]value
	for i := range n {
		e := entries[int(i)*entry:][:entry]
		v := l.value(file, e, word)
		if v.data == nil {
			continue
		}
		switch l.order.Uint16(e) {
		case tagOrientation:
			found[0] = v
		case tagXResolution:
			found[1] = v
		case tagYResolution:
			found[2] = v
		case tagResolutionUnit:
			found[3] = v
		case tagProfile:
			found[4] = v
		}
	}
	d := directory{profile: found[4].data}
	if o, ok := found[0].one(); ok && o >= 1 && o <= 8 && o == math.Trunc(o) {
		d.orientation = int(o)
	}
	x, okX := found[1].one()
	y, okY := found[2].one()
	if !okY {
		y = x
	}
	if okX {
		unit := Inch
		if u, ok := found[3].one(); ok && u == 1 {
			unit = NoUnit
		} else if ok && u == 3 {
			unit = Centimetre
		}
		d.resolution = per(unit, x, y)
	}
	return d
}

// value reads an entry. A value of up to word bytes stands in the entry itself.
func (l layout) value(file, entry []byte, word int) value {
	v := value{order: l.order, kind: l.order.Uint16(entry[2:])}
	count := l.number(entry[4:], word)
	if int(v.kind) >= len(widths) || widths[v.kind] == 0 || count == 0 || count > uint64(len(file)) {
		return v
	}
	size := count * widths[v.kind]
	here := entry[4+word:]
	if size <= uint64(word) {
		v.data = here[:size]
		return v
	}
	if at := l.number(here, word); at <= uint64(len(file)) && uint64(len(file))-at >= size {
		v.data = file[at : at+size]
	}
	return v
}

// one returns the first number of an entry. Like Pillow it takes no BYTE for one.
func (v value) one() (float64, bool) {
	if v.data == nil {
		return 0, false
	}
	switch v.kind {
	case 3:
		return float64(v.order.Uint16(v.data)), true
	case 4, 13:
		return float64(v.order.Uint32(v.data)), true
	case 5:
		over, under := v.order.Uint32(v.data), v.order.Uint32(v.data[4:])
		return float64(over) / float64(under), under != 0
	case 6:
		return float64(int8(v.data[0])), true
	case 8:
		return float64(int16(v.order.Uint16(v.data))), true
	case 9:
		return float64(int32(v.order.Uint32(v.data))), true
	case 11:
		return float64(math.Float32frombits(v.order.Uint32(v.data))), true
	case 12:
		return math.Float64frombits(v.order.Uint64(v.data)), true
	case 16, 18:
		return float64(v.order.Uint64(v.data)), true
	}
	return 0, false
}
