package codec

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"

	"github.com/tetratelabs/wazero/api"
)

var heifProgram = sync.OnceValues(func() (*program, error) {
	if heifWasm == nil {
		return nil, errors.New("this build has no decoder for it (tag noheif)")
	}
	return compile(heifWasm)
})

func heifConfig(file []byte) (Info, error) {
	h, err := heifHead(file)
	if err != nil {
		return Info{}, err
	}
	return Info{Width: h.width, Height: h.height, Memory: 4*int64(h.width)*int64(h.height) + h.program(len(file))}, nil
}

// decodeHEIF lets libheif decode the main picture, and turns it upright.
func decodeHEIF(ctx context.Context, file []byte) (*Picture, error) {
	h, err := heifHead(file)
	if err != nil {
		return nil, err
	}
	program, err := heifProgram()
	if err != nil {
		return nil, err
	}
	var p *Picture
	c := &call{file: file, memory: h.program(len(file))}
	c.head = func(f []int32, mem api.Memory) (err error) {
		if int(f[0]) != h.stored.width || int(f[1]) != h.stored.height {
			return errors.New("two sizes")
		}
		p, err = h.planes(ctx, f, mem)
		return err
	}
	if err := program.run(ctx, c, "heif", uint64(len(file))); err != nil {
		return nil, err
	}
	return p, nil
}

// plane is a plane of samples.
type plane struct {
	data         []byte
	stride, bits int
}

// at returns a sample scaled to 0 to 255.
func (p *plane) at(x, y int) int {
	if p.bits > 8 {
		v := int(binary.LittleEndian.Uint16(p.data[y*p.stride+2*x:]))
		most := 1<<p.bits - 1
		return (min(v, most)*255 + most/2) / most
	}
	return int(p.data[y*p.stride+x])
}

// planes makes a picture of the planes that the fields of struct head in
// wasm/heif/glue.c describe.
func (h *heifHeader) planes(ctx context.Context, f []int32, mem api.Memory) (*Picture, error) {
	width, height, grey, bits, alphaBits, premultiplied, limited := int(f[0]), int(f[1]), f[2] != 0, int(f[3]), int(f[4]), f[5] != 0, f[6] != 0
	n := 3
	if grey {
		n = 1
	}
	if width < 1 || height < 1 || bits < 8 || bits > 16 || alphaBits > 16 {
		return nil, errors.New("broken file")
	}
	var planes [4]plane
	for i := range planes {
		if i >= n && i < 3 || i == 3 && f[13] == 0 {
			continue
		}
		p := plane{stride: int(f[8+2*i]), bits: bits}
		if i == 3 {
			p.bits = max(alphaBits, 8)
		}
		var ok bool
		if p.data, ok = mem.Read(uint32(f[7+2*i]), uint32(p.stride*height)); !ok || f[7+2*i] == 0 || p.stride < width*((p.bits+7)/8) {
			return nil, errors.New("a plane is missing")
		}
		planes[i] = p
	}
	out := &Picture{Width: h.width, Height: h.height, Channels: n, Pix: make([]uint8, n*h.width*h.height)}
	if planes[3].data != nil {
		out.Alpha = make([]uint8, h.width*h.height)
	}
	for y := range height {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for x := range width {
			u, v := h.turn.at(x, y)
			if u < 0 || v < 0 || u >= h.width || v >= h.height {
				continue // cropped
			}
			i := v*h.width + u
			a := 255
			if out.Alpha != nil {
				a = planes[3].at(x, y)
				out.Alpha[i] = uint8(a)
			}
			for c := range n {
				v := planes[c].at(x, y)
				if grey && limited {
					v = ((v-16)*255 + 109) / 219
				}
				if premultiplied && a > 0 {
					v = (v*255 + a/2) / a
				}
				out.Pix[n*i+c] = clip8(v)
			}
		}
	}
	return out, nil
}
