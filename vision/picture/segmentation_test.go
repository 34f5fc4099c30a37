package picture

import (
	"image/color"
	"testing"
)

// TestPalette checks well-known colours of Pascal VOC, and an overlay.
func TestPalette(t *testing.T) {
	p := Palette(256)
	for class, want := range map[int]color.RGBA{0: {0, 0, 0, 255}, 1: {128, 0, 0, 255}, 2: {0, 128, 0, 255}, 15: {192, 128, 128, 255}, 20: {0, 64, 128, 255}} {
		if p[class] != want {
			t.Errorf("class %d is %v", class, p[class])
		}
	}
	s := &Segmentation{2, 1, 2, []uint8{0, 1}}
	m := New(2, 1, 1)
	m.Pix[0], m.Pix[1] = 100, 100
	if got := s.Overlay(m).Pix; string(got) != "\x64\x64\x64\x72\x32\x32" {
		t.Errorf("overlay %v", got)
	}
}
