package vision

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
)

// Upscaler enlarges pictures: luminance through a network, the rest bicubic.
// A picture larger than a tile goes through in tiles that overlap by what the
// network sees around a pixel, so that the result is that of the whole; rows of
// tiles are written before the next are computed, so that memory does not grow
// with the picture.
type Upscaler struct {
	Scale int

	// Tile is the height and width of what Run gets, for pictures at least as
	// large: see TileSize.
	Tile [2]int

	// Run is the network: from luminance [1, h, w, 1] in 0…1 to
	// [1, h·Scale, w·Scale, 1].
	Run func(ctx context.Context, y *tensor.Tensor) (*tensor.Tensor, error)

	// Progress, if it is not nil, is called after each tile.
	Progress func(done, total int)
}

// TileSize returns the height and width of tiles for a picture of a size: all
// of it if it is small, even parts if not, and flat ones for a wide picture, of
// which a row of tiles has to be in memory.
func TileSize(width, height, scale int) [2]int {
	const side, row = 256, 32 << 20 // pixels
	h := side
	for h > 32 && h*scale*scale*width > row {
		h /= 2
	}
	return [2]int{evenly(height, h), evenly(width, side*side/h)}
}

// tileGrid is what tiles begin at multiples of. Winograd's convolution rounds
// according to a pixel's place in a grid of four; with tiles in step with it,
// their results are those of the whole to the last bit.
const tileGrid = 4

// evenly is the least size of tiles, up to most, with which no more of them
// cover n pixels and the last, which ends where the picture does, begins on the
// grid.
func evenly(n, most int) int {
	if n <= most || most < 2*models.ESPCNHalo+2*tileGrid {
		return min(n, most)
	}
	size := most - (most-n%tileGrid)%tileGrid
	for fewest := len(spans(n, size, models.ESPCNHalo)); len(spans(n, size-tileGrid, models.ESPCNHalo)) == fewest; {
		size -= tileGrid
	}
	return size
}

// span is the place of a tile along one dimension: where it starts, and which
// pixels from there on are right in spite of its borders.
type span struct{ start, from, to int }

// spans covers n pixels with tiles of a size. Where a tile ends inside the
// picture, the last halo pixels are left to its neighbour.
func spans(n, size, halo int) []span {
	if size >= n {
		return []span{{0, 0, n}}
	}
	all := []span{{0, 0, size - halo}}
	for {
		from := all[len(all)-1].to
		start := from - halo
		if on := start / tileGrid * tileGrid; on+size-halo > from {
			start = on
		}
		start = min(start, n-size)
		if start+size >= n {
			return append(all, span{start, from, n})
		}
		all = append(all, span{start, from, start + size - halo})
	}
}

// Write enlarges m and writes it as "png" or "jpeg". alpha, a channel of m's
// size, is nil for an opaque picture; since a JPEG has none, the picture is
// drawn on white there.
func (u *Upscaler) Write(ctx context.Context, w io.Writer, format string, m, alpha *picture.Image) error {
	if alpha != nil && (alpha.Width != m.Width || alpha.Height != m.Height || alpha.Channels != 1) {
		return fmt.Errorf("upscale: alpha is %v, the picture %v", alpha, m)
	}
	if most := MaxSide(format) / u.Scale; m.Width > most || m.Height > most {
		return fmt.Errorf("upscale: %d×%d pixels are too many for a %s", m.Width*u.Scale, m.Height*u.Scale, format)
	}
	for d, n := range [2]int{m.Height, m.Width} {
		if u.Tile[d] < n && u.Tile[d] <= 2*models.ESPCNHalo {
			return fmt.Errorf("upscale: tiles of %d pixels are all border", u.Tile[d])
		}
	}
	e := newEnlarged(ctx, u, m, alpha)
	e.onWhite = format == "jpeg"
	return e.encode(func() error {
		if format == "jpeg" {
			return jpeg.Encode(w, e, &jpeg.Options{Quality: 95})
		}
		encoder := png.Encoder{}
		if m.Width*m.Height > 4<<20 {
			encoder.CompressionLevel = png.BestSpeed
		}
		return encoder.Encode(w, e)
	})
}

// MaxSide is the most pixels down or across that a format can hold.
func MaxSide(format string) int {
	if format == "jpeg" {
		return 1<<16 - 1
	}
	return 1<<31 - 1
}

// enlarged is a picture that is computed, a row of tiles at a time, while an
// encoder reads it from top to bottom.
type enlarged struct {
	ctx      context.Context
	u        *Upscaler
	m, alpha *picture.Image
	onWhite  bool
	across   []picture.Taps // of the picture's and the alpha's columns
	down     []picture.Taps
	columns  []span
	rows     []span // of tiles, those still to come
	tiles    int    // done

	channels int
	pix      []uint8 // rows from first on
	first    int
}

// stopped carries the error of a picture that cannot be computed on through an
// encoder, which would ask for the rest of the pixels.
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

// behind is how many rows back an encoder may look: JPEG takes blocks of 16.
const behind = 16

