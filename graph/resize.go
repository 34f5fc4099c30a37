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
	Bilinear                       // of two pixels down and two across
	Bicubic                        // of four pixels down and four across
)

var resizeNames = [...]string{"nearest", "nearest-exact", "bilinear", "bicubic"}

// String is PyTorch's name of the mode.
func (m ResizeMode) String() string { return resizeNames[m] }

// Resize is PyTorch's interpolate over height and width:
//
//	y[b,i,j,c] = Σ_{u,v} wy(i,u) · wx(j,v) · x[b,u,v,c]
//
// With s = in/out (or 1/Scale, or (in−1)/(out−1) if AlignCorners) the centre
// of output pixel i lies at (i+½)·s−½ (i·s if AlignCorners) of the input;
// coordinates are computed in float32, as PyTorch does, since the pick of the
// nearest pixel hangs on their rounding. Bilinear weights are 1−|distance|,
// bicubic ones Keys' with a = −0.75, and pixels beyond the border repeat it.
// With Antialias the filter (bicubic: a = −0.5) is widened by s where s is
// over 1, and its weights are normalised over the pixels inside, as Pillow
// does.
//
// Args: x [B, H, W, C]. Result: [B, Size[0], Size[1], C] or, where Size is
// zero, [B, ⌊H·Scale[0]⌋, ⌊W·Scale[1]⌋, C]. A given Scale with a Size sets
// only the coordinates.
type Resize struct {
	Mode         ResizeMode
	AlignCorners bool // bilinear and bicubic
	Antialias    bool // bilinear and bicubic
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

// Shape checks sizes, and that the mode has the options.
func (o Resize) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 1 || len(args[0]) != 4 {
		return nil, fmt.Errorf("arguments are %v, want x [B, H, W, C]", args)
	}
	if o.Mode > Bicubic {
		return nil, fmt.Errorf("mode %d is unknown", o.Mode)
	}
	if o.Mode < Bilinear && (o.AlignCorners || o.Antialias) {
		return nil, fmt.Errorf("align corners and antialias are for bilinear and bicubic")
	}
	x := args[0]
	y := tensor.Shape{x[0], o.Size[0], o.Size[1], x[3]}
	for d, s := range o.Scale {
		if s < 0 || math.IsNaN(s) || s == 0 && o.Size == (Pair{}) || s > 1<<20 {
			return nil, fmt.Errorf("size %v and scale %v", o.Size, o.Scale)
		}
		if o.Size == (Pair{}) {
			y[1+d] = int(math.Floor(float64(x[1+d]) * s))
		}
		if y[1+d] < 1 {
			return nil, fmt.Errorf("%v resized to %v", x, y)
		}
	}
	return y, nil
}

// Steps returns s of the formula, down and across.
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

// tap is an input index and its weight in an output.
type tap struct {
	at     int
	weight float64
}

// taps lists what output i along a dimension is made of. Conversions to
// float32 keep the compiler from fusing a multiply and an add.
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

// filter lists the taps of a filter widened by step, weights adding up to 1.
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

// cubic is Keys' convolution kernel.
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

// FLOPs is two for each pixel that a result is made of without Antialias; a
// pick counts nothing.
func (o Resize) FLOPs(_ []tensor.Shape, result tensor.Shape) int64 {
	return int64(result.Len()) * [...]int64{0, 0, 8, 32}[o.Mode]
}

// Bands splits the batch.
func (o Resize) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return args, result, []bool{true}
}

// Rows are those that the result is made of, and one more at each end, for
// devices that round coordinates otherwise.
func (o Resize) Rows(args []tensor.Shape, _ tensor.Shape, from, to int) [][2]int {
	h, step := args[0][1], o.Steps(args[0])[0]
	first, last := h-1, h-1
	if above := o.taps(from, h, step); len(above) > 0 { // a given Scale may lead beyond x
		first = above[0].at
	}
	if below := o.taps(to-1, h, step); len(below) > 0 {
		last = below[len(below)-1].at
	}
	return [][2]int{inside(first-1, last+2, h)}
}

// Resize interpolates v [B, H, W, C] over height and width.
func (v *Value) Resize(o Resize) *Value { return Apply(o, v) }
