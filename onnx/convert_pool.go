package onnx

import (
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// pools has the reductions under windows of lines, images and volumes.
func pools() map[string]converter {
	return map[string]converter{
		"MaxPool":           convertMaxPool,
		"AveragePool":       convertAveragePool,
		"LpPool":            convertLpPool,
		"MaxUnpool":         convertMaxUnpool,
		"GlobalAveragePool": global(graph.Mean),
		"GlobalMaxPool":     global(graph.Max),
		"GlobalLpPool":      convertGlobalLpPool,
	}
}

// pooled applies a pooling to v, whose channels are dimension 1. A volume is pooled over its
// height and width, and then over its depth: largest elements, means and sums over both are
// those over all three.
func (c *call) pooled(v *graph.Value, op func(f frame) graph.Op) *graph.Value {
	rank := len(v.Shape)
	kernel, ok := c.ints("kernel_shape")
	if !ok {
		failf("no kernel_shape")
	}
	f := c.frame(v.Shape, kernel)
	switch rank {
	case 3:
		v = v.Reshape(v.Shape[0], v.Shape[1], 1, v.Shape[2])
		fallthrough
	case 4:
		return line(first(graph.Apply(op(f.image()), last(v))), rank)
	}
	v = last(v)
	s := v.Shape
	v = graph.Apply(op(f.plane()), v.Reshape(s[0]*s[1], s[2], s[3], s[4]))
	h, w := v.Shape[1], v.Shape[2]
	v = graph.Apply(op(f.depth()), v.Reshape(s[0], s[1], h*w, s[4]))
	return first(v.Reshape(s[0], v.Shape[1], h, w, s[4]))
}

func convertMaxPool(c *call) []*value {
	x := c.arg(0)
	if x.shape.Len() == 0 {
		return []*value{c.pooledNothing(x.typ), c.pooledNothing(Int64)}
	}
	c.spatial(x, 3)
	y := c.like(c.pooled(c.x(0), func(f frame) graph.Op { return graph.MaxPool2d{Window: f.window()} }))
	if !c.wants(1) {
		return y
	}
	if len(x.shape) == 5 {
		failf("indices of volumes")
	}
	places := c.pooled(c.x(0), func(f frame) graph.Op {
		return graph.MaxPool2dIndex{Window: f.window(), Columns: c.int("storage_order", 0) == 1}
	})
	return append(y, computed(Int64, places.Add(c.planes(x.shape))))
}

// pooledNothing is a pooling without elements, which has none either.
func (c *call) pooledNothing(t Type) *value {
	x := c.arg(0).shape
	kernel, _ := c.ints("kernel_shape")
	if len(x) < 3 {
		failf("%d dimensions", len(x))
	}
	f := c.frame(x, kernel)
	s := x[:2].Clone()
	for d, k := range kernel {
		one := frame{kernel: []int{1, k}, stride: []int{1, f.stride[d]}, dilation: []int{1, f.dilation[d]},
			before: []int{0, f.before[d]}, after: []int{0, f.after[d]}, ceil: f.ceil}
		y, err := graph.MaxPool2d{Window: one.window()}.Shape([]tensor.Shape{{1, 1, x[2+d], 1}})
		check(err)
		s = append(s, y[2])
	}
	if s.Len() > 0 {
		failf("an input without elements")
	}
	return known(newArray(t, s))
}

// planes holds for each plane of s [B, C, P..] where its first element lies, [B, C, 1..].
func (c *call) planes(s tensor.Shape) *graph.Value {
	if s.Len() > mostExact {
		failf("indices of more than 2^24 elements")
	}
	n := s[:2].Len()
	at := make([]float32, n)
	for i := range at {
		at[i] = float32(i * s[2:].Len())
	}
	shape := slices.Repeat([]int{1}, len(s))
	shape[0], shape[1] = s[0], s[1]
	return c.constant(at, shape...)
}

// convertMaxUnpool puts each element where its index says, in the shape that a pooling
// would have had, and adds zeros up to the wanted shape.
func convertMaxUnpool(c *call) []*value {
	x := c.arg(0)
	c.spatial(x, 3)
	kernel, _ := c.ints("kernel_shape")
	strides := c.perAxis("strides", len(kernel))
	f := c.frame(x.shape, kernel)
	s := x.shape.Clone()
	for d := range kernel {
		s[2+d] = (x.shape[2+d]-1)*strides[d] - f.before[d] - f.after[d] + kernel[d]
	}
	shapeOf(s)
	c.bound(s)
	n := x.shape.Len()
	zeros := c.constant(make([]float32, s.Len()), s.Len())
	y := graph.Apply(graph.Scatter{}, zeros, c.x(1).Reshape(n), c.x(0).Reshape(n)).Reshape(s...)
	out := computed(x.typ, y)
	if !c.has(2) {
		return []*value{out}
	}
	want := c.knownInts(2)
	if len(want) != len(s) {
		failf("output_shape %v", want)
	}
	more := make([]int, len(s))
	for d := range more {
		if more[d] = want[d] - s[d]; more[d] < 0 || want[d] > mostElements {
			failf("output_shape %v is less than %v", want, s)
		}
	}
	return []*value{c.padded(out, make([]int, len(s)), more, graph.Constant, 0)}
}

func convertAveragePool(c *call) []*value {
	if c.arg(0).shape.Len() == 0 {
		return []*value{c.pooledNothing(c.arg(0).typ)}
	}
	c.spatial(c.arg(0), 3)
	include := c.flag("count_include_pad", false)
	return c.like(c.pooled(c.x(0), func(f frame) graph.Op {
		return graph.AvgPool2d{Window: f.window(), ExcludePad: !include}
	}))
}

// convertLpPool is the p-th root of the sum of p-th powers under a window.
func convertLpPool(c *call) []*value {
	if c.arg(0).shape.Len() == 0 {
		return []*value{c.pooledNothing(c.arg(0).typ)}
	}
	c.spatial(c.arg(0), 3)
	p := c.p()
	sums := c.pooled(power(c.x(0), p), func(f frame) graph.Op {
		return graph.AvgPool2d{Window: f.window(), ExcludePad: true, Divisor: 1}
	})
	return c.like(root(sums, p))
}

// p returns the attribute of this name, which was a float in opset 1.
func (c *call) p() int {
	if a := c.attrs["p"]; a != nil && a.F != 0 {
		return int(a.F)
	}
	return c.int("p", 2)
}

// power is |v|^p, for a whole p.
func power(v *graph.Value, p int) *graph.Value {
	v = v.Map(graph.Abs)
	if p == 1 {
		return v
	}
	if p < 1 {
		failf("p is %d", p)
	}
	return v.Map(graph.Power, float32(p))
}

// root is the p-th root of v.
func root(v *graph.Value, p int) *graph.Value {
	if p == 1 {
		return v
	}
	return v.Map(graph.Power, 1/float32(p))
}

// global reduces all dimensions after the channels to 1.
func global(kind graph.ReduceKind) converter {
	return func(c *call) []*value {
		if x := c.arg(0); x.shape.Len() == 0 && len(x.shape) > 2 {
			s := append(x.shape[:2].Clone(), slices.Repeat([]int{1}, len(x.shape)-2)...)
			return []*value{known(reduction{kind: kind}.empty(x.typ, s))}
		}
		c.spatial(c.arg(0), graph.MaxRank-2)
		return c.like(overPlanes(kind, c.x(0)))
	}
}

func overPlanes(kind graph.ReduceKind, v *graph.Value) *graph.Value {
	var dims []int
	for d := 2; d < len(v.Shape); d++ {
		dims = append(dims, d)
	}
	return graph.Apply(graph.Reduce{Kind: kind, Axes: graph.Dims(dims...), KeepDims: true}, v)
}

func convertGlobalLpPool(c *call) []*value {
	c.spatial(c.arg(0), graph.MaxRank-2)
	p := c.p()
	return c.like(root(overPlanes(graph.Sum, power(c.x(0), p)), p))
}
