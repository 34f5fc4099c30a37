package decode

import (
	"math"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

// TestTextRegions finds bars of text, upright and turned, in the order of reading.
func TestTextRegions(t *testing.T) {
	const h, w = 120, 200
	p := tensor.New(1, 1, h, w)
	bar := func(x, y, long, high, degrees, value float64) {
		sin, cos := math.Sincos(degrees * math.Pi / 180)
		for i := range p.Data {
			a, b := float64(i%w)+0.5-x, float64(i/w)+0.5-y
			if math.Abs(a*cos+b*sin) <= long/2 && math.Abs(b*cos-a*sin) <= high/2 {
				p.Data[i] = float32(value)
			}
		}
	}
	bar(150, 22, 60, 11, 0, 0.9)
	bar(50, 20, 60, 11, 0, 0.8)
	bar(100, 70, 100, 14, 20, 0.7)
	bar(10, 110, 12, 2, 0, 0.9)  // too thin
	bar(180, 110, 20, 8, 0, 0.4) // too faint
	got, err := TextRegions(p, RegionOptions{})
	if err != nil || len(got) != 3 {
		t.Fatal(got, err)
	}
	// A bar of w×h whose outermost middles are (w-1)×(h-1) apart grows by 1.5·A/L.
	for i, c := range []struct{ x, y, long, high, degrees, score float64 }{
		{50, 20, 59, 11, 0, 0.8}, {150, 22, 59, 11, 0, 0.9}, {100, 70, 99.5, 13.5, 20, 0.7},
	} {
		d := 1.5 * c.long * c.high / (2 * (c.long + c.high))
		sin, cos := math.Sincos(c.degrees * math.Pi / 180)
		bound := 0.01
		if c.degrees != 0 {
			bound = 2.5
		}
		for k, s := range [][2]float64{{-1, -1}, {1, -1}, {1, 1}, {-1, 1}} {
			u, v := s[0]*(c.long/2+d), s[1]*(c.high/2+d)
			x, y := c.x+u*cos-v*sin, c.y+u*sin+v*cos
			if at := got[i].Corners[k]; math.Hypot(float64(at[0])-x, float64(at[1])-y) > bound {
				t.Errorf("region %d, corner %d: %v, want %.2f, %.2f", i, k, at, x, y)
			}
		}
		if math.Abs(float64(got[i].Score)-c.score) > 0.02 {
			t.Errorf("region %d has the score %v, want %v", i, got[i].Score, c.score)
		}
	}
	if got, err := TextRegions(p, RegionOptions{Most: 1}); err != nil || len(got) != 1 || got[0].Score != 0.9 {
		t.Errorf("the best region is %v, %v", got, err)
	}
	for _, wrong := range []*tensor.Tensor{tensor.New(5), tensor.New(2, 4, 4), tensor.New(0, 4), {Shape: tensor.Shape{4, 4}}} {
		if _, err := TextRegions(wrong, RegionOptions{}); err == nil {
			t.Errorf("%v is no error", wrong.Shape)
		}
	}
	nan := tensor.New(4, 4)
	for i := range nan.Data {
		nan.Data[i] = float32(math.NaN())
	}
	if got, err := TextRegions(nan, RegionOptions{}); err != nil || len(got) != 0 {
		t.Errorf("in NaN are %v, %v", got, err)
	}
}

// TestHull gives the rectangle around few points and points on a line.
func TestHull(t *testing.T) {
	for _, points := range [][][2]float64{{{3, 4}}, {{0, 0}, {2, 0}}, {{0, 0}, {1, 1}, {2, 2}, {1, 1}}} {
		if r := smallest(points); r.w*r.h > 1e-9 {
			t.Errorf("around %v is %+v", points, r)
		}
	}
	if r := smallest([][2]float64{{0, 1}, {1, 0}, {2, 1}, {1, 2}}); math.Abs(r.w*r.h-2) > 1e-9 || math.Hypot(r.x-1, r.y-1) > 1e-9 {
		t.Errorf("around a turned square is %+v", r)
	}
}

func TestCTC(t *testing.T) {
	places := func(classes int, best ...int) *tensor.Tensor {
		p := tensor.New(1, len(best), classes)
		for i, k := range best {
			p.Data[i*classes+k] = 0.5 + float32(i)/16
		}
		return p
	}
	for _, c := range []struct {
		p    *tensor.Tensor
		want string
		mean float32
	}{
		{places(3, 0, 1, 1, 0, 1, 2, 2, 0), "aab", 0.5 + (1+4+5)/48.},
		{places(4, 1, 3, 2), "a b", 0.5 + 1/16.},
		{places(3, 0, 0), "", 0},
		{tensor.New(0, 3), "", 0},
	} {
		got, score, err := CTC(c.p, []string{"a", "b"})
		if err != nil || got != c.want || math.Abs(float64(score-c.mean)) > 1e-6 {
			t.Errorf("%v: %q, %v, %v, want %q, %v", c.p.Shape, got, score, err, c.want, c.mean)
		}
	}
	for _, wrong := range []*tensor.Tensor{tensor.New(3), tensor.New(2, 4, 3), tensor.New(2, 9), tensor.New(2, 0), {Shape: tensor.Shape{4, 3}}} {
		if _, _, err := CTC(wrong, []string{"a", "b"}); err == nil {
			t.Errorf("%v is no error", wrong.Shape)
		}
	}
	nan := tensor.New(1, 3)
	nan.Data[0], nan.Data[1], nan.Data[2] = float32(math.NaN()), float32(math.NaN()), float32(math.NaN())
	if _, _, err := CTC(nan, []string{"a", "b"}); err == nil {
		t.Error("NaN is no error")
	}
}
