package graph

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// ResizeMode says how Resize computes values between pixels.
type ResizeMode uint8

// The modes of Resize, with PyTorch's names.
const (
	Nearest      ResizeMode = iota // the pixel at ⌊i·s⌋
	NearestExact                   // the pixel at ⌊(i+½)·s⌋
	Bilinear                       // from 2×2 pixels
	Bicubic                        // from 4×4 pixels
)

var resizeNames = [...]string{"nearest", "nearest-exact", "bilinear", "bicubic"}

// String returns PyTorch's name for the mode.
func (m ResizeMode) String() string { return resizeNames[m] }

// Resize is PyTorch's interpolate over height and width:
//
//	y[b,i,j,c] = Σ_{u,v} wy(i,u) · wx(j,v) · x[b,u,v,c]
//
// The step s is in/out, or 1/Scale if Scale is set, or (in−1)/(out−1) with
// AlignCorners. The centre of output pixel i lies at (i+½)·s−½ in the input, or
// at i·s with AlignCorners. Coordinates are computed in float32 as in PyTorch,
// because their rounding decides which pixel is the nearest.
//
// Bilinear weights are 1−|distance|. Bicubic weights are those of Keys with
// a = −0.75. The border pixel is repeated outside the image. Antialias works as in
// Pillow: if s is more than 1, the filter (bicubic with a = −0.5) is s times as
// wide, and its weights are normalised over the pixels inside the image.
//
// Args: x [B, H, W, C]. Result: [B, Size[0], Size[1], C] or, if Size is zero,
// [B, ⌊H·Scale[0]⌋, ⌊W·Scale[1]⌋, C]. If both are set, Scale sets only the step.
type Resize struct {
	Mode         ResizeMode
	AlignCorners bool // only for Bilinear and Bicubic
	Antialias    bool // only for Bilinear and Bicubic
	Size         Pair
	Scale        [2]float64
}

// Name is "resize" with the mode and options.
func (o Resize) Name() string {
	s := "resize " + o.Mode.String()
	if o.AlignCorners {
		s += " align-corners"
	}
	if o.Antialias {
		s += " antialias"
	}
	return s
}

// Shape checks the sizes, and that the mode allows the options.
func (o Resize) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 1 || len(args[0]) != 4 {
		return nil, fmt.Errorf("arguments are %v, want x [B, H, W, C]", args)
	}
	if o.Mode > Bicubic {
		return nil, fmt.Errorf("mode %d is unknown", o.Mode)
	}
	if o.Mode < Bilinear && (o.AlignCorners || o.Antialias) {
		return nil, fmt.Errorf("align corners and antialias are only for bilinear and bicubic")
	}
	x := args[0]
	y := tensor.Shape{x[0], o.Size[0], o.Size[1], x[3]}
	for d, s := range o.Scale {
		if s < 0 || math.IsNaN(s) || s == 0 && o.Size == (Pair{}) || s > 1<<20 {
			return nil, fmt.Errorf("size %v and scale %v give no result", o.Size, o.Scale)
		}
		if o.Size == (Pair{}) {
			y[1+d] = int(math.Floor(float64(x[1+d]) * s))
		}
		if y[1+d] < 1 {
			return nil, fmt.Errorf("%v cannot be resized to %v", x, y)
		}
	}
	return y, nil
}

// Steps returns the step s for the height and for the width.
func (o Resize) Steps(x tensor.Shape) [2]float32 {
	var steps [2]float32
	y, err := o.Shape([]tensor.Shape{x})
	if err != nil {
		panic(err)
	}
	for d := range steps {
		in, out := x[1+d], y[1+d]
		switch {
		case o.Mode == Bilinear && !o.Antialias && in == out:
			steps[d] = 1
		case o.AlignCorners:
			if out > 1 {
				steps[d] = float32(in-1) / float32(out-1)
			}
		case o.Scale[d] > 0:
			steps[d] = float32(1 / o.Scale[d])
		default:
			steps[d] = float32(in) / float32(out)
		}
	}
	return steps
}

// tap is an input index and its weight in an output element.
type tap struct {
	at     int
	weight float64
}

