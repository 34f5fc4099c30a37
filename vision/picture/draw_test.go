package picture

import (
	"image"
	"image/color"
	"image/draw"
	"testing"
)

// written returns a text in letters, black on white.
func written(text string) *image.Gray {
	l := newLetters(20)
	out := image.NewGray(image.Rect(0, 0, l.width(text)+2, l.height()))
	draw.Draw(out, out.Bounds(), image.White, image.Point{}, draw.Src)
	l.write(out, image.Pt(1, 0), text, color.Black)
	return out
}

// TestLetters checks that the font has the signs that captions need, with smooth
// edges.
func TestLetters(t *testing.T) {
	unknown := written("\U0010ffff")
	for _, sign := range []string{"×", "…", "é", "%", "ß", "Я"} {
		got, smooth := written(sign), false
		for _, p := range got.Pix {
			smooth = smooth || p > 0 && p < 255
		}
		if !smooth || got.Rect == unknown.Rect && string(got.Pix) == string(unknown.Pix) {
			t.Errorf("%q is not in the font, or has rough edges", sign)
		}
	}
	l := newLetters(13)
	for width := range 120 {
		text := l.fit("a rather long title", width)
		if l.width(text) > width || width > 20 && text == "" {
			t.Errorf("%q in %d pixels", text, width)
		}
	}
	if got := l.fit("short", 100); got != "short" {
		t.Errorf("%q", got)
	}
}

// TestTitlePlace checks that titles stay inside the picture, and do not overlap as
// long as there is room.
func TestTitlePlace(t *testing.T) {
	all, size := image.Rect(0, 0, 360, 240), image.Pt(90, 16)
	for _, box := range []image.Rectangle{
		image.Rect(0, 0, 10, 10), image.Rect(350, 0, 360, 10), image.Rect(0, 230, 10, 240), image.Rect(350, 230, 360, 240),
		image.Rect(100, 100, 200, 200), all,
	} {
		var taken []image.Rectangle
		for i := range 5 {
			at := titlePlace(box, size, all, taken)
			if !at.In(all) || at.Size() != size {
				t.Errorf("%v: title %d is at %v", box, i, at)
			}
			for _, other := range taken {
				if at.Overlaps(other) {
					t.Errorf("%v: titles at %v and %v", box, at, other)
				}
			}
			taken = append(taken, at)
		}
	}
}

// TestDrawBoxes checks that a small picture stays visible, and that the first box is
// on top.
func TestDrawBoxes(t *testing.T) {
	m := New(60, 40, 3)
	out := DrawBoxes(m, []Titled{{Bounds: [4]float32{10, 20, 50, 35}, Title: "cat 0.93"}, {Bounds: [4]float32{10, 20, 50, 35}, Title: "dog 0.50", Color: 1}})
	if out.Bounds() != image.Rect(0, 0, 360, 240) {
		t.Fatalf("drawn at %v", out.Bounds())
	}
	black := 0
	for y := range 240 {
		for x := range 360 {
			if out.At(x, y) == (color.NRGBA{0, 0, 0, 255}) {
				black++
			}
		}
	}
	if black < 360*240*9/10 {
		t.Errorf("%d pixels are left of the picture", black)
	}
	for at, want := range map[image.Point]color.NRGBA{{60, 160}: Colors[0], {299, 209}: Colors[0], {62, 106}: Colors[0], {62, 122}: Colors[1]} {
		if got := out.At(at.X, at.Y); got != want {
			t.Errorf("%v is %v, want %v", at, got, want)
		}
	}
	if large := New(1000, 20, 1); large.Large() != large {
		t.Error("a large picture is enlarged")
	}
	DrawBoxes(New(1000, 1, 1), []Titled{{Bounds: [4]float32{0, 0, 3, 1}, Title: "thin", Color: 9, Points: [][2]float32{{500, 0}, {-9, 0}}}})
}

