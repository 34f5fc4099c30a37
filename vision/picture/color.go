package picture

// Grey returns m in grey, as Pillow's convert("L") does (ITU-R 601-2 luma). It
// returns m itself if m is grey.
func (m *Image) Grey() *Image {
	if m.Channels == 1 {
		return m
	}
	out := New(m.Width, m.Height, 1)
	for i := range out.Pix {
		p := m.Pix[3*i : 3*i+3]
		out.Pix[i] = uint8((uint32(p[0])*19595 + uint32(p[1])*38470 + uint32(p[2])*7471 + 0x8000) >> 16)
	}
	return out
}

// RGB returns m with three channels. It returns m itself if m has them.
func (m *Image) RGB() *Image {
	if m.Channels == 3 {
		return m
	}
	out := New(m.Width, m.Height, 3)
	for i, p := range m.Pix {
		out.Pix[3*i], out.Pix[3*i+1], out.Pix[3*i+2] = p, p, p
	}
	return out
}

// sixtyFourths returns v in Pillow's fixed point. The conversion to int rounds
// negative numbers up, like a cast in C.
func sixtyFourths(v float64) int { return int(v*64 + 0.5) }

// YCbCr returns m as luma and two chroma channels, as Pillow's convert("YCbCr")
// does (JFIF, with the full range of 0 to 255).
func (m *Image) YCbCr() *Image {
	m = m.RGB()
	var y, cb, cr [3][256]int
	weigh := func(t *[3][256]int, r, g, b float64) {
		for i := range 256 {
			v := float64(i)
			t[0][i], t[1][i], t[2][i] = sixtyFourths(v*r), sixtyFourths(v*g), sixtyFourths(v*b)
		}
	}
	weigh(&y, 0.299, 0.587, 0.114)
	weigh(&cb, -0.16874, -0.33126, 0.5)
	weigh(&cr, 0.5, -0.41869, -0.08131)
	out := New(m.Width, m.Height, 3)
	for i := 0; i < len(m.Pix); i += 3 {
		r, g, b := m.Pix[i], m.Pix[i+1], m.Pix[i+2]
		out.Pix[i] = uint8((y[0][r] + y[1][g] + y[2][b]) >> 6)
		out.Pix[i+1] = clip8((cb[0][r]+cb[1][g]+cb[2][b])>>6 + 128)
		out.Pix[i+2] = clip8((cr[0][r]+cr[1][g]+cr[2][b])>>6 + 128)
	}
	return out
}

// FromYCbCr is the inverse of YCbCr, as Pillow computes it.
func (m *Image) FromYCbCr() *Image {
	var rCr, gCb, gCr, bCb [256]int
	for i := range 256 {
		v := float64(i - 128)
		rCr[i], gCb[i] = sixtyFourths(v*1.402), sixtyFourths(v*-0.34414)
		gCr[i], bCb[i] = sixtyFourths(v*-0.71414), sixtyFourths(v*1.772)
	}
	out := New(m.Width, m.Height, 3)
	for i := 0; i+2 < len(m.Pix); i += 3 {
		y, cb, cr := int(m.Pix[i]), m.Pix[i+1], m.Pix[i+2]
		out.Pix[i] = clip8(y + rCr[cr]>>6)
		out.Pix[i+1] = clip8(y + (gCb[cb]+gCr[cr])>>6)
		out.Pix[i+2] = clip8(y + bCb[cb]>>6)
	}
	return out
}

// Channel returns one channel as a grey picture.
func (m *Image) Channel(c int) *Image {
	out := New(m.Width, m.Height, 1)
	for i := range out.Pix {
		out.Pix[i] = m.Pix[i*m.Channels+c]
	}
	return out
}

// Merge makes a picture from grey pictures of the same size, one for each channel.
func Merge(channels ...*Image) *Image {
	out := New(channels[0].Width, channels[0].Height, len(channels))
	for c, m := range channels {
		for i, p := range m.Pix {
			out.Pix[i*len(channels)+c] = p
		}
	}
	return out
}

// clip8 limits v to 0 to 255.
func clip8(v int) uint8 { return uint8(max(0, min(v, 255))) }
