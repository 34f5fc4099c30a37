package onnx

import (
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// convolutions has the convolutions of lines and images. A line is an image of height 1.
func convolutions() map[string]converter {
	return map[string]converter{
		"Conv":          convertConv,
		"ConvTranspose": convertConvTranspose,
	}
}

// last moves the channels, dimension 1, to the end.
func last(v *graph.Value) *graph.Value {
	order := []int{0}
	for d := 2; d < len(v.Shape); d++ {
		order = append(order, d)
	}
	return v.Permute(append(order, 1)...)
}

// first moves the channels from the end to dimension 1.
func first(v *graph.Value) *graph.Value {
	order := []int{0, len(v.Shape) - 1}
	for d := 1; d < len(v.Shape)-1; d++ {
		order = append(order, d)
	}
	return v.Permute(order...)
}

// image returns v [B, C, L] as [B, C, 1, L].
func (v *value) image() *value {
	if len(v.shape) == 3 {
		return v.reshape(tensor.Shape{v.shape[0], v.shape[1], 1, v.shape[2]})
	}
	return v
}

// frame says how a window moves over the dimensions after the channels.
type frame struct {
	kernel, stride, dilation, before, after []int
	ceil                                    bool
}

// frame reads the attributes of a convolution or pooling over x with this kernel.
func (c *call) frame(x tensor.Shape, kernel []int) frame {
	n := len(x) - 2
	f := frame{kernel: kernel, stride: c.perAxis("strides", n), dilation: c.perAxis("dilations", n),
		before: make([]int, n), after: make([]int, n), ceil: c.flag("ceil_mode", false)}
	if len(kernel) != n {
		failf("a kernel of %v over %v", kernel, x)
	}
	for d := range n {
		if kernel[d] < 1 || kernel[d] > mostKnown || f.stride[d] < 1 || f.dilation[d] < 1 || f.stride[d] > mostKnown || f.dilation[d] > mostKnown {
			failf("kernel %v, strides %v, dilations %v", kernel, f.stride, f.dilation)
		}
	}
	switch auto := c.string("auto_pad", "NOTSET"); auto {
	case "NOTSET", "":
		if pads, ok := c.ints("pads"); ok {
			if len(pads) != 2*n {
				failf("pads %v of %d dimensions", pads, n)
			}
			for _, p := range pads {
				if p < 0 || p > mostKnown {
					failf("pads %v", pads)
				}
			}
			f.before, f.after = pads[:n], pads[n:]
		}
	case "VALID":
	case "SAME_UPPER", "SAME_LOWER":
		for d := range n {
			total := max(0, ((x[d+2]+f.stride[d]-1)/f.stride[d]-1)*f.stride[d]+(kernel[d]-1)*f.dilation[d]+1-x[d+2])
			f.before[d], f.after[d] = total/2, total-total/2
			if auto == "SAME_LOWER" {
				f.before[d], f.after[d] = f.after[d], f.before[d]
			}
		}
		f.ceil = false
	default:
		failf("auto_pad %.40q", auto)
	}
	return f
}

// perAxis returns an attribute with a number for each of n dimensions, or ones.
func (c *call) perAxis(name string, n int) []int {
	v, ok := c.ints(name)
	if !ok || len(v) == 0 {
		return slices.Repeat([]int{1}, n)
	}
	if len(v) != n {
		failf("%s are %v, want %d numbers", name, v, n)
	}
	return slices.Clone(v)
}

// image adds the height of a line in front.
func (f frame) image() frame {
	if len(f.kernel) != 1 {
		return f
	}
	f.kernel, f.stride, f.dilation = append([]int{1}, f.kernel...), append([]int{1}, f.stride...), append([]int{1}, f.dilation...)
	f.before, f.after = append([]int{0}, f.before...), append([]int{0}, f.after...)
	return f
}

func (f frame) symmetric() bool { return slices.Equal(f.before, f.after) }

func pair(v []int) graph.Pair { return graph.Pair{v[0], v[1]} }

// pad adds the padding of f around v [B, H, W, C], unless it is symmetric. The result tells
// what padding is left to the op.
func (f frame) pad(v *graph.Value, fill float32) (*graph.Value, graph.Pair) {
	if f.symmetric() {
		return v, pair(f.before)
	}
	o := graph.Pad{Value: fill}
	o.Before[1], o.Before[2] = f.before[0], f.before[1]
	o.After[1], o.After[2] = f.after[0], f.after[1]
	return graph.Apply(o, v), graph.Pair{}
}

func (c *call) spatial(x *value, most int) {
	if n := len(x.shape) - 2; n < 1 || n > most {
		failf("%d dimensions after the channels", n)
	}
	if x.shape.Len() == 0 {
		failf("an input without elements")
	}
}

func convertConv(c *call) []*value {
	x, w := c.arg(0), c.arg(1)
	c.spatial(x, 2)
	if len(w.shape) != len(x.shape) {
		failf("weights have %d dimensions", len(w.shape))
	}
	f := c.frame(x.shape, w.shape[2:]).image()
	v, p := f.pad(last(c.value(x.image())), 0)
	o := graph.Conv2d{Stride: pair(f.stride), Pad: p, Dilation: pair(f.dilation), Groups: c.int("group", 1)}
	args := []*graph.Value{v, c.value(w.image())}
	if c.has(2) {
		o.Bias = true
		args = append(args, c.x(2))
	}
	return c.like(line(first(graph.Apply(o, args...)), len(x.shape)))
}

// line undoes image for a value of this rank.
func line(v *graph.Value, rank int) *graph.Value {
	if rank == 3 {
		return v.Reshape(v.Shape[0], v.Shape[1], v.Shape[3])
	}
	return v
}

// convertConvTranspose computes the whole result with the padding after that leaves nothing
// out, and cuts what is too much.
func convertConvTranspose(c *call) []*value {
	x, w := c.arg(0), c.arg(1)
	c.spatial(x, 2)
	if len(w.shape) != len(x.shape) {
		failf("weights have %d dimensions", len(w.shape))
	}
	n := len(x.shape) - 2
	auto := c.string("auto_pad", "NOTSET")
	delete(c.attrs, "auto_pad")
	f := c.frame(x.shape, w.shape[2:])
	extra := make([]int, n)
	if v, ok := c.ints("output_padding"); ok && len(v) == n {
		extra = v
	}
	size, sized := c.ints("output_shape")
	if sized && len(size) == n+2 {
		size = size[2:]
	}
	if sized && len(size) != n {
		failf("output_shape %v", size)
	}
	out := make([]int, n)
	for d := range n {
		full := f.stride[d]*(x.shape[d+2]-1) + extra[d] + (f.kernel[d]-1)*f.dilation[d] + 1
		want := full - f.before[d] - f.after[d]
		if sized {
			want = size[d]
		} else if auto == "SAME_UPPER" || auto == "SAME_LOWER" {
			want = x.shape[d+2] * f.stride[d]
		}
		if sized || auto == "SAME_UPPER" || auto == "SAME_LOWER" {
			total := full - want
			f.before[d] = total / 2
			if auto != "SAME_UPPER" {
				f.before[d] = total - total/2
			}
			if total < 0 {
				f.before[d] = 0
			}
			f.after[d] = total - f.before[d]
		}
		out[d] = want
	}
	if n == 1 {
		extra, out = append([]int{0}, extra...), append([]int{1}, out...)
	}
	f = f.image()
	o := graph.ConvTranspose2d{Stride: pair(f.stride), Dilation: pair(f.dilation), Groups: c.int("group", 1)}
	if f.symmetric() {
		o.Pad, o.OutputPad = pair(f.before), pair(extra)
	}
	args := []*graph.Value{last(c.value(x.image())), c.value(w.image())}
	if c.has(2) {
		o.Bias = true
		args = append(args, c.x(2))
	}
	y := graph.Apply(o, args...)
	if !f.symmetric() {
		cut := graph.Pad{}
		for d := range 2 {
			cut.Before[d+1] = -f.before[d]
			cut.After[d+1] = out[d] + f.before[d] - y.Shape[d+1]
		}
		if c.has(2) && (cut.After[1] > 0 || cut.After[2] > 0) {
			failf("an output padding beside uneven pads, with a bias")
		}
		y = graph.Apply(cut, y)
	}
	return c.like(line(first(y), len(x.shape)))
}
