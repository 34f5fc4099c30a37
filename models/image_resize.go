package models

import (
	"fmt"
	"math"
)

// Filter is a way to resize a picture, with Pillow's names. All but Nearest
// widen with the reduction, so that they never skip pixels.
type Filter uint8

// The filters. The zero Filter is Bilinear.
const (
	Bilinear Filter = iota
	Nearest
	Box
	Hamming
	Bicubic // Keys' with a = -0.5
	Lanczos // of radius 3
)

var filterNames = [...]string{"bilinear", "nearest", "box", "hamming", "bicubic", "lanczos"}

// String is Pillow's name of the filter, in lower case.
func (f Filter) String() string { return filterNames[f] }

// ParseFilter finds a filter by name.
func ParseFilter(name string) (Filter, error) {
	for f, n := range filterNames {
		if n == name {
			return Filter(f), nil
		}
	}
	return 0, fmt.Errorf("filter %q, want one of %v", name, filterNames)
}

// radius is how far the filter reaches at scale 1.
func (f Filter) radius() float64 { return [...]float64{1, 0, 0.5, 1, 2, 3}[f] }

// at is the filter's value.
func (f Filter) at(x float64) float64 {
	sinc := func(x float64) float64 {
		if x == 0 {
			return 1
		}
		return math.Sin(math.Pi*x) / (math.Pi * x)
	}
	if f == Box {
		if x > -0.5 && x <= 0.5 {
			return 1
		}
		return 0
	}
	x = math.Abs(x)
	if x >= f.radius() {
		return 0
	}
	switch f {
	case Bilinear:
		return 1 - x
	case Hamming:
		return sinc(x) * (0.54 + 0.46*math.Cos(math.Pi*x))
	case Bicubic:
		if x < 1 {
			return (1.5*x-2.5)*x*x + 1
		}
		return -0.5 * (((x-5)*x+8)*x - 4)
	}
	return sinc(x) * sinc(x/3)
}

// Resize returns m at another size, computed as Pillow's resize does: across,
// then down, each in fixed point and rounded to 8 bits.
func (m *Image) Resize(width, height int, f Filter) *Image {
	if width == m.Width && height == m.Height {
		return m.Crop(0, 0, width, height)
	}
	if f == Nearest {
		return m.nearest(width, height)
	}
	out := m
	if width != m.Width {
		out = NewImage(width, m.Height, m.Channels)
		resample(out.Pix, m.Pix, m.Height, m.Width, width, m.Channels, f)
	}
	if height != m.Height {
		across := out
		out = NewImage(width, height, m.Channels)
		resample(out.Pix, across.Pix, 1, m.Height, height, width*m.Channels, f)
	}
	return out
}

// nearest picks pixels. Places are added up, as Pillow does, since the pick
// hangs on their rounding.
func (m *Image) nearest(width, height int) *Image {
	places := func(in, out int) []int {
		step := float64(in) / float64(out)
		at := make([]int, out)
		for i, x := 0, step*0.5; i < out; i, x = i+1, x+step {
			at[i] = min(int(x), in-1)
		}
		return at
	}
	out := NewImage(width, height, m.Channels)
	across, i := places(m.Width, width), 0
	for _, row := range places(m.Height, height) {
		for _, x := range across {
			i += copy(out.Pix[i:], m.Pix[(row*m.Width+x)*m.Channels:][:m.Channels])
		}
	}
	return out
}

// The fixed point of a filter's weights: eight bits for the sample, two for
// weights that overshoot.
const precision = 32 - 8 - 2

// resample resizes the middle dimension of from [outer, in, inner] to to
// [outer, out, inner].
func resample(to, from []uint8, outer, in, out, inner int, f Filter) {
	step := float64(in) / float64(out)
	wide := max(step, 1)
	support := f.radius() * wide
	var weights []float64
	var fixed []int
	sums := make([]int, inner)
	for i := range out {
		center := (float64(i) + 0.5) * step
		first := max(int(center-support+0.5), 0)
		end := min(int(center+support+0.5), in)
		weights, fixed = weights[:0], fixed[:0]
		total := 0.0
		for k := first; k < end; k++ {
			w := f.at((float64(k) - center + 0.5) * (1 / wide))
			weights = append(weights, w)
			total += w
		}
		for _, w := range weights {
			if total != 0 {
				w /= total
			}
			fixed = append(fixed, int(math.Copysign(math.Floor(math.Abs(w)*(1<<precision)+0.5), w)))
		}
		for o := range outer {
			for r := range sums {
				sums[r] = 1 << (precision - 1)
			}
			for k, w := range fixed {
				at := (o*in + first + k) * inner
				for r, p := range from[at : at+inner] {
					sums[r] += w * int(p)
				}
			}
			row := to[(o*out+i)*inner:]
			for r, s := range sums {
				row[r] = clip8(s >> precision)
			}
		}
	}
}
