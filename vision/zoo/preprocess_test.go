package zoo

import (
	"math"
	"slices"
	"testing"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
)

func near(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if d, err := tensor.Diff(tensor.Of(got, len(got)), tensor.Of(want, len(want))); err != nil || d.Relative > 1e-6 {
		t.Errorf("%s: %v, %v", what, d, err)
	}
}

// TestTransform checks the mapping between points of a picture and of the model's input.
func TestTransform(t *testing.T) {
	m := picture.New(640, 480, 3)
	m.Pix[3*(200*640+300)] = 255
	p := Preprocess{Short: 96, Crop: [2]int{80, 64}}
	x, at, err := p.Apply(m)
	if err != nil || !x.Shape.Equal(tensor.Shape{1, 80, 64, 3}) {
		t.Fatal(x, err)
	}
	// 96/480 = 1/5; the resized picture is 128 wide, so 32 and 8 are cut off.
	u, v := at.Point(300.5, 200.5)
	near(t, "point", []float32{u, v}, []float32{300.5/5 - 32, 200.5/5 - 8})
	b := at.Inverse().Box([4]float32{0, 0, 64, 80})
	near(t, "what the model sees", b[:], []float32{160, 40, 480, 440})
	brightest := 0
	for i, v := range x.Data {
		if v > x.Data[brightest] {
			brightest = i
		}
	}
	if i := brightest / 3; i != (200/5-8)*64+300/5-32 {
		t.Errorf("the bright pixel is at %d, %d", i%64, i/64)
	}
	mask := picture.NewMask(64, 80)
	mask.On[32*64+28] = true
	if back := at.Mask(mask, 640, 480); back.Area() != 25 || back.Box() != [4]int{300, 200, 304, 204} {
		t.Errorf("%d pixels are in the mask, in %v", back.Area(), back.Box())
	}
	if _, _, err := p.Apply(&picture.Image{}); err == nil {
		t.Error("an empty picture")
	}
	if _, _, err := (Preprocess{Size: [2]int{5, 5}, Pad: [2]int{4, 9}}).Apply(m); err == nil {
		t.Error("a padding to less than the picture")
	}
	if _, _, err := (Preprocess{Short: 224}).Apply(picture.New(1<<20, 1, 1)); err == nil {
		t.Error("a resize beyond all bounds")
	}
}

// TestUndo checks that Undo gives the picture back from the model's input.
func TestUndo(t *testing.T) {
	m := picture.New(40, 30, 3)
	for i := range m.Pix {
		m.Pix[i] = uint8(i * i)
	}
	for _, p := range []Preprocess{
		{Size: [2]int{30, 40}}, {Short: 20, Crop: [2]int{16, 16}, Mean: CLIPMean, Std: CLIPStd}, {Grey: true, Mean: [3]float32{0.1}, Std: [3]float32{0.3, 1, 1}},
		{Bytes: true, Mean: [3]float32{123, 116, 103}, Std: [3]float32{58, 57, 56}},
	} {
		want, _, err := p.Picture(m)
		if err != nil {
			t.Fatal(err)
		}
		x, _, err := p.Apply(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Undo(x)
		if err != nil || got.String() != want.String() || !slices.Equal(got.Pix, want.Pix) {
			t.Errorf("%+v: %v, %v", p, got, err)
		}
		if last := len(x.Data) - 1; math.Abs(float64(p.Sample(float32(want.Pix[last])/255, want.Channels-1)-x.Data[last])) > 1e-5 {
			t.Errorf("%+v: a sample is %v", p, p.Sample(float32(want.Pix[last])/255, want.Channels-1))
		}
	}
}

// TestLetterbox fits a picture into a size of other proportions, at the centre and in the
// corner, and exchanges red and blue.
func TestLetterbox(t *testing.T) {
	m := &picture.Image{Width: 4, Height: 2, Channels: 3}
	for range 8 {
		m.Pix = append(m.Pix, 10, 20, 30)
	}
	p := Preprocess{Inside: [2]int{8, 8}, Crop: [2]int{8, 8}, Fill: [3]uint8{114, 115, 116}, Bytes: true, BGR: true}
	for corner, top := range map[bool]int{false: 2, true: 0} {
		p.Corner = corner
		x, at, err := p.Apply(m)
		if err != nil {
			t.Fatal(err)
		}
		for y := range 8 {
			want := [3]float32{116, 115, 114}
			if y >= top && y < top+4 {
				want = [3]float32{30, 20, 10}
			}
			if got := [3]float32(x.Data[y*24 : y*24+3]); got != want {
				t.Errorf("corner %v: row %d is %v, want %v", corner, y, got, want)
			}
		}
		if u, v := at.Point(4, 2); u != 8 || v != float32(top+4) {
			t.Errorf("corner %v: the lower right corner is at %v, %v", corner, u, v)
		}
		back, err := p.Undo(x)
		if err != nil || [3]uint8(back.Pix[top*24:top*24+3]) != [3]uint8{10, 20, 30} {
			t.Errorf("corner %v: undone to %v, %v", corner, back.Pix[top*24:top*24+3], err)
		}
	}
	if v := p.Unsample(p.Sample(0.25, 0), 0); v != 0.25 {
		t.Errorf("a sample of 0.25 comes back as %v", v)
	}
}
