package picture

import (
	"image"
	"image/color"
	"testing"
)

// block is a mask of a size that is on in a rectangle.
func block(w, h int, on image.Rectangle) *Mask {
	m := NewMask(w, h)
	for i := range m.On {
		m.On[i] = image.Pt(i%w, i/w).In(on)
	}
	return m
}

// TestStack checks that small masks are on top of large ones, in any order.
func TestStack(t *testing.T) {
	small, large := block(6, 4, image.Rect(1, 1, 2, 2)), block(6, 4, image.Rect(0, 0, 5, 3))
	for _, masks := range [][]*Mask{{small, large}, {large, small}} {
		s := Stack(masks, 6, 4)
		is := map[*Mask]uint8{masks[0]: 1, masks[1]: 2}
		if s.Count != 3 || s.Class[7] != is[small] || s.Class[0] != is[large] || s.Class[23] != 0 {
			t.Errorf("%+v", s)
		}
	}
	many := make([]*Mask, 300)
	for i := range many {
		many[i] = block(300, 1, image.Rect(i, 0, i+1, 1))
	}
	if s := Stack(many, 300, 1); s.Class[254] != 255 || s.Class[255] != 1 {
		t.Errorf("the numbers of 300 masks are %v", s.Class)
	}
	if g, ok := Numbered(many, 300, 1).(*image.Gray16); !ok || g.Gray16At(299, 0).Y != 300 {
		t.Error("300 masks are not numbered")
	}
	if _, ok := Numbered(many[:255], 300, 1).(*image.Paletted); !ok {
		t.Error("255 masks have no palette")
	}
}

func TestCutOut(t *testing.T) {
	m := New(4, 3, 1)
	for i := range m.Pix {
		m.Pix[i] = uint8(10 * i)
	}
	out := block(4, 3, image.Rect(1, 1, 3, 2)).CutOut(m)
	if out.NRGBAAt(1, 1) != (color.NRGBA{50, 50, 50, 255}) || out.NRGBAAt(0, 0) != (color.NRGBA{}) || out.Rect != image.Rect(0, 0, 4, 3) {
		t.Errorf("%v", out.Pix)
	}
}