func newEnlarged(ctx context.Context, u *Upscaler, m, alpha *picture.Image) *enlarged {
	e := &enlarged{
		ctx: ctx, u: u, m: m, alpha: alpha, channels: m.Channels,
		across:  picture.Bicubic.Taps(m.Width, m.Width*u.Scale),
		down:    picture.Bicubic.Taps(m.Height, m.Height*u.Scale),
		columns: spans(m.Width, u.Tile[1], models.ESPCNHalo),
		rows:    spans(m.Height, u.Tile[0], models.ESPCNHalo),
	}
	if alpha != nil {
		e.channels = 4
	}
	return e
}

// Bounds is the enlarged size.
func (e *enlarged) Bounds() image.Rectangle {
	return image.Rect(0, 0, e.m.Width*e.u.Scale, e.m.Height*e.u.Scale)
}

// ColorModel is that of the picture that is enlarged.
func (e *enlarged) ColorModel() color.Model {
	if e.channels == 1 {
		return color.GrayModel
	}
	return color.NRGBAModel
}

// Opaque is there for the PNG encoder, which would look at all pixels.
func (e *enlarged) Opaque() bool { return e.alpha == nil }

// At returns a pixel. Rows have to be asked for from top to bottom, but for a
// few.
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
	case e.onWhite:
		on := func(v uint8) uint8 { return uint8((int(v)*int(p[3]) + 255*(255-int(p[3])) + 127) / 255) }
		return color.NRGBA{on(p[0]), on(p[1]), on(p[2]), 255}
	}
	return color.NRGBA{p[0], p[1], p[2], p[3]}
}

// next computes the next row of tiles.
func (e *enlarged) next() error {
	row, r := e.rows[0], e.u.Scale
	total := len(e.columns) * len(e.rows)
	total += e.tiles
	e.rows = e.rows[1:]
	width := e.m.Width * r
	luma := make([]float32, width*(row.to-row.from)*r)
	for _, col := range e.columns {
		if err := e.ctx.Err(); err != nil {
			return err
		}
		y, err := e.u.Run(e.ctx, e.tile(row.start, col.start))
		if err != nil {
			return err
		}
		stride := min(e.u.Tile[1], e.m.Width) * r
		for i := range (row.to - row.from) * r {
			from := y.Data[((row.from-row.start)*r+i)*stride+(col.from-col.start)*r:]
			copy(luma[i*width+col.from*r:i*width+col.to*r], from)
		}
		e.tiles++
		if e.u.Progress != nil {
			e.u.Progress(e.tiles, total)
		}
	}
	size := width * e.channels
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
	tensor.Parallel((row.to-row.from)*r, func(i int) {
		e.finish(e.pix[done+i*size:done+(i+1)*size], row.from*r+i, luma[i*width:(i+1)*width])
	})
	return nil
}

// tile is the luminance of the tile at a place.
func (e *enlarged) tile(top, left int) *tensor.Tensor {
	h, w := min(e.u.Tile[0], e.m.Height), min(e.u.Tile[1], e.m.Width)
	t := tensor.New(1, h, w, 1)
	for y := range h {
		for x := range w {
			p := e.m.Pix[((top+y)*e.m.Width+left+x)*e.m.Channels:]
			if e.m.Channels == 1 {
				t.Data[y*w+x] = float32(p[0]) / 255
			} else {
				t.Data[y*w+x] = luminance(float32(p[0]), float32(p[1]), float32(p[2])) / 255
			}
		}
	}
	return t
}

// luminance is JFIF's Y.
func luminance(r, g, b float32) float32 { return 0.299*r + 0.587*g + 0.114*b }

// finish makes row y of the result of its luminance in 0…1. A picture whose Cb
// and Cr are enlarged and whose Y is replaced is the enlarged picture with the
// same difference of Y added to red, green and blue.
func (e *enlarged) finish(to []uint8, y int, luma []float32) {
	if e.m.Channels == 1 && e.alpha == nil {
		for x, v := range luma {
			to[x] = round8(255 * v)
		}
		return
	}
	colors := e.down[y].Mix(e.m)
	for x := range luma {
		var p [3]float32
		for k, w := range e.across[x].Weights {
			at := (e.across[x].First + k) * e.m.Channels
			for c := range e.m.Channels {
				p[c] += float32(w) / picture.TapUnit * colors[at+c]
			}
		}
		if e.m.Channels == 1 {
			p = [3]float32{255 * luma[x], 255 * luma[x], 255 * luma[x]}
		} else {
			d := 255*luma[x] - luminance(p[0], p[1], p[2])
			p = [3]float32{p[0] + d, p[1] + d, p[2] + d}
		}
		for c := range p {
			to[x*e.channels+c] = round8(p[c])
		}
	}
	if e.alpha == nil {
		return
	}
	alpha := e.down[y].Mix(e.alpha)
	for x := range luma {
		sum := float32(0)
		for k, w := range e.across[x].Weights {
			sum += float32(w) / picture.TapUnit * alpha[e.across[x].First+k]
		}
		to[x*e.channels+3] = round8(sum)
	}
}

// round8 is the nearest of 0 to 255; 0 for what is no number.
func round8(v float32) uint8 {
	if v > 0 {
		return uint8(min(v, 255) + 0.5)
	}
	return 0
}
