package vision

import (
	"context"
	"image"
	"image/color"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
)

// enlarged is an image.Image for an encoder that reads from top to bottom. It
// computes one row of tiles at a time.
type enlarged struct {
	ctx      context.Context
	u        Upscaler
	m, alpha *picture.Image
	onto     color.NRGBA    // the background
	flat     bool           // the result has the background in place of alpha
	across   []picture.Taps // for columns of the picture and of alpha
	down     []picture.Taps
	columns  []span
	rows     []span // of tiles, not computed yet
	tiles    int    // computed

	channels int
	pix      []uint8 // rows from row first on
	first    int
}

// stopped carries an error out of an encoder by a panic, because At cannot return it.
type stopped struct{ error }

// encode runs an encoder that reads e.
func (e *enlarged) encode(encoder func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s, ok := r.(stopped)
			if !ok {
				panic(r)
			}
			err = s.error
		}
	}()
	return encoder()
}

// behind is the number of rows that an encoder may go back. JPEG reads blocks of 16.
const behind = 16

func newEnlarged(ctx context.Context, u Upscaler, m, alpha *picture.Image) *enlarged {
	if alpha != nil {
		m = bleed(m, alpha, u.Halo+reach)
	}
	if u.Channels == 3 {
		m = m.RGB()
	}
	e := &enlarged{
		ctx: ctx, u: u, m: m, alpha: alpha, channels: m.Channels,
		across:  picture.Bicubic.Taps(m.Width, m.Width*u.Scale),
		down:    picture.Bicubic.Taps(m.Height, m.Height*u.Scale),
		columns: spans(m.Width, u.Tile[1], u.Halo),
		rows:    spans(m.Height, u.Tile[0], u.Halo),
	}
	if alpha != nil {
		e.channels = 4
	}
	return e
}

// Bounds returns the enlarged size.
func (e *enlarged) Bounds() image.Rectangle {
	return image.Rect(0, 0, e.m.Width*e.u.Scale, e.m.Height*e.u.Scale)
}

// ColorModel returns grey or NRGBA.
func (e *enlarged) ColorModel() color.Model {
	if e.channels == 1 {
		return color.GrayModel
	}
	return color.NRGBAModel
}

// Opaque answers the PNG encoder, which would read all pixels without it.
func (e *enlarged) Opaque() bool { return e.alpha == nil || e.flat }

// At returns a pixel. The caller must read rows from top to bottom, and may go back
// by at most behind rows.
func (e *enlarged) At(x, y int) color.Color {
	width := e.m.Width * e.u.Scale
	for (y-e.first+1)*width*e.channels > len(e.pix) {
		if err := e.next(); err != nil {
			panic(stopped{err})
		}
	}
	p := e.pix[((y-e.first)*width+x)*e.channels:]
	switch {
	case e.channels == 1:
		return color.Gray{Y: p[0]}
	case e.channels == 3:
		return color.NRGBA{p[0], p[1], p[2], 255}
	case e.flat:
		on := func(v, below uint8) uint8 {
			return uint8((int(v)*int(p[3]) + int(below)*(255-int(p[3])) + 127) / 255)
		}
		return color.NRGBA{on(p[0], e.onto.R), on(p[1], e.onto.G), on(p[2], e.onto.B), 255}
	}
	return color.NRGBA{p[0], p[1], p[2], p[3]}
}

// next computes the next row of tiles.
func (e *enlarged) next() error {
	row, r := e.rows[0], e.u.Scale
	total := len(e.columns) * len(e.rows)
	total += e.tiles
	e.rows = e.rows[1:]
	width := e.m.Width * r * e.u.Channels // samples in a row of the network's result
	made := make([]float32, width*(row.to-row.from)*r)
	for _, col := range e.columns {
		if err := e.ctx.Err(); err != nil {
			return err
		}
		y, err := e.u.Run(e.ctx, e.tile(row.start, col.start))
		if err != nil {
			return err
		}
		e.put(made, y, row, col)
		e.tiles++
		if e.u.Progress != nil {
			e.u.Progress(e.tiles, total)
		}
	}
	size := e.m.Width * r * e.channels
	if drop := len(e.pix)/size - behind; drop > 0 {
		e.pix = append(e.pix[:0], e.pix[drop*size:]...)
		e.first += drop
	}
	done := len(e.pix)
	need := done + (row.to-row.from)*r*size
	if cap(e.pix) < need {
		e.pix = append(make([]uint8, 0, need), e.pix...)
	}
	e.pix = e.pix[:need]
	e.finishRows(e.pix[done:], row, made)
	return nil
}

