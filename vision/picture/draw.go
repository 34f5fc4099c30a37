package picture

import (
	"image"
	"image/color"
	"image/draw"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// Colors are those of classes and windows; further ones begin again.
var Colors = []color.NRGBA{
	{230, 60, 50, 255}, {50, 130, 230, 255}, {40, 170, 80, 255}, {240, 170, 30, 255},
	{150, 80, 200, 255}, {20, 180, 180, 255}, {230, 100, 170, 255}, {130, 120, 60, 255},
}

// Titled is a box to draw, with its title.
type Titled struct {
	Bounds [4]float32 // left, top, right, bottom in pixels
	Title  string
	Color  int // number of its colour
}

// DrawBoxes draws boxes with their titles on m, the first on top.
func DrawBoxes(m *Image, boxes []Titled) image.Image {
	out := image.NewNRGBA(image.Rect(0, 0, m.Width, m.Height))
	draw.Draw(out, out.Bounds(), m.RGB().Image(), image.Point{}, draw.Src)
	thick := max(1, max(m.Width, m.Height)/300)
	for i := len(boxes) - 1; i >= 0; i-- {
		b := boxes[i]
		paint := image.NewUniform(Colors[b.Color%len(Colors)])
		box := image.Rect(int(b.Bounds[0]), int(b.Bounds[1]), int(b.Bounds[2]), int(b.Bounds[3]))
		Frame(out, box, thick, paint)
		at := image.Rect(box.Min.X, box.Min.Y-14, box.Min.X+7*len(b.Title)+4, box.Min.Y)
		if at.Min.Y < 0 {
			at = at.Add(image.Pt(0, -at.Min.Y))
		}
		draw.Draw(out, at, paint, image.Point{}, draw.Src)
		f := font.Drawer{Dst: out, Src: image.White, Face: basicfont.Face7x13, Dot: fixed.P(at.Min.X+2, at.Max.Y-3)}
		f.DrawString(b.Title)
	}
	return out
}

// Frame draws the border of a box, thick pixels inside it.
func Frame(out draw.Image, box image.Rectangle, thick int, paint image.Image) {
	for _, side := range []image.Rectangle{
		{box.Min, image.Pt(box.Max.X, box.Min.Y+thick)},
		{image.Pt(box.Min.X, box.Max.Y-thick), box.Max},
		{box.Min, image.Pt(box.Min.X+thick, box.Max.Y)},
		{image.Pt(box.Max.X-thick, box.Min.Y), box.Max},
	} {
		draw.Draw(out, side, paint, image.Point{}, draw.Over)
	}
}

// Panel is a picture with a caption.
type Panel struct {
	Caption string
	Picture *Image
}

// SideBySide draws pictures of one size in a row, with their captions above.
func SideBySide(panels ...Panel) image.Image {
	const margin, caption = 8, 20
	w, h := panels[0].Picture.Width, panels[0].Picture.Height
	out := image.NewNRGBA(image.Rect(0, 0, margin+len(panels)*(w+margin), caption+h+margin))
	draw.Draw(out, out.Bounds(), image.White, image.Point{}, draw.Src)
	for i, p := range panels {
		left := margin + i*(w+margin)
		draw.Draw(out, image.Rect(left, caption, left+w, caption+h), p.Picture.Image(), image.Point{}, draw.Src)
		d := font.Drawer{Dst: out, Src: image.NewUniform(color.Black), Face: basicfont.Face7x13, Dot: fixed.P(left, caption-6)}
		d.DrawString(p.Caption)
	}
	return out
}
