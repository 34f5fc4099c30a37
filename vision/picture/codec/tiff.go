package codec

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/tetratelabs/wazero/api"
)

// tiffPicture is a TIFF on its way to samples of 8 bits. Fields are libtiff's.
type tiffPicture struct {
	*Picture
	bits, samples, format, photometric int
	separate, rgba                     bool
	alpha                              int // the extra sample that is alpha, or -1
	premultiplied                      bool
	palette                            []byte // red, green, blue
}

const (
	tiffMinIsWhite = 0
	tiffMinIsBlack = 1
	tiffRGB        = 2
	tiffPalette    = 3
	tiffMask       = 4
	tiffSeparated  = 5

	tiffUnsigned = 1
	tiffSigned   = 2
	tiffFloat    = 3
	tiffVoid     = 4
)

func tiffConfig(file []byte) (Info, error) {
	h, err := tiffHead(file)
	if err != nil {
		return Info{}, err
	}
	per := int64(min(h.samples, 4))
	if h.photometric == tiffPalette || h.photometric >= 6 {
		per = max(per, 3)
	}
	return Info{Width: h.width, Height: h.height, Memory: per*int64(h.width)*int64(h.height) + h.program(len(file))}, nil
}

// decodeTIFF lets libtiff decompress and makes of its samples what Pillow makes of them.
func decodeTIFF(ctx context.Context, file []byte) (*Picture, error) {
	h, err := tiffHead(file)
	if err != nil {
		return nil, err
	}
	program, err := codecProgram()
	if err != nil {
		return nil, err
	}
	t := &tiffPicture{Picture: &Picture{}}
	c := &call{file: file, memory: h.program(len(file)), rows: t.put}
	c.head = func(f []int32, mem api.Memory) error {
		if int(f[0]) != h.width || int(f[1]) != h.height {
			return errors.New("two sizes")
		}
		return t.begin(f, mem, h)
	}
	if err := program.run(ctx, c, "tiff", uint64(len(file))); err != nil {
		return nil, err
	}
	if t.premultiplied {
		t.divide()
	}
	return t.Picture, nil
}

// begin reads the fields of struct head in wasm/glue.c and makes room for the picture.
func (t *tiffPicture) begin(f []int32, mem api.Memory, h tiffHeader) error {
	t.Width, t.Height = int(f[0]), int(f[1])
	t.bits, t.samples, t.format, t.photometric = int(f[2]), int(f[3]), int(f[4]), int(f[5])
	t.separate, t.rgba, t.alpha = f[6] == 2, f[7] != 0, -1
	extra, kind, inks := int(f[8]), f[9], f[13]
	if t.rgba {
		t.Channels = 3
		t.Pix = make([]uint8, 3*t.Width*t.Height)
		return nil
	}
	colours := t.samples - extra
	switch t.photometric {
	case tiffMinIsWhite, tiffMinIsBlack, tiffMask:
		t.Channels, colours = 1, 1
	case tiffRGB:
		t.Channels = 3
		if t.samples == 4 && !h.extra { // nobody says what the fourth one is
			kind, colours = 2, 3
		}
	case tiffPalette:
		t.Channels, colours = 3, 1
		if t.bits > 8 {
			return fmt.Errorf("a palette with indices of %d bits is not supported", t.bits)
		}
		for i := range uint32(1) << t.bits {
			for _, at := range f[10:13] {
				v, _ := mem.ReadUint16Le(uint32(at) + 2*i)
				t.palette = append(t.palette, uint8(v>>8))
			}
		}
	case tiffSeparated:
		t.Channels = 4
		if inks != 1 || colours != 4 {
			return errors.New("inks other than cyan, magenta, yellow and black are not supported")
		}
	}
	if t.photometric != tiffPalette && colours < t.Channels || t.samples < colours {
		return fmt.Errorf("%d samples a pixel are too few", t.samples)
	}
	if t.samples > colours && (kind == 1 || kind == 2) {
		t.alpha, t.premultiplied = colours, kind == 1
	}
	switch {
	case t.format == tiffFloat && t.bits != 32 && t.bits != 64, t.format > tiffVoid,
		t.bits > 32 && t.format != tiffFloat, t.bits < 1, t.format == tiffSigned && t.bits != 8 && t.bits != 16 && t.bits != 32:
		return fmt.Errorf("samples of %d bits in format %d are not supported", t.bits, t.format)
	case t.bits > 16 && t.Channels > 1:
		return fmt.Errorf("colours of %d bits are not supported", t.bits)
	}
	n := t.Width * t.Height
	t.Pix = make([]uint8, n*t.Channels)
	if t.alpha >= 0 {
		t.Alpha = make([]uint8, n)
	}
	return nil
}