// put copies what is valid of a tile's result y into a row of tiles.
func (e *enlarged) put(made []float32, y *tensor.Tensor, row, col span) {
	r := e.u.Scale
	step, width := r*e.u.Channels, e.m.Width*r*e.u.Channels
	stride := min(e.u.Tile[1], e.m.Width) * step
	for i := range (row.to - row.from) * r {
		from := y.Data[((row.from-row.start)*r+i)*stride+(col.from-col.start)*step:]
		copy(made[i*width+col.from*step:i*width+col.to*step], from)
	}
}

// finishRows writes the rows of the result that a row of tiles gives.
func (e *enlarged) finishRows(to []uint8, row span, made []float32) {
	r := e.u.Scale
	size, width := e.m.Width*r*e.channels, e.m.Width*r*e.u.Channels
	tensor.Parallel((row.to-row.from)*r, func(i int) {
		e.finish(to[i*size:(i+1)*size], row.from*r+i, made[i*width:(i+1)*width])
	})
}

// tile returns the network's input for the tile at a place.
func (e *enlarged) tile(top, left int) *tensor.Tensor {
	h, w := min(e.u.Tile[0], e.m.Height), min(e.u.Tile[1], e.m.Width)
	t := tensor.New(1, h, w, e.u.Channels)
	for y := range h {
		row := e.m.Pix[((top+y)*e.m.Width+left)*e.m.Channels:]
		for x := range w {
			p, to := row[x*e.m.Channels:], t.Data[(y*w+x)*e.u.Channels:]
			switch {
			case e.m.Channels == 1:
				to[0] = float32(p[0]) / 255
			case e.u.Channels == 1:
				to[0] = luminance(float32(p[0]), float32(p[1]), float32(p[2])) / 255
			default:
				to[0], to[1], to[2] = float32(p[0])/255, float32(p[1])/255, float32(p[2])/255
			}
		}
	}
	return t
}

// luminance is JFIF's Y.
func luminance(r, g, b float32) float32 { return 0.299*r + 0.587*g + 0.114*b }

// finish writes row y of the result. made is the network's result in 0…1.
func (e *enlarged) finish(to []uint8, y int, made []float32) {
	switch {
	case e.u.Channels == 3:
		for i, v := range made {
			to[i/3*e.channels+i%3] = round8(255 * v)
		}
	case e.m.Channels == 1:
		for x, v := range made {
			for c := range min(e.channels, 3) {
				to[x*e.channels+c] = round8(255 * v)
			}
		}
	default:
		e.color(to, y, made)
	}
	if e.alpha == nil {
		return
	}
	alpha := e.down[y].Mix(e.alpha)
	for x, taps := range e.across {
		sum := float32(0)
		for k, w := range taps.Weights {
			sum += float32(w) / picture.TapUnit * alpha[taps.First+k]
		}
		to[x*e.channels+3] = round8(sum)
	}
}

// color writes the colours of row y. It enlarges the picture bicubically and replaces
// its Y by the network's. To replace Y and keep Cb and Cr, it adds the difference of
// Y to red, green and blue.
func (e *enlarged) color(to []uint8, y int, luma []float32) {
	colors := e.down[y].Mix(e.m)
	for x, taps := range e.across {
		var p [3]float32
		for k, w := range taps.Weights {
			at := (taps.First + k) * 3
			for c := range p {
				p[c] += float32(w) / picture.TapUnit * colors[at+c]
			}
		}
		d := 255*luma[x] - luminance(p[0], p[1], p[2])
		for c := range p {
			to[x*e.channels+c] = round8(p[c] + d)
		}
	}
}

// round8 returns the nearest of 0 to 255, and 0 for a NaN.
func round8(v float32) uint8 {
	if v > 0 {
		return uint8(min(v, 255) + 0.5)
	}
	return 0
}
