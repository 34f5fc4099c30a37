package graph

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// Window is the window that a pooling slides over an image. The zero Stride means
// Size, as in PyTorch. There are Pad rows above the image and Pad + Extra below it,
// and columns likewise. Ceil rounds the result's extents up, but drops a window
// that would begin beyond the image and the padding before it.
type Window struct {
	Size, Stride, Pad, Extra, Dilation Pair
	Ceil                               bool
}

// Defaults returns the window with its zero fields replaced by their defaults.
func (w Window) Defaults() Window {
	if w.Stride == (Pair{}) {
		w.Stride = w.Size
	}
	w.Dilation = w.Dilation.or1()
	return w
}

// String lists the size and the choices that differ from the defaults:
// "k3 s2 p1 ceil".
func (w Window) String() string {
	w = w.Defaults()
	s := "k" + w.Size.String()
	if w.Stride != w.Size {
		s += " s" + w.Stride.String()
	}
	if w.Pad != (Pair{}) {
		s += " p" + w.Pad.String()
	}
	if w.Extra != (Pair{}) {
		s += " more" + w.Extra.String()
	}
	if w.Dilation != Both(1) {
		s += " d" + w.Dilation.String()
	}
	if w.Ceil {
		s += " ceil"
	}
	return s
}

// shape returns the shape of the pooled image. Its height is
// ⌊(H + 2·Pad + Extra − span)/Stride⌋ + 1, or ⌈…⌉ + 1 with Ceil, where
// span = Dilation·(Size−1) + 1.
func (w Window) shape(args []tensor.Shape) (tensor.Shape, error) {
	w = w.Defaults()
	if len(args) != 1 || len(args[0]) != 4 {
		return nil, fmt.Errorf("arguments are %v, want x [B, H, W, C]", args)
	}
	x := args[0]
	y := x.Clone()
	for d := range 2 {
		size, stride, pad, dilation := w.Size[d], w.Stride[d], w.Pad[d], w.Dilation[d]
		if size < 1 || stride < 1 || dilation < 1 || pad < 0 {
			return nil, fmt.Errorf("window %v, stride %v, padding %v, dilation %v", w.Size, w.Stride, w.Pad, w.Dilation)
		}
		span := dilation*(size-1) + 1
		if pad >= span || w.Extra[d] < -pad {
			return nil, fmt.Errorf("padding %v and %v more below do not fit the window %v", w.Pad, w.Extra, w.Size)
		}
		room := x[1+d] + 2*pad + w.Extra[d] - span
		if w.Ceil {
			room += stride - 1
		}
		if room < 0 {
			return nil, fmt.Errorf("input %v is smaller than the window %v", x, w.Size)
		}
		n := room/stride + 1
		if w.Ceil && (n-1)*stride >= x[1+d]+pad {
			n--
		}
		y[1+d] = n
	}
	return y, nil
}

// rows returns the rows under the windows of rows [from, to) of the result.
func (w Window) rows(x tensor.Shape, from, to int) [][2]int {
	w = w.Defaults()
	return [][2]int{under(w.Size[0], w.Stride[0], w.Pad[0], w.Dilation[0], x[1], from, to)}
}

// at returns the window of each place of the result.
func (w Window) at(i, j int) window {
	top, left := i*w.Stride[0]-w.Pad[0], j*w.Stride[1]-w.Pad[1]
	return window{top, top + w.Dilation[0]*(w.Size[0]-1) + 1, left, left + w.Dilation[1]*(w.Size[1]-1) + 1,
		w.Dilation[0], w.Dilation[1], false, 0}
}

// bands splits the batch. If the windows tile the image without padding, each row
// of windows counts as an image.
func (w Window) bands(x, y tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	w = w.Defaults()
	if k := w.Size[0]; k == w.Stride[0] && w.Pad[0] == 0 && w.Dilation[0] == 1 && x[1] == k*y[1] {
		x, y = tensor.Shape{x[0] * y[1], k, x[2], x[3]}, tensor.Shape{y[0] * y[1], 1, y[2], y[3]}
	}
	return []tensor.Shape{x}, y, []bool{true}
}

