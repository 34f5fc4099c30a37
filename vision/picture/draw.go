package picture

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"slices"
)

// Colors are the colours of classes and windows. Further ones start over.
var Colors = []color.NRGBA{
	{230, 60, 50, 255}, {50, 130, 230, 255}, {40, 170, 80, 255}, {240, 170, 30, 255},
	{150, 80, 200, 255}, {20, 180, 180, 255}, {230, 100, 170, 255}, {130, 120, 60, 255},
}

// Large returns m with room to draw on it: if the longer side has fewer than 336
// pixels, it enlarges m by an integer factor.
func (m *Image) Large() *Image {
	const enough = 336
	side := max(m.Width, m.Height)
	if side >= enough {
		return m
	}
	times := (enough + side - 1) / side
	return m.Resize(m.Width*times, m.Height*times, Bicubic)
}

// canvas returns a copy of m to draw on.
func canvas(m *Image) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, m.Width, m.Height))
	draw.Draw(out, out.Bounds(), m.Image(), image.Point{}, draw.Src)
	return out
}

// Titled is a box to draw, with its title.
type Titled struct {
	Bounds [4]float32 // left, top, right, bottom in pixels
	Title  string
	Color  int          // index in Colors
	Points [][2]float32 // to mark, in pixels
}

// DrawBoxes draws boxes with their titles on m.Large(), the first box on top. A
// title goes above its box if there is room, else inside or below it.
func DrawBoxes(m *Image, boxes []Titled) image.Image {
	large := m.Large()
	out, side := canvas(large), max(large.Width, large.Height)
	text, thick := newLetters(max(13, side/55)), max(2, side/300)
	times := float32(large.Width) / float32(m.Width)
	titles, places := make([]string, len(boxes)), make([]image.Rectangle, len(boxes))
	for i, box := range boxes {
		titles[i] = text.fit(box.Title, large.Width-2*text.gap())
		size := image.Pt(text.width(titles[i])+2*text.gap(), text.height())
		places[i] = titlePlace(box.on(times), size, out.Bounds(), places[:i])
	}
	for i := len(boxes) - 1; i >= 0; i-- {
		frame(out, boxes[i].on(times), thick, boxes[i].paint())
		for _, p := range boxes[i].Points {
			dot(out, p[0]*times, p[1]*times, float32(2*thick), boxes[i].paint())
		}
	}
	for i := len(boxes) - 1; i >= 0; i-- {
		draw.Draw(out, places[i], image.NewUniform(boxes[i].paint()), image.Point{}, draw.Src)
		text.write(out, places[i].Min.Add(image.Pt(text.gap(), 0)), titles[i], inkOn(boxes[i].paint()))
	}
	return out
}

// on returns the box on the enlarged picture.
func (t Titled) on(times float32) image.Rectangle {
	b := t.Bounds
	return image.Rect(int(b[0]*times), int(b[1]*times), int(b[2]*times), int(b[3]*times))
}

func (t Titled) paint() color.NRGBA { return Colors[t.Color%len(Colors)] }

// titlePlace returns the place of a title of the given size for a box. It lies
// inside all and, if possible, overlaps no title in taken.
func titlePlace(box image.Rectangle, size image.Point, all image.Rectangle, taken []image.Rectangle) image.Rectangle {
	at := func(top int) image.Rectangle {
		x, y := max(0, min(box.Min.X, all.Max.X-size.X)), max(0, min(top, all.Max.Y-size.Y))
		return image.Rectangle{Max: size}.Add(image.Pt(x, y))
	}
	tops := []int{box.Min.Y - size.Y, box.Min.Y, box.Max.Y, box.Max.Y - size.Y}
	for step := size.Y; step < all.Dy(); step += size.Y {
		tops = append(tops, box.Min.Y+step, box.Min.Y-size.Y-step)
	}
	for _, top := range tops {
		overlaps := func(t image.Rectangle) bool { return t.Overlaps(at(top)) }
		if at(top).Min.Y == top && !slices.ContainsFunc(taken, overlaps) {
			return at(top)
		}
	}
	return at(tops[0])
}

// frame draws the border of a box, thick pixels wide, inside the box.
func frame(out draw.Image, box image.Rectangle, thick int, paint color.Color) {
	for _, side := range []image.Rectangle{
		{box.Min, image.Pt(box.Max.X, box.Min.Y+thick)},
		{image.Pt(box.Min.X, box.Max.Y-thick), box.Max},
		{box.Min, image.Pt(box.Min.X+thick, box.Max.Y)},
		{image.Pt(box.Max.X-thick, box.Min.Y), box.Max},
	} {
		draw.Draw(out, side, image.NewUniform(paint), image.Point{}, draw.Over)
	}
}

// dot draws a disk with a white rim.
func dot(out draw.Image, x, y, radius float32, paint color.NRGBA) {
	all := image.Rect(int(x-radius-1), int(y-radius-1), int(x+radius+2), int(y+radius+2)).Intersect(out.Bounds())
	for v := all.Min.Y; v < all.Max.Y; v++ {
		for u := all.Min.X; u < all.Max.X; u++ {
			switch d := math.Hypot(float64(float32(u)+0.5-x), float64(float32(v)+0.5-y)); {
			case d <= 0.7*float64(radius):
				out.Set(u, v, paint)
			case d <= float64(radius):
				out.Set(u, v, color.White)
			}
		}
	}
}
