package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// heifHeader is what the boxes before the pixels of a HEIC or AVIF say of its main
// picture.
type heifHeader struct {
	width, height int // upright
	stored        struct{ width, height int }
	turn          heifTurn
	samples       float64 // of all planes, for each pixel
	wide          bool    // samples have more than 8 bits
}

// isHEIF reports whether a file's brands begin with one of the texts.
func isHEIF(brands ...string) func([]byte) bool {
	return func(file []byte) bool {
		if len(file) < 16 || string(file[4:8]) != "ftyp" {
			return false
		}
		n := min(int64(binary.BigEndian.Uint32(file)), int64(len(file)))
		for at := int64(8); at+4 <= n; at += 4 {
			for _, b := range brands {
				if at != 12 && string(file[at:at+4]) == b {
					return true
				}
			}
		}
		return false
	}
}

// box returns the first box of rest, its content and what follows it.
func box(rest []byte) (kind string, data, next []byte, err error) {
	if len(rest) < 8 {
		return "", nil, nil, io.ErrUnexpectedEOF
	}
	n, head := uint64(binary.BigEndian.Uint32(rest)), uint64(8)
	switch {
	case n == 0: // to the end
		n = uint64(len(rest))
	case n == 1 && len(rest) >= 16:
		n, head = binary.BigEndian.Uint64(rest[8:]), 16
	}
	if n < head || n > uint64(len(rest)) {
		return "", nil, nil, io.ErrUnexpectedEOF
	}
	return string(rest[4:8]), rest[head:n], rest[n:], nil
}

// inBox returns the content of the first box of a kind, without its first skip bytes.
func inBox(rest []byte, want string, skip int) ([]byte, error) {
	for {
		kind, data, next, err := box(rest)
		if err != nil {
			return nil, errors.New("no box " + want)
		}
		if kind == want && len(data) >= skip {
			return data[skip:], nil
		}
		rest = next
	}
}

// heifProperty is a box that describes items.
type heifProperty struct {
	kind string
	data []byte
}

func heifHead(file []byte) (h heifHeader, err error) {
	meta, err := inBox(file, "meta", 4)
	if err != nil {
		return h, err
	}
	main, err := inBox(meta, "pitm", 0)
	if err != nil {
		return h, err
	}
	of, err := inBox(meta, "iprp", 0)
	if err != nil {
		return h, err
	}
	rest, err := inBox(of, "ipco", 0)
	if err != nil {
		return h, err
	}
	links, err := inBox(of, "ipma", 0)
	if err != nil {
		return h, err
	}
	var all []heifProperty
	for len(rest) > 0 && len(all) < 1<<15 {
		kind, data, next, err := box(rest)
		if err != nil {
			return h, err
		}
		all, rest = append(all, heifProperty{kind, data}), next
	}
	h.samples = 1.5
	for _, p := range all { // a grid has none of its own: its tiles' counts
		h.coded(p)
	}
	numbers := &reader{main, nil}
	version := numbers.take(1)
	numbers.take(3)
	item := numbers.take(2 + 2*int(min(version, 1)))
	numbers = &reader{links, numbers.err}
	version, flags := numbers.take(1), numbers.take(3)
	for entries := numbers.take(4); entries > 0 && numbers.err == nil; entries-- {
		id, n := numbers.take(2+2*int(min(version, 1))), numbers.take(1)
		for range n {
			i := int(numbers.take(1+int(flags&1)) & (1<<(7+8*(flags&1)) - 1))
			if id == item && i >= 1 && i <= len(all) {
				h.apply(all[i-1])
			}
		}
	}
	if h.width > 1<<24 || h.height > 1<<24 || h.stored.width > 1<<24 || h.stored.height > 1<<24 {
		return h, errors.New("too large")
	}
	if stored := h.stored.width * h.stored.height; stored > max(1<<24, 4*h.width*h.height) {
		return h, fmt.Errorf("cropped from %d×%d pixels", h.stored.width, h.stored.height)
	}
	return h, numbers.err
}

// coded notes how pixels are stored.
func (h *heifHeader) coded(p heifProperty) {
	switch b := p.data; {
	case p.kind == "hvcC" && len(b) >= 19:
		h.samples = max(h.samples, [4]float64{1, 1.5, 2, 3}[b[16]&3])
		h.wide = h.wide || b[17]&7 > 0 || b[18]&7 > 0
	case p.kind == "av1C" && len(b) >= 4:
		h.wide = h.wide || b[2]&0x40 != 0
		if b[2]&4 == 0 { // the height is not halved
			h.samples = 3
		}
	}
}

// heifTurn says where stored pixel (x, y) stands in the upright picture: at
// (ox + x·xx + y·xy, oy + x·yx + y·yy).
type heifTurn struct{ ox, oy, xx, xy, yx, yy int }

// at returns the place of a stored pixel.
func (t heifTurn) at(x, y int) (int, int) {
	return t.ox + x*t.xx + y*t.xy, t.oy + x*t.yx + y*t.yy
}

// flip mirrors the first coordinate of pictures that are n pixels wide.
func (t *heifTurn) flip(n int) { t.ox, t.xx, t.xy = n-1-t.ox, -t.xx, -t.xy }

// swap exchanges the coordinates.
func (t *heifTurn) swap() { *t = heifTurn{t.oy, t.ox, t.yx, t.yy, t.xx, t.xy} }

// apply takes the size, or turns or crops the picture as far as it is turned so far.
func (h *heifHeader) apply(p heifProperty) {
	n := &reader{p.data, nil}
	switch p.kind {
	case "ispe":
		n.take(4)
		h.width, h.height = int(n.take(4)), int(n.take(4))
		h.stored.width, h.stored.height = h.width, h.height
		h.turn = heifTurn{xx: 1, yy: 1}
	case "irot": // a quarter against the clock: x, y becomes y, width-1-x
		for range n.take(1) & 3 {
			h.turn.flip(h.width)
			h.turn.swap()
			h.width, h.height = h.height, h.width
		}
	case "imir":
		if n.take(1)&1 != 0 {
			h.turn.flip(h.width)
			break
		}
		h.turn.swap()
		h.turn.flip(h.height)
		h.turn.swap()
	case "clap":
		var size, middle [2]float64
		for i := range 4 {
			over, under := float64(int32(n.take(4))), float64(int32(n.take(4)))
			if under <= 0 {
				return
			}
			if i < 2 {
				size[i] = over / under
			} else {
				middle[i-2] = over / under
			}
		}
		for i, side := range []*int{&h.width, &h.height} {
			from := int(max(0, middle[i]+float64(*side-1)/2-(size[i]-1)/2+0.001))
			if from >= *side {
				return
			}
			*side = min(int(math.Floor(size[i]+0.5)), *side-from)
			if i == 0 {
				h.turn.ox -= from
			} else {
				h.turn.oy -= from
			}
		}
	}
}

// reader takes numbers, highest byte first. After an error they are 0.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) take(n int) (v uint64) {
	if len(r.rest) < n {
		r.rest, r.err = nil, io.ErrUnexpectedEOF
		return 0
	}
	for _, b := range r.rest[:n] {
		v = v<<8 | uint64(b)
	}
	r.rest = r.rest[n:]
	return v
}

// program returns the most bytes that libheif and its decoders may use: the file;
// planes as they are decoded, twice; red, green, blue and alpha, twice if they are
// joined of tiles.
func (h *heifHeader) program(size int) int64 {
	memory := float64(h.stored.width+256) * float64(h.stored.height+256) * (2*h.samples + 8)
	if h.wide {
		memory *= 2
	}
	return 24<<20 + int64(size) + int64(memory)
}