// taps lists the inputs of output i along a dimension. The conversions to float32
// stop the compiler from fusing a multiply and an add.
func (o Resize) taps(i, in int, step float32) []tap {
	center := float32(step * (float32(i) + 0.5))
	src := float32(center - 0.5)
	if o.AlignCorners {
		src = float32(step * float32(i))
	}
	inside := func(k int) int { return max(0, min(k, in-1)) }
	switch {
	case o.Antialias:
		return o.filter(center, in, step)
	case o.Mode == Nearest:
		return []tap{{inside(int(step * float32(i))), 1}}
	case o.Mode == NearestExact:
		return []tap{{inside(int(center)), 1}}
	case o.Mode == Bilinear:
		src = max(src, 0)
		k := inside(int(src))
		t := min(float64(src)-float64(k), 1)
		return []tap{{k, 1 - t}, {inside(k + 1), t}}
	}
	first := math.Floor(float64(src))
	t := float64(src) - first
	out := make([]tap, 4)
	for j := range out {
		out[j] = tap{inside(int(first) + j - 1), cubic(t+1-float64(j), -0.75)}
	}
	return out
}

// filter lists the taps of the antialias filter; their weights add up to 1.
func (o Resize) filter(center float32, in int, step float32) []tap {
	support := float32(1)
	if o.Mode == Bicubic {
		support = 2
	}
	wide := max(step, 1)
	support *= wide
	first := max(int(float32(center-support)+0.5), 0)
	end := min(int(float32(center+support)+0.5), in)
	var out []tap
	total := 0.0
	for k := first; k < end; k++ {
		x := (float64(k) - float64(center) + 0.5) / float64(wide)
		w := max(0, 1-math.Abs(x))
		if o.Mode == Bicubic {
			w = cubic(x, -0.5)
		}
		out = append(out, tap{k, w})
		total += w
	}
	for k := range out {
		out[k].weight /= total
	}
	return out
}

// cubic is the convolution kernel of Keys.
func cubic(x, a float64) float64 {
	x = math.Abs(x)
	switch {
	case x <= 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return ((a*x-5*a)*x+8*a)*x - 4*a
	}
	return 0
}

// Eval computes the formula.
func (o Resize) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x := args[0]
	shape, err := o.Shape(shapes(args))
	if err != nil {
		panic(err)
	}
	y := tensor.New(shape...)
	h, w, c := x.Shape[1], x.Shape[2], x.Shape[3]
	oh, ow := shape[1], shape[2]
	steps := o.Steps(x.Shape)
	across := make([][]tap, ow)
	for j := range across {
		across[j] = o.taps(j, w, steps[1])
	}
	tensor.Parallel(shape[0]*oh, func(row int) {
		b, down := row/oh, o.taps(row%oh, h, steps[0])
		for j := range ow {
			for k := range c {
				sum := 0.0
				for _, u := range down {
					for _, v := range across[j] {
						sum += u.weight * v.weight * float64(x.Data[((b*h+u.at)*w+v.at)*c+k])
					}
				}
				y.Data[(row*ow+j)*c+k] = float32(sum)
			}
		}
	})
	return y
}

// FLOPs counts two for each pixel of the filter without Antialias, and nothing
// for the nearest modes.
func (o Resize) FLOPs(_ []tensor.Shape, result tensor.Shape) int64 {
	return int64(result.Len()) * [...]int64{0, 0, 8, 32}[o.Mode]
}

// Bands splits the batch.
func (o Resize) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return args, result, []bool{true}
}

// Rows returns the rows that the result depends on, and one more at each end for
// devices that round coordinates differently.
func (o Resize) Rows(args []tensor.Shape, _ tensor.Shape, from, to int) [][2]int {
	h, step := args[0][1], o.Steps(args[0])[0]
	first, last := h-1, h-1
	if above := o.taps(from, h, step); len(above) > 0 { // Scale may lead outside x
		first = above[0].at
	}
	if below := o.taps(to-1, h, step); len(below) > 0 {
		last = below[len(below)-1].at
	}
	return [][2]int{inside(first-1, last+2, h)}
}

// Resize interpolates v [B, H, W, C] over height and width.
func (v *Value) Resize(o Resize) *Value { return Apply(o, v) }
