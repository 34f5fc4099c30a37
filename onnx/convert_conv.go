package onnx

import (
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// convolutions has the convolutions of lines, images and volumes. A line is an image of
// height 1, and a volume a pile of images.
func convolutions() map[string]converter {
	return map[string]converter{
		"Conv":          convertConv,
		"ConvTranspose": convertConvTranspose,
		"Col2Im":        convertCol2Im,
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

// line undoes image for a value of this rank.
func line(v *graph.Value, rank int) *graph.Value {
	if rank == 3 {
		return v.Reshape(v.Shape[0], v.Shape[1], v.Shape[3])
	}
	return v
}

func (c *call) spatial(x *value, most int) {
	if n := len(x.shape) - 2; n < 1 || n > most {
		failf("%d dimensions after the channels", n)
	}
	if x.shape.Len() == 0 {
		failf("an input without elements")
	}
}

// filter is a convolution of images [B, H, W, C]: its weights and, if there is one, its bias.
type filter struct {
	frame
	w, bias *value
	groups  int
}

// filter reads the inputs and attributes of a convolution.
func (c *call) filter() (*value, filter) {
	x, w := c.arg(0), c.arg(1)
	c.spatial(x, 3)
	if len(w.shape) != len(x.shape) {
		failf("weights have %d dimensions", len(w.shape))
	}
	f := filter{w: w, groups: c.int("group", 1)}
	if c.has(2) {
		f.bias = c.arg(2)
	}
	return x, f
}

func convertConv(c *call) []*value {
	if x, w := c.arg(0), c.arg(1); x.shape.Len() == 0 || w.shape.Len() == 0 {
		return c.convolvedNothing(x, w)
	}
	x, f := c.filter()
	f.frame = c.frame(x.shape, f.w.shape[2:])
	if len(x.shape) == 5 {
		return c.like(first(c.volume(last(c.value(x)), f)))
	}
	f.frame, f.w = f.image(), f.w.image()
	return c.like(line(first(c.convolved(last(c.value(x.image())), f, nil)), len(x.shape)))
}

// convolvedNothing is a convolution without elements: each is the bias, if there are any.
func (c *call) convolvedNothing(x, w *value) []*value {
	if len(x.shape) != len(w.shape) || len(x.shape) < 3 {
		failf("weights %v for %v", w.shape, x.shape)
	}
	f := c.frame(x.shape, w.shape[2:])
	s := tensor.Shape{x.shape[0], w.shape[0]}
	for d, k := range f.kernel {
		room := x.shape[2+d] + f.before[d] + f.after[d] - (k-1)*f.dilation[d] - 1
		if room < 0 {
			failf("input %v is smaller than the kernel %v", x.shape, f.kernel)
		}
		s = append(s, room/f.stride[d]+1)
	}
	return []*value{c.biased(x.typ, s)}
}

// biased is the bias of a convolution, for each place of its result, or zeros.
func (c *call) biased(t Type, s tensor.Shape) *value {
	c.bound(shapeOf(s))
	if !c.has(2) || s.Len() == 0 {
		return known(newArray(t, s))
	}
	one := slices.Repeat([]int{1}, len(s))
	one[1] = s[1]
	return c.arg(2).reshape(one).expand(s)
}

// convolved convolves images and adds sum, if it is not nil.
func (c *call) convolved(v *graph.Value, f filter, sum *graph.Value) *graph.Value {
	o := graph.Conv2d{Stride: pair(f.stride), Pad: pair(f.before), Extra: f.extra(), Dilation: pair(f.dilation), Groups: f.groups}
	args := []*graph.Value{v, c.value(f.w)}
	if f.bias != nil {
		o.Bias = true
		args = append(args, c.value(f.bias))
	}
	if sum != nil {
		o.Residual = true
		args = append(args, sum)
	}
	return graph.Apply(o, args...)
}

// volume convolves v [B, D, H, W, C]. Each slice of the weights along their depth convolves
// the images that it meets, and the results add up.
func (c *call) volume(v *graph.Value, f filter) *graph.Value {
	b, s := v.Shape[0], v.Shape
	depth := f.kernel[0]
	if f.before[0] > 0 || f.after[0] > 0 {
		v = graph.Apply(graph.Pad{Before: [graph.MaxRank]int{1: f.before[0]}, After: [graph.MaxRank]int{1: f.after[0]}}, v)
	}
	out := (v.Shape[1]-(depth-1)*f.dilation[0]-1)/f.stride[0] + 1
	if v.Shape[1] < (depth-1)*f.dilation[0]+1 {
		failf("input %v is smaller than the kernel %v", s, f.kernel)
	}
	plane := f
	plane.frame = f.plane()
	var sum *graph.Value
	for k := range depth {
		at := k * f.dilation[0]
		cut := v
		if o := (graph.Slice{}); v.Shape[1] != out || f.stride[0] != 1 {
			o.Start[1], o.Stop[1], o.Step[1] = at, at+(out-1)*f.stride[0]+1, f.stride[0]
			cut = graph.Apply(o, v)
		}
		plane.w = c.cut(f.w, 2, k, 1)
		plane.w = plane.w.reshape(slices.Delete(plane.w.shape.Clone(), 2, 3))
		sum = c.convolved(cut.Reshape(b*out, s[2], s[3], s[4]), plane, sum)
		plane.bias = nil
	}
	return sum.Reshape(append([]int{b, out}, sum.Shape[1:]...)...)
}

// convertConvTranspose crops the result by the padding. An output shape decides the padding.
func convertConvTranspose(c *call) []*value {
	x, w := c.arg(0), c.arg(1)
	empty := x.shape.Len() == 0 || w.shape.Len() == 0
	if empty && (len(x.shape) != len(w.shape) || len(x.shape) < 3) {
		failf("weights %v for %v", w.shape, x.shape)
	}
	f := filter{}
	if !empty {
		x, f = c.filter()
	}
	n := len(x.shape) - 2
	auto := c.string("auto_pad", "NOTSET")
	delete(c.attrs, "auto_pad")
	f.frame = c.frame(x.shape, w.shape[2:])
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
	same := auto == "SAME_UPPER" || auto == "SAME_LOWER"
	for d := range n {
		if extra[d] > mostKnown || extra[d] < 0 {
			failf("output_padding %v", extra)
		}
		full := f.stride[d]*(x.shape[d+2]-1) + extra[d] + (f.kernel[d]-1)*f.dilation[d] + 1
		want := x.shape[d+2] * f.stride[d]
		if sized {
			want = size[d]
		}
		if sized || same {
			total := full - want
			f.before[d] = total / 2
			if auto != "SAME_UPPER" {
				f.before[d] = total - total/2
			}
			f.before[d] = max(f.before[d], 0)
			f.after[d] = total - f.before[d]
		}
		f.after[d] -= extra[d]
	}
	if empty {
		s := tensor.Shape{x.shape[0], w.shape[1] * c.int("group", 1)}
		for d, k := range f.kernel {
			s = append(s, max(f.stride[d]*(x.shape[d+2]-1)+(k-1)*f.dilation[d]+1-f.before[d]-f.after[d], 0))
		}
		return []*value{c.biased(x.typ, s)}
	}
	return c.like(c.transposed(x, f))
}

// transposed is the transposed convolution of x, whose result is cropped by f's padding. The
// padding after may be negative.
func (c *call) transposed(x *value, f filter) *graph.Value {
	rank := len(x.shape)
	if rank == 5 {
		return first(c.transposedVolume(last(c.value(x)), f))
	}
	f.frame, f.w = f.image(), f.w.image()
	return line(first(c.transposedImage(last(c.value(x.image())), f)), rank)
}

func (c *call) transposedImage(v *graph.Value, f filter) *graph.Value {
	o := graph.ConvTranspose2d{Stride: pair(f.stride), Pad: pair(f.before), Dilation: pair(f.dilation), Groups: f.groups}
	for d := range 2 {
		o.OutputPad[d] = f.before[d] - f.after[d]
	}
	args := []*graph.Value{v, c.value(f.w)}
	if f.bias != nil {
		o.Bias = true
		args = append(args, c.value(f.bias))
	}
	return graph.Apply(o, args...)
}

// transposedVolume is the transposed convolution of v [B, D, H, W, C]. Each slice of the
// weights along their depth makes images, which lie a stride apart in the result.
func (c *call) transposedVolume(v *graph.Value, f filter) *graph.Value {
	s, stride := v.Shape, f.stride[0]
	out := stride*(s[1]-1) + (f.kernel[0]-1)*f.dilation[0] + 1 - f.before[0] - f.after[0]
	if out < 1 {
		failf("padding leaves nothing of %v", s)
	}
	images := v.Reshape(s[0]*s[1], s[2], s[3], s[4])
	plane := f
	plane.frame, plane.bias = f.plane(), nil
	var sum *graph.Value
	for k := range f.kernel[0] {
		plane.w = c.cut(f.w, 2, k, 1)
		plane.w = plane.w.reshape(slices.Delete(plane.w.shape.Clone(), 2, 3))
		y := c.transposedImage(images, plane)
		h, w, o := y.Shape[1], y.Shape[2], y.Shape[3]
		y = y.Reshape(s[0]*s[1], 1, h*w*o)
		if stride > 1 {
			y = graph.Apply(graph.Pad{After: [graph.MaxRank]int{1: stride - 1}}, y)
		}
		before := k*f.dilation[0] - f.before[0]
		y = graph.Apply(graph.Pad{Before: [graph.MaxRank]int{1: before}, After: [graph.MaxRank]int{1: out - before - s[1]*stride}},
			y.Reshape(s[0], s[1]*stride, h*w*o)).Reshape(s[0], out, h, w, o)
		if sum != nil {
			y = sum.Add(y)
		}
		sum = y
	}
	if f.bias != nil {
		sum = sum.Add(c.value(f.bias))
	}
	return sum
}

// convertCol2Im adds the columns of blocks to images: it is a transposed convolution whose
// weights are 1 for the place of a column in its block, and else 0.
func convertCol2Im(c *call) []*value {
	x, image, block := c.arg(0), c.knownInts(1), c.knownInts(2)
	n := len(image)
	if len(x.shape) != 3 || len(block) != n || n < 1 || n > 3 {
		failf("columns %v of blocks %v in %v", x.shape, block, image)
	}
	taps := shapeOf(block).Len()
	if taps < 1 || x.shape[1]%taps != 0 || taps > mostKnown {
		failf("%d channels for blocks %v", x.shape[1], block)
	}
	channels := x.shape[1] / taps
	f := filter{groups: channels}
	f.frame = c.frame(append(tensor.Shape{1, 1}, image...), block)
	s := tensor.Shape{x.shape[0], x.shape[1]}
	for d := range n {
		room := image[d] + f.before[d] + f.after[d] - (block[d]-1)*f.dilation[d] - 1
		if room < 0 {
			failf("blocks %v do not fit %v", block, image)
		}
		places := room/f.stride[d] + 1
		s = append(s, places)
		// What no block reaches is zero.
		f.after[d] = (places-1)*f.stride[d] + (block[d]-1)*f.dilation[d] + 1 - f.before[d] - image[d]
	}
	if s.Len() != x.shape.Len() {
		failf("columns %v of blocks %v in %v", x.shape, block, image)
	}
	c.bound(tensor.Shape{x.shape[1], taps})
	w := newArray(Float32, append(tensor.Shape{x.shape[1], 1}, block...))
	for i := range x.shape[1] {
		w.F[i*taps+i%taps] = 1
	}
	f.w = known(w)
	return c.like(c.transposed(x.reshape(s), f))
}
