package picture

import (
	"bytes"
	"testing"
)

// TestCutDigit checks the place of a digit, and that its negative gets the same
// place.
func TestCutDigit(t *testing.T) {
	m := New(200, 100, 1)
	for y := 20; y < 60; y++ {
		for x := 150; x < 170; x++ {
			m.Pix[y*200+x] = 255
		}
	}
	cut, at := CutDigit(m)
	if cut.Width != 28 || cut.Height != 28 {
		t.Fatalf("cut is %v", cut)
	}
	if x, y := at.Point(160, 40); x != 14 || y != 14 {
		t.Errorf("the middle of the digit goes to %v, %v", x, y)
	}
	for y := range 28 {
		for x := range 28 {
			if inside := x >= 9 && x < 19 && y >= 4 && y < 24; (cut.Pix[y*28+x] == 255) != inside {
				t.Fatalf("pixel %d, %d is %d", x, y, cut.Pix[y*28+x])
			}
		}
	}
	if negative, _ := CutDigit(m.negative()); !bytes.Equal(negative.Pix, cut.Pix) {
		t.Error("the negative gives another picture")
	}
	for _, size := range [][2]int{{1, 1}, {1, 90}, {3, 2}, {28, 28}, {300, 5}} {
		blank, _ := CutDigit(New(size[0], size[1], 1))
		if blank.Width != 28 || blank.Height != 28 {
			t.Errorf("a blank picture of %v becomes %v", size, blank)
		}
	}
}

// TestLargeDigit cuts a digit from a picture that is reduced before.
func TestLargeDigit(t *testing.T) {
	m := New(8000, 4000, 1)
	for y := 800; y < 2400; y++ {
		for x := 6000; x < 6800; x++ {
			m.Pix[y*m.Width+x] = 255
		}
	}
	cut, at := CutDigit(m)
	if x, y := at.Point(6400, 1600); cut.Width != 28 || cut.Height != 28 || max(x-14, 14-x, y-14, 14-y) > 0.1 {
		t.Errorf("%v, the middle of the digit goes to %v, %v", cut, x, y)
	}
	for y := range 28 {
		for x := range 28 {
			if inside := x >= 9 && x < 19 && y >= 4 && y < 24; (cut.Pix[y*28+x] > 128) != inside {
				t.Fatalf("pixel %d, %d is %d", x, y, cut.Pix[y*28+x])
			}
		}
	}
}