// MaxPool2d is the largest element under a window, where padding does not count:
//
//	y[b,i,j,c] = max_{u,v} x[b, i·s−p+u·d, j·s−p+v·d, c]
//
// Args: x [B, H, W, C]. Result: [B, oH, oW, C], see Window.
type MaxPool2d struct{ Window }

// Name is "max_pool2d" and the window.
func (o MaxPool2d) Name() string { return "max_pool2d " + o.Window.String() }

// Shape checks the window.
func (o MaxPool2d) Shape(args []tensor.Shape) (tensor.Shape, error) { return o.shape(args) }

// Eval computes the formula.
func (o MaxPool2d) Eval(args []*tensor.Tensor) *tensor.Tensor {
	return pool(args[0], o, o.Defaults().at)
}

// Bands splits the batch, and also the rows if the windows tile them.
func (o MaxPool2d) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return o.bands(args[0], result)
}

// FLOPs counts one for each element under each window.
func (o MaxPool2d) FLOPs(_ []tensor.Shape, result tensor.Shape) int64 {
	return int64(result.Len()) * int64(o.Size[0]*o.Size[1])
}

// Rows returns the rows under the windows.
func (o MaxPool2d) Rows(args []tensor.Shape, _ tensor.Shape, from, to int) [][2]int {
	return o.rows(args[0], from, to)
}

// AvgPool2d is the mean of the elements under a window:
//
//	y[b,i,j,c] = Σ_{u,v} x[b, i·s−p+u·d, j·s−p+v·d, c] / n
//
// The padding is zeros. n counts the elements of the window in the image and its
// padding, but none that Ceil adds beyond it. With ExcludePad (PyTorch's
// count_include_pad=False) n counts only the image. A Divisor above 0 replaces n.
//
// Args: x [B, H, W, C]. Result: [B, oH, oW, C], see Window.
type AvgPool2d struct {
	Window
	ExcludePad bool
	Divisor    int
}

// Name is "avg_pool2d" and the window.
func (o AvgPool2d) Name() string {
	s := "avg_pool2d " + o.Window.String()
	if o.ExcludePad {
		s += " exclude_pad"
	}
	if o.Divisor > 0 {
		s += fmt.Sprintf(" /%d", o.Divisor)
	}
	return s
}

// Shape checks the window.
func (o AvgPool2d) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if o.Divisor < 0 {
		return nil, fmt.Errorf("divisor %d is negative", o.Divisor)
	}
	return o.shape(args)
}

// Eval computes the formula.
func (o AvgPool2d) Eval(args []*tensor.Tensor) *tensor.Tensor {
	w, x := o.Defaults(), args[0]
	count := func(d, first int) int { // elements of the window that begins at first
		end, n := x.Shape[1+d], 0
		if !o.ExcludePad {
			end += w.Pad[d] + w.Extra[d]
		}
		for u := range w.Size[d] {
			if at := first + u*w.Dilation[d]; at < end && (at >= 0 || !o.ExcludePad) {
				n++
			}
		}
		return n
	}
	return pool(x, o, func(i, j int) window {
		under := w.at(i, j)
		under.mean, under.divisor = true, o.Divisor
		if o.Divisor == 0 {
			under.divisor = count(0, under.top) * count(1, under.left)
		}
		return under
	})
}

// Bands splits the batch, and also the rows if the windows tile them.
func (o AvgPool2d) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return o.bands(args[0], result)
}

// FLOPs counts one for each element under each window.
func (o AvgPool2d) FLOPs(_ []tensor.Shape, result tensor.Shape) int64 {
	return int64(result.Len()) * int64(o.Size[0]*o.Size[1])
}

// Rows returns the rows under the windows.
func (o AvgPool2d) Rows(args []tensor.Shape, _ tensor.Shape, from, to int) [][2]int {
	return o.rows(args[0], from, to)
}

// AdaptivePool2d is the mean, or with Max the largest element, of each of the
// Out[0]×Out[1] windows that cover the image. The windows overlap if Out does not
// divide its size:
//
//	y[b,i,j,c] = mean of x[b, ⌊i·H/oH⌋:⌈(i+1)·H/oH⌉, ⌊j·W/oW⌋:⌈(j+1)·W/oW⌉, c]
//
// Args: x [B, H, W, C]. Result: [B, Out[0], Out[1], C].
type AdaptivePool2d struct {
	Out Pair
	Max bool
}

