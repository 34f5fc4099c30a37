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