// put takes a block of samples.
func (t *tiffPicture) put(b block) {
	n := t.samples
	bits := t.bits
	switch {
	case t.rgba:
		n, bits = 4, 8
	case t.separate:
		n = 1
	}
	stride := (b.w*n*bits + 7) / 8
	for y := range min(b.h, t.Height-b.y) {
		if len(b.data) < (y+1)*stride {
			return
		}
		row, at := b.data[y*stride:(y+1)*stride], (b.y+y)*t.Width+b.x
		w := min(b.w, t.Width-b.x)
		switch {
		case t.rgba:
			for x := range w {
				copy(t.Pix[3*(at+x):3*(at+x)+3], row[4*x:])
			}
		case t.separate:
			t.plane(row, at, w, 0, 1, b.plane)
		default:
			for s := range n {
				t.plane(row, at, w, s, n, s)
			}
		}
	}
}

// plane stores one sample of each of w pixels from pixel at on. Pixels of row have step
// samples, of which it is number first.
func (t *tiffPicture) plane(row []byte, at, w, first, step, sample int) {
	switch {
	case sample == t.alpha:
		for x := range w {
			t.Alpha[at+x] = t.sample(row, x*step+first)
		}
	case t.photometric == tiffPalette && sample == 0:
		for x := range w {
			i := int(raw(row, x*step+first, t.bits))
			copy(t.Pix[3*(at+x):3*(at+x)+3], t.palette[3*i:])
		}
	case t.photometric == tiffPalette || sample >= t.Channels:
	case t.bits == 8 && t.format != tiffSigned && t.photometric != tiffMinIsWhite:
		for x := range w {
			t.Pix[(at+x)*t.Channels+sample] = row[x*step+first]
		}
	default:
		invert := t.photometric == tiffMinIsWhite && t.bits <= 16
		for x := range w {
			v := t.sample(row, x*step+first)
			if invert {
				v = 255 - v
			}
			t.Pix[(at+x)*t.Channels+sample] = v
		}
	}
}

// sample returns sample i of a row. Up to 16 bits it is the share of the largest value,
// of which the lower bits are dropped; wider, signed and real numbers are limited to 0
// to 255, as Pillow does.
func (t *tiffPicture) sample(row []byte, i int) uint8 {
	v := raw(row, i, t.bits)
	switch {
	case t.format == tiffFloat:
		f := math.Float64frombits(v)
		if t.bits == 32 {
			f = float64(math.Float32frombits(uint32(v)))
		}
		if !(f > 0) { // NaN as well
			return 0
		}
		return uint8(min(f, 255))
	case t.format == tiffSigned:
		s := int64(v) << (64 - t.bits) >> (64 - t.bits)
		return uint8(max(0, min(s, 255)))
	case t.bits > 16:
		return uint8(min(v, 255))
	case t.bits >= 8:
		return uint8(v >> (t.bits - 8))
	}
	return uint8(v * 255 / (1<<t.bits - 1))
}

// raw returns number i of a row of numbers of so many bits: whole bytes begin with the
// lowest, others with the highest bit.
func raw(row []byte, i, bits int) uint64 {
	switch bits {
	case 8:
		return uint64(row[i])
	case 16:
		return uint64(binary.LittleEndian.Uint16(row[2*i:]))
	case 24:
		return uint64(row[3*i]) | uint64(row[3*i+1])<<8 | uint64(row[3*i+2])<<16
	case 32:
		return uint64(binary.LittleEndian.Uint32(row[4*i:]))
	case 64:
		return binary.LittleEndian.Uint64(row[8*i:])
	}
	var v uint64
	for at := i * bits; at < (i+1)*bits; at++ {
		v = v<<1 | uint64(row[at/8]>>(7-at%8)&1)
	}
	return v
}

// divide divides colours by their alpha.
func (t *tiffPicture) divide() {
	for i, a := range t.Alpha {
		if a == 0 || a == 255 {
			continue
		}
		p := t.Pix[i*t.Channels : (i+1)*t.Channels]
		for c := range p {
			p[c] = clip8(int(p[c]) * 255 / int(a))
		}
	}
}
