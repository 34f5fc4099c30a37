package codec

import "image"

// chroma says how the usual decoder of a format (libjpeg, libwebp) enlarges chroma
// of half the resolution and converts it to RGB. Pictures should equal those that
// the models were trained on. image/color differs: it repeats chroma samples and
// treats every file as JFIF.
type chroma struct {
	least  int                                             // fewest columns of a plane that is interpolated
	corner func(near, across, down, diagonal, odd int) int // interpolates in 4:2:0
	rgb    func(y, cb, cr int) (r, g, b int)
}

var jpegChroma = chroma{
	least: 3,
	corner: func(near, across, down, diagonal, odd int) int {
		return (9*near + 3*across + 3*down + diagonal + 8 - odd) >> 4
	},
	rgb: func(y, cb, cr int) (r, g, b int) {
		cb, cr = cb-128, cr-128
		return y + (91881*cr+1<<15)>>16, y + (-22554*cb-46802*cr+1<<15)>>16, y + (116130*cb+1<<15)>>16
	},
}

var webpChroma = chroma{
	corner: func(near, across, down, diagonal, _ int) int {
		return ((near+3*across+3*down+diagonal+8)>>3 + near) >> 1
	},
	// Luma ranges from 16 to 235.
	rgb: func(y, cb, cr int) (r, g, b int) {
		y = y * 19077 >> 8
		r = y + cr*26149>>8 - 14234
		g = y - cb*6419>>8 - cr*13320>>8 + 8708
		b = y + cb*33050>>8 - 17685
		return r >> 6, g >> 6, b >> 6
	},
}

// convert makes an RGB picture from a decoder's planes.
func (c chroma) convert(m *image.YCbCr) *Picture {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	out := &Picture{Width: w, Height: h, Channels: 3, Pix: make([]uint8, 3*w*h)}
	cb, cr := make([]int, w), make([]int, w)
	for y := range h {
		c.row(cb, m.Cb, m, y)
		c.row(cr, m.Cr, m, y)
		luma := m.Y[y*m.YStride:]
		for x := range w {
			r, g, b := c.rgb(int(luma[x]), cb[x], cr[x])
			p := out.Pix[3*(y*w+x):]
			p[0], p[1], p[2] = clip8(r), clip8(g), clip8(b)
		}
	}
	return out
}

// row computes row y of a chroma plane at full width into to. In a plane of half
// the width, a sample is ¾ of its nearer and ¼ of its farther neighbour; the same
// holds for half the height. Planes with other ratios or with fewer columns than
// least repeat samples.
func (c chroma) row(to []int, plane []uint8, m *image.YCbCr, y int) {
	halfW, halfH := (m.Rect.Dx()+1)/2, (m.Rect.Dy()+1)/2
	ratio := m.SubsampleRatio
	switch {
	case ratio == image.YCbCrSubsampleRatio420 && halfW >= c.least:
		near := y / 2
		far := max(0, min(near+2*(y%2)-1, halfH-1))
		a, b := plane[near*m.CStride:], plane[far*m.CStride:]
		for x := range to {
			i := x / 2
			next := max(0, min(i+2*(x%2)-1, halfW-1))
			to[x] = c.corner(int(a[i]), int(a[next]), int(b[i]), int(b[next]), x%2)
		}
	case ratio == image.YCbCrSubsampleRatio422 && halfW >= c.least:
		row := plane[y*m.CStride:]
		for x := range to {
			i := x / 2
			next := max(0, min(i+2*(x%2)-1, halfW-1))
			to[x] = (3*int(row[i]) + int(row[next]) + 1 + x%2) >> 2
		}
	default:
		for x := range to {
			to[x] = int(plane[m.COffset(m.Rect.Min.X+x, m.Rect.Min.Y+y)])
		}
	}
}

// clip8 limits v to 0 to 255.
func clip8(v int) uint8 { return uint8(max(0, min(v, 255))) }
