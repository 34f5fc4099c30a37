package vision

import (
	"image/color"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

// TestSegmentGeometry finds a rectangle of the input at its place in pictures that
// were scaled or cropped, or whose result covers only the middle.
func TestSegmentGeometry(t *testing.T) {
	// The upper left quarter of a 40×20 input has class 2, the rest class 1.
	scores := tensor.New(1, 20, 40, 3)
	for i := range 800 {
		class := 1
		if i%40 < 20 && i/40 < 10 {
			class = 2
		}
		scores.Data[3*i+class] = 1
	}
	at := func(s *picture.Segmentation, x, y int) uint8 { return s.Class[y*s.Width+x] }
	scaled := Segmenter{}.Apply(scores, [2]int{20, 40}, picture.Scale(40./400, 20./100), 400, 100)
	for _, p := range [][3]int{{0, 0, 2}, {199, 40, 2}, {200, 49, 1}, {199, 50, 1}, {399, 99, 1}} {
		if got := at(scaled, p[0], p[1]); int(got) != p[2] {
			t.Errorf("scaled: pixel %v is of class %d", p, got)
		}
	}
	// A picture of 60×20, cropped to its middle.
	cropped := Segmenter{}.Apply(scores, [2]int{20, 40}, picture.Shift(-10, 0), 60, 20)
	for _, p := range [][3]int{{9, 0, 0}, {10, 0, 2}, {29, 9, 2}, {30, 0, 1}, {49, 19, 1}, {50, 19, 0}} {
		if got := at(cropped, p[0], p[1]); int(got) != p[2] {
			t.Errorf("cropped: pixel %v is of class %d", p, got)
		}
	}
	// Scores for the middle of an input of 44×28.
	valid := Segmenter{}.Apply(scores, [2]int{28, 44}, picture.Identity(), 44, 28)
	for _, p := range [][3]int{{1, 4, 0}, {2, 3, 0}, {2, 4, 2}, {21, 13, 2}, {22, 13, 1}, {41, 23, 1}, {42, 24, 0}} {
		if got := at(valid, p[0], p[1]); int(got) != p[2] {
			t.Errorf("valid: pixel %v is of class %d", p, got)
		}
	}
	if area := cropped.Area(); area[0] != 400 || area[2] != 200 || area[1] != 600 {
		t.Errorf("areas %v", area)
	}
}

// TestSegmentOneClass applies thresholds to logits and to probabilities.
func TestSegmentOneClass(t *testing.T) {
	scores := tensor.Of([]float32{-1, 0.25, 0.75, 3}, 1, 1, 4, 1)
	for _, c := range []struct {
		s    Segmenter
		want string
	}{
		{Segmenter{Threshold: 0.5}, "\x00\x01\x01\x01"},
		{Segmenter{Threshold: 0.65}, "\x00\x00\x01\x01"}, // a logit of 0.62
		{Segmenter{Threshold: 0.5, Probabilities: true}, "\x00\x00\x01\x01"},
		{Segmenter{Threshold: 0.8, Probabilities: true}, "\x00\x00\x00\x01"},
	} {
		found := c.s.Apply(scores, [2]int{1, 4}, picture.Identity(), 4, 1)
		if string(found.Class) != c.want || found.Count != 2 {
			t.Errorf("%+v: %v of %d", c.s, found.Class, found.Count)
		}
	}
}

// TestNewSegmenter accepts only networks that give classes of pixels.
func TestNewSegmenter(t *testing.T) {
	for name, want := range map[string]string{
		"unet": "logits", "unet_valid": "logits", "unetpp_deepsup": "logits", "unet_v2": "logits",
		"unet3p": "probabilities", "unet3p_cgm": "probabilities", "resnet18": "", "espcn_x2": "",
	} {
		e, err := zoo.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		g, err := models.TraceForward(e.New(), 1, e.Size, e.Size, e.Channels)
		if err != nil {
			t.Fatal(err)
		}
		s, err := NewSegmenter(g)
		if (err != nil) != (want == "") || s.Probabilities != (want == "probabilities") {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	g, err := graph.Trace(func(g *graph.Graph) { g.Output("out", g.Input("x", 1, 8, 8, 300)) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewSegmenter(g); err == nil {
		t.Error("300 classes are accepted")
	}
}

// TestDrawSegmentation lists the classes of a picture beside it, the largest first.
func TestDrawSegmentation(t *testing.T) {
	s := Segmentation{
		Segmentation: &picture.Segmentation{Width: 60, Height: 40, Count: 4, Class: make([]uint8, 2400)},
		Picture:      picture.New(60, 40, 3),
		label:        func(class, count int) string { return []string{"ground", "", "road", "sky"}[class] },
	}
	for i := range s.Class {
		s.Class[i] = []uint8{0, 2, 1, 2}[i%4]
	}
	all, none := s.Draw(), Segmentation{Segmentation: &picture.Segmentation{Width: 60, Height: 40, Count: 4, Class: make([]uint8, 2400)}, Picture: s.Picture, label: s.label}
	if b := none.Draw().Bounds(); b.Dx() != 60 || b.Dy() != 40 {
		t.Errorf("nothing is drawn on %v", b)
	}
	found := map[color.Color]int{}
	for y := range all.Bounds().Dy() {
		for x := 60; x < all.Bounds().Dx(); x++ {
			found[all.At(x, y)]++
		}
	}
	for class, want := range []bool{false, true, true, false} {
		c := color.NRGBAModel.Convert(picture.Palette(4)[class])
		if has := found[c] > 50; class > 0 && has != want {
			t.Errorf("class %d is listed: %v", class, has)
		}
	}
	if a := s.Areas(); a[1].Title() != "class 1" || a[2].Title() != "road" {
		t.Errorf("%+v", a)
	}
}
