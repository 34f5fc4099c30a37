package picture

import (
	"image"
	"image/color"
	"image/draw"
	"strings"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// letters writes text of one size in the Go font, with smooth edges.
type letters struct {
	face            font.Face
	ascent, descent int
}

// newLetters makes letters of the given font size in pixels.
func newLetters(size int) letters {
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		panic(err)
	}
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: float64(size), DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		panic(err)
	}
	m := face.Metrics()
	return letters{face, m.Ascent.Ceil(), m.Descent.Ceil()}
}

// height returns the height of a line.
func (l letters) height() int { return l.ascent + l.descent }

// gap returns the free space that a text should have beside it.
func (l letters) gap() int { return (l.height() + 3) / 4 }

// width returns the width of a text.
func (l letters) width(text string) int { return font.MeasureString(l.face, text).Ceil() }

// fit shortens a text to at most width pixels, with "…" at its end.
func (l letters) fit(text string, width int) string {
	if l.width(text) <= width {
		return text
	}
	for text != "" {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
		if short := strings.TrimRight(text, " ") + "…"; l.width(short) <= width {
			return short
		}
	}
	return ""
}

// write writes a line with its upper left corner at the given point.
func (l letters) write(to draw.Image, at image.Point, text string, ink color.Color) {
	d := font.Drawer{Dst: to, Src: image.NewUniform(ink), Face: l.face, Dot: fixed.P(at.X, at.Y+l.ascent)}
	d.DrawString(text)
}

// inkOn returns black or white, whichever is easier to read on a colour.
func inkOn(c color.NRGBA) color.Color {
	if 299*int(c.R)+587*int(c.G)+114*int(c.B) > 140*1000 {
		return color.Black
	}
	return color.White
}