// Name is "adaptive_avg_pool2d" or "adaptive_max_pool2d" and the size.
func (o AdaptivePool2d) Name() string {
	kind := "avg"
	if o.Max {
		kind = "max"
	}
	return fmt.Sprintf("adaptive_%s_pool2d %v", kind, o.Out)
}

// Shape checks that the result is not empty.
func (o AdaptivePool2d) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 1 || len(args[0]) != 4 {
		return nil, fmt.Errorf("arguments are %v, want x [B, H, W, C]", args)
	}
	if o.Out[0] < 1 || o.Out[1] < 1 {
		return nil, fmt.Errorf("result %d×%d is empty", o.Out[0], o.Out[1])
	}
	return tensor.Shape{args[0][0], o.Out[0], o.Out[1], args[0][3]}, nil
}

// Eval computes the formula.
func (o AdaptivePool2d) Eval(args []*tensor.Tensor) *tensor.Tensor {
	h, w := args[0].Shape[1], args[0].Shape[2]
	return pool(args[0], o, func(i, j int) window {
		under := window{
			i * h / o.Out[0], ((i+1)*h + o.Out[0] - 1) / o.Out[0],
			j * w / o.Out[1], ((j+1)*w + o.Out[1] - 1) / o.Out[1], 1, 1, !o.Max, 0}
		if !o.Max {
			under.divisor = (under.bottom - under.top) * (under.right - under.left)
		}
		return under
	})
}

// Bands splits the batch.
func (o AdaptivePool2d) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return args, result, []bool{true}
}

// Rows returns the rows under the windows.
func (o AdaptivePool2d) Rows(args []tensor.Shape, _ tensor.Shape, from, to int) [][2]int {
	h := args[0][1]
	return [][2]int{{from * h / o.Out[0], (to*h + o.Out[0] - 1) / o.Out[0]}}
}

// FLOPs counts one for each element of the result or of x, whichever has more.
func (o AdaptivePool2d) FLOPs(args []tensor.Shape, result tensor.Shape) int64 {
	return int64(max(args[0].Len(), result.Len()))
}

// window is the part of the padded image that makes one element of the result.
type window struct {
	top, bottom, left, right int
	down, across             int // steps between its elements
	mean                     bool
	divisor                  int // divides the sum for a mean
}

// pool applies the pooling op to x. at returns the window of each place.
func pool(x *tensor.Tensor, op Op, at func(i, j int) window) *tensor.Tensor {
	shape, err := op.Shape([]tensor.Shape{x.Shape})
	if err != nil {
		panic(err)
	}
	y := tensor.New(shape...)
	h, w, c := x.Shape[1], x.Shape[2], x.Shape[3]
	oh, ow := shape[1], shape[2]
	tensor.Parallel(shape[0]*oh, func(row int) {
		b, i := row/oh, row%oh
		for j := range ow {
			under := at(i, j)
			for k := range c {
				sum, largest := 0.0, math.Inf(-1)
				for r := under.top; r < min(under.bottom, h); r += under.down {
					for s := under.left; s < min(under.right, w); s += under.across {
						if r >= 0 && s >= 0 {
							v := float64(x.Data[((b*h+r)*w+s)*c+k])
							sum, largest = sum+v, max(largest, v)
						}
					}
				}
				if under.mean {
					largest = sum / float64(under.divisor)
				}
				y.Data[(row*ow+j)*c+k] = float32(largest)
			}
		}
	})
	return y
}

// MaxPool2d is the largest element under a window.
func (v *Value) MaxPool2d(w Window) *Value { return Apply(MaxPool2d{w}, v) }

// AvgPool2d is the mean under a window, including its padding.
func (v *Value) AvgPool2d(w Window) *Value { return Apply(AvgPool2d{Window: w}, v) }

// AdaptiveAvgPool2d is the mean of each of h×w windows.
func (v *Value) AdaptiveAvgPool2d(h, w int) *Value {
	return Apply(AdaptivePool2d{Out: Pair{h, w}}, v)
}

// AdaptiveMaxPool2d is the largest element of each of h×w windows.
func (v *Value) AdaptiveMaxPool2d(h, w int) *Value {
	return Apply(AdaptivePool2d{Out: Pair{h, w}, Max: true}, v)
}
