package picture

import (
	"fmt"
	"image"
	"image/color"
)

// Heat holds a weight for each cell of a grid that covers a picture.
type Heat struct {
	Rows, Columns int
	Weight        []float64 // row after row, not negative
}

// Most returns the largest weight.
func (h Heat) Most() float64 {
	most := 0.0
	for _, v := range h.Weight {
		most = max(most, v)
	}
	return most
}

// fire returns a colour over a grey sample: from black at share 0 to red and yellow
// at 1.
func fire(share float64, grey uint8) color.NRGBA {
	var c [3]uint8
	for k, v := range [3]float64{255 * min(1, 2*share), 255 * max(0, 2*share-1), 0} {
		c[k] = uint8((1-0.7*share)*0.45*float64(grey) + 0.7*share*v)
	}
	return color.NRGBA{c[0], c[1], c[2], 255}
}

// Over draws the heat over a picture in grey. The largest weights are red and
// yellow.
func (h Heat) Over(m *Image) *Image {
	most := max(h.Most(), 1e-30)
	out, grey := New(m.Width, m.Height, 3), m.Grey()
	for y := range m.Height {
		for x := range m.Width {
			share := h.Weight[y*h.Rows/m.Height*h.Columns+x*h.Columns/m.Width] / most
			c := fire(share, grey.Pix[y*m.Width+x])
			copy(out.Pix[(y*m.Width+x)*3:], []uint8{c.R, c.G, c.B})
		}
	}
	return out
}

// Bar returns the colour bar for Over, in percent of 1.
func (h Heat) Bar() *ColorBar {
	return &ColorBar{
		Low: "0", High: percent(h.Most()),
		Color: func(share float64) color.NRGBA { return fire(share, 128) },
	}
}

// percent writes a share of 1 in percent.
func percent(share float64) string {
	if share >= 0.1 {
		return fmt.Sprintf("%.0f %%", 100*share)
	}
	return fmt.Sprintf("%.2g %%", 100*share)
}

// Cell returns the pixels of a picture that a cell of the grid covers.
func (h Heat) Cell(m *Image, row, column int) image.Rectangle {
	return image.Rect(column*m.Width/h.Columns, row*m.Height/h.Rows, (column+1)*m.Width/h.Columns, (row+1)*m.Height/h.Rows)
}

// Mark returns a copy of m with a frame around a box. The box itself stays free.
func (m *Image) Mark(box image.Rectangle) *Image {
	out := canvas(m)
	thick := max(2, max(m.Width, m.Height)/250)
	frame(out, box.Inset(-thick), thick, color.NRGBA{90, 220, 255, 255})
	frame(out, box.Inset(-thick-1), 1, color.Black)
	return From(out)
}
