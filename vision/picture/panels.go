package picture

import (
	"image"
	"image/color"
	"image/draw"
)

// Panel is a picture with a caption.
type Panel struct {
	Caption string
	Picture *Image
	Bar     *ColorBar // explains the colours of the picture; may be nil
}

// ColorBar says which number a colour means.
type ColorBar struct {
	Low, High string                          // labels of its ends
	Color     func(share float64) color.NRGBA // share is 0 at the low end and 1 at the high end
}

// SideBySide draws pictures of the same height in a row, with captions above and
// colour bars to the right. The size of the letters follows the pictures. A panel is
// wide enough for its caption.
func SideBySide(panels ...Panel) image.Image {
	const margin = 8
	height, widest := panels[0].Picture.Height, 0
	for _, p := range panels {
		widest = max(widest, p.Picture.Width)
	}
	text := newLetters(max(13, widest/32))
	top := text.height() + 2*text.gap()
	right := margin
	lefts := make([]int, len(panels))
	for i, p := range panels {
		lefts[i] = right
		right += max(p.Picture.Width+p.Bar.width(text), text.width(p.Caption)) + margin
	}
	out := image.NewNRGBA(image.Rect(0, 0, right, top+height+margin))
	draw.Draw(out, out.Bounds(), image.White, image.Point{}, draw.Src)
	for i, p := range panels {
		text.write(out, image.Pt(lefts[i], text.gap()), p.Caption, color.Black)
		at := image.Rect(0, 0, p.Picture.Width, p.Picture.Height).Add(image.Pt(lefts[i], top))
		draw.Draw(out, at, p.Picture.Image(), image.Point{}, draw.Src)
		p.Bar.draw(out, text, image.Rect(at.Max.X, at.Min.Y, at.Max.X+p.Bar.width(text), at.Max.Y))
	}
	return out
}

// width returns the width of the bar with its labels and gaps.
func (b *ColorBar) width(text letters) int {
	if b == nil {
		return 0
	}
	return text.gap() + text.height() + text.gap() + max(text.width(b.Low), text.width(b.High))
}

// draw draws the bar into a box.
func (b *ColorBar) draw(out draw.Image, text letters, box image.Rectangle) {
	if b == nil {
		return
	}
	bar := image.Rect(box.Min.X+text.gap(), box.Min.Y, box.Min.X+text.gap()+text.height(), box.Max.Y)
	for y := bar.Min.Y; y < bar.Max.Y; y++ {
		paint := b.Color(1 - (float64(y-bar.Min.Y)+0.5)/float64(bar.Dy()))
		draw.Draw(out, image.Rect(bar.Min.X, y, bar.Max.X, y+1), image.NewUniform(paint), image.Point{}, draw.Src)
	}
	left := bar.Max.X + text.gap()
	text.write(out, image.Pt(left, box.Min.Y), b.High, color.Black)
	text.write(out, image.Pt(left, box.Max.Y-text.height()), b.Low, color.Black)
}

// Meaning is an entry of a legend.
type Meaning struct {
	Color color.Color
	Title string
}

// WithLegend draws a picture with a legend to the right.
func WithLegend(m *Image, all ...Meaning) image.Image {
	if len(all) == 0 {
		return m.Image()
	}
	text := newLetters(max(13, max(m.Width, m.Height)/55))
	step, widest := text.height()+text.gap(), 0
	for _, one := range all {
		widest = max(widest, text.width(one.Title))
	}
	width := m.Width + text.gap() + text.height() + text.gap() + widest + text.gap()
	out := image.NewNRGBA(image.Rect(0, 0, width, max(m.Height, text.gap()+len(all)*step)))
	draw.Draw(out, out.Bounds(), image.White, image.Point{}, draw.Src)
	draw.Draw(out, image.Rect(0, 0, m.Width, m.Height), m.Image(), image.Point{}, draw.Src)
	for i, one := range all {
		at := image.Pt(m.Width+text.gap(), text.gap()+i*step)
		draw.Draw(out, image.Rectangle{at, at.Add(image.Pt(text.height(), text.height()))}, image.NewUniform(one.Color), image.Point{}, draw.Src)
		text.write(out, at.Add(image.Pt(text.height()+text.gap(), 0)), one.Title, color.Black)
	}
	return out
}
