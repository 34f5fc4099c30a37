package codec

import (
	"compress/lzw"
	"context"
	"errors"
	"io"
)

// gifFrame is the first frame of a GIF: where it stands on the screen and its data.
type gifFrame struct {
	width, height int // of the screen, enlarged if the frame reaches beyond it
	x, y, w, h    int
	interlaced    bool
	palette       []byte // red, green, blue; nil for levels of grey
	clear         int    // the transparent index, or -1
	code          int    // bits of an index
	data          []byte
}

// gifBlocks skips a sequence of sub-blocks and returns the first and what follows.
func gifBlocks(rest []byte) (first, next []byte, err error) {
	for i := 0; ; i++ {
		if len(rest) < 1 || len(rest) < 1+int(rest[0]) {
			return first, nil, io.ErrUnexpectedEOF
		}
		n := int(rest[0])
		if i == 0 {
			first = rest[1 : 1+n]
		}
		rest = rest[1+n:]
		if n == 0 {
			return first, rest, nil
		}
	}
}

// gifColours reads a colour table if flags say that there is one.
func gifColours(rest []byte, flags byte) (palette, next []byte, err error) {
	if flags&0x80 == 0 {
		return nil, rest, nil
	}
	n := 3 << (flags&7 + 1)
	if len(rest) < n {
		return nil, nil, io.ErrUnexpectedEOF
	}
	return rest[:n], rest[n:], nil
}

func gifHead(file []byte) (f gifFrame, err error) {
	if len(file) < 13 {
		return f, io.ErrUnexpectedEOF
	}
	word := func(b []byte) int { return int(b[0]) | int(b[1])<<8 }
	f = gifFrame{width: word(file[6:]), height: word(file[8:]), clear: -1}
	global, rest, err := gifColours(file[13:], file[10])
	if err != nil {
		return f, err
	}
	for len(rest) > 0 {
		kind := rest[0]
		rest = rest[1:]
		switch kind {
		case '!':
			if len(rest) == 0 {
				return f, io.ErrUnexpectedEOF
			}
			label := rest[0]
			block, next, err := gifBlocks(rest[1:])
			if err != nil {
				return f, err
			}
			if label == 0xf9 && len(block) >= 4 && block[0]&1 != 0 {
				f.clear = int(block[3])
			}
			rest = next
		case ',':
			if len(rest) < 9 {
				return f, io.ErrUnexpectedEOF
			}
			f.x, f.y, f.w, f.h = word(rest), word(rest[2:]), word(rest[4:]), word(rest[6:])
			flags := rest[8]
			f.interlaced = flags&0x40 != 0
			f.width, f.height = max(f.width, f.x+f.w), max(f.height, f.y+f.h)
			local, next, err := gifColours(rest[9:], flags)
			if err != nil {
				return f, err
			}
			if f.palette = local; local == nil {
				f.palette = global
			}
			if len(next) < 1 {
				return f, io.ErrUnexpectedEOF
			}
			if f.code = int(next[0]); f.code < 1 || f.code > 8 {
				return f, errors.New("wrong size of codes")
			}
			f.data = next[1:]
			return f, nil
		case ';':
			return f, errors.New("no frame")
		}
	}
	return f, io.ErrUnexpectedEOF
}

// grey reports whether the colours are the levels of grey by index.
func (f *gifFrame) grey() bool {
	for i := 0; i < len(f.palette); i++ {
		if int(f.palette[i]) != i/3 {
			return false
		}
	}
	return true
}

func gifConfig(file []byte) (Info, error) {
	f, err := gifHead(file)
	per := int64(4)
	if f.clear < 0 {
		per = 3
	}
	return Info{Width: f.width, Height: f.height, Memory: per*int64(f.width)*int64(f.height) + int64(f.w) + 1<<16}, err
}

// gifData reads the data of sub-blocks.
type gifData struct {
	ctx        context.Context
	data, rest []byte
}

func (d *gifData) next() error {
	if err := d.ctx.Err(); err != nil {
		return err
	}
	if len(d.rest) == 0 || d.rest[0] == 0 {
		return io.EOF
	}
	n := min(1+int(d.rest[0]), len(d.rest))
	d.data, d.rest = d.rest[1:n], d.rest[n:]
	return nil
}

func (d *gifData) Read(p []byte) (int, error) {
	for len(d.data) == 0 {
		if err := d.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, d.data)
	d.data = d.data[n:]
	return n, nil
}

func (d *gifData) ReadByte() (byte, error) {
	var b [1]byte
	_, err := d.Read(b[:])
	return b[0], err
}

// decodeGIF draws the first frame on the screen. What it leaves free has the
// transparent index, or index 0.
func decodeGIF(ctx context.Context, file []byte) (*Picture, error) {
	f, err := gifHead(file)
	if err != nil {
		return nil, err
	}
	if f.w*f.h/4096 > len(f.data) { // a code is less than 4096 pixels
		return nil, io.ErrUnexpectedEOF
	}
	p := &Picture{Width: f.width, Height: f.height, Channels: 3}
	if f.grey() {
		p.Channels, f.palette = 1, nil
	}
	p.Pix = make([]uint8, p.Width*p.Height*p.Channels)
	if f.clear >= 0 {
		p.Alpha = make([]uint8, p.Width*p.Height)
	}
	if f.w < f.width || f.h < f.height {
		free := make([]byte, f.width)
		for x := range free {
			free[x] = byte(max(f.clear, 0))
		}
		for y := range f.height {
			f.put(p, free, 0, y)
		}
	}
	r := lzw.NewReader(&gifData{ctx: ctx, rest: f.data}, lzw.LSB, max(f.code, 2))
	defer r.Close()
	row := make([]byte, f.w)
	passes := [][2]int{{0, 1}}
	if f.interlaced {
		passes = [][2]int{{0, 8}, {4, 8}, {2, 4}, {1, 2}}
	}
	for _, pass := range passes {
		for y := pass[0]; y < f.h; y += pass[1] {
			if _, err := io.ReadFull(r, row); err != nil {
				if err == io.EOF {
					err = io.ErrUnexpectedEOF
				}
				return nil, err
			}
			f.put(p, row, f.x, f.y+y)
		}
	}
	return p, nil
}

// put stores a row of indices from pixel (x, y) on.
func (f *gifFrame) put(p *Picture, row []byte, x, y int) {
	at := y*p.Width + x
	for i, v := range row {
		if p.Alpha != nil {
			p.Alpha[at+i] = 255
			if int(v) == f.clear {
				p.Alpha[at+i] = 0
			}
		}
		if p.Channels == 1 {
			p.Pix[at+i] = v
		} else if 3*int(v)+3 <= len(f.palette) {
			copy(p.Pix[3*(at+i):3*(at+i)+3], f.palette[3*int(v):])
		}
	}
}