// ink returns the smallest box around all pixels that are not white.
func ink(m image.Image, in image.Rectangle) image.Rectangle {
	var all image.Rectangle
	for y := in.Min.Y; y < in.Max.Y; y++ {
		for x := in.Min.X; x < in.Max.X; x++ {
			if r, g, b, _ := m.At(x, y).RGBA(); r&g&b != 0xffff {
				all = all.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return all
}

// TestSideBySide checks that no text extends beyond its panel.
func TestSideBySide(t *testing.T) {
	heat := Heat{2, 3, []float64{0, 1, 2, 3, 4, 0.5}}
	for _, size := range [][2]int{{60, 40}, {400, 300}, {2000, 1300}} {
		m := New(size[0], size[1], 1)
		one := SideBySide(Panel{Caption: "what the model sees", Picture: m})
		both := SideBySide(Panel{Caption: "what the model sees", Picture: m}, Panel{"windows 7×7", heat.Over(m), heat.Bar()})
		if b := one.Bounds(); ink(one, b).Max.X > b.Max.X-8 || ink(one, b).Max.Y > b.Max.Y-8 || ink(one, b).Min.X < 8 {
			t.Errorf("%v: drawn on %v of %v", size, ink(one, b), b)
		}
		second := image.Rect(one.Bounds().Max.X, 0, both.Bounds().Max.X, both.Bounds().Max.Y)
		if got := ink(both, second); got.Min.X < second.Min.X || got.Max.X > second.Max.X-8 || got.Dx() < size[0] {
			t.Errorf("%v: the second panel is %v of %v", size, got, second)
		}
	}
}

func TestHeat(t *testing.T) {
	h, m := Heat{1, 2, []float64{0, 0.25}}, New(8, 4, 3)
	for i := range m.Pix {
		m.Pix[i] = 100
	}
	out := h.Over(m)
	if got := [2][3]uint8{[3]uint8(out.Pix[:3]), [3]uint8(out.Pix[21:24])}; got != [2][3]uint8{{45, 45, 45}, {192, 192, 13}} {
		t.Errorf("drawn as %v", got)
	}
	if b := h.Bar(); b.Low != "0" || b.High != "25 %" || b.Color(1) == b.Color(0) {
		t.Errorf("%+v", b)
	}
	if got := h.Cell(m, 0, 1); got != image.Rect(4, 0, 8, 4) {
		t.Errorf("%v", got)
	}
	for share, want := range map[float64]string{1: "100 %", 0.058: "5.8 %", 0.0001234: "0.012 %", 0: "0 %"} {
		if got := percent(share); got != want {
			t.Errorf("%v is %q", share, got)
		}
	}
}

// TestMark frames a place and leaves it as it is.
func TestMark(t *testing.T) {
	m, box := New(60, 40, 1), image.Rect(20, 10, 23, 13)
	for i := range m.Pix {
		m.Pix[i] = 90
	}
	out, want := m.Mark(box), canvas(m)
	for y := range 40 {
		for x := range 60 {
			p := image.Pt(x, y)
			got := [3]uint8(out.Pix[3*(y*60+x):])
			if in := p.In(box.Inset(-2)) && !p.In(box); in != (got == [3]uint8{90, 220, 255}) {
				t.Fatalf("%v is %v", p, got)
			}
			if c := want.NRGBAAt(x, y); !p.In(box.Inset(-3)) && got != [3]uint8{c.R, c.G, c.B} {
				t.Fatalf("%v is %v", p, got)
			}
		}
	}
}

func TestWithLegend(t *testing.T) {
	m := New(50, 20, 3)
	out := WithLegend(m, Meaning{Colors[1], "sky 12 %"}, Meaning{Colors[2], "road 70 %"})
	if b := out.Bounds(); b.Dx() < 110 || b.Dy() < 40 || ink(out, b).Max.X >= b.Max.X {
		t.Errorf("drawn on %v of %v", ink(out, b), b)
	}
	if got := WithLegend(m).Bounds(); got != image.Rect(0, 0, 50, 20) {
		t.Errorf("%v without colours", got)
	}
}
