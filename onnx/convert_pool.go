package onnx

import (
	"math"

	"github.com/vertebra/vertebra/graph"
)

// pools has the reductions under windows.
func pools() map[string]converter {
	return map[string]converter{
		"MaxPool":           convertMaxPool,
		"AveragePool":       convertAveragePool,
		"GlobalAveragePool": global(graph.Mean),
		"GlobalMaxPool":     global(graph.Max),
	}
}

func (c *call) window(x *value) frame {
	c.spatial(x, 2)
	kernel, ok := c.ints("kernel_shape")
	if !ok {
		failf("no kernel_shape")
	}
	return c.frame(x.shape, kernel).image()
}

func convertMaxPool(c *call) []*value {
	x := c.arg(0)
	if c.wants(1) {
		failf("the indices are not supported")
	}
	f := c.window(x)
	v, p := f.pad(last(c.value(x.image())), float32(math.Inf(-1)))
	w := graph.Window{Size: pair(f.kernel), Stride: pair(f.stride), Pad: p, Dilation: pair(f.dilation), Ceil: f.ceil}
	return c.like(line(first(v.MaxPool2d(w)), len(x.shape)))
}

func convertAveragePool(c *call) []*value {
	x := c.arg(0)
	f := c.window(x)
	include := c.flag("count_include_pad", false)
	if !f.symmetric() && (!include || f.ceil) {
		failf("uneven pads that do not count")
	}
	if f.dilation[0] != 1 || f.dilation[1] != 1 {
		failf("dilations %v", f.dilation)
	}
	v, p := f.pad(last(c.value(x.image())), 0)
	o := graph.AvgPool2d{Window: graph.Window{Size: pair(f.kernel), Stride: pair(f.stride), Pad: p, Ceil: f.ceil}, ExcludePad: !include}
	return c.like(line(first(graph.Apply(o, v)), len(x.shape)))
}

// global reduces all dimensions after the channels to 1.
func global(kind graph.ReduceKind) converter {
	return func(c *call) []*value {
		x := c.arg(0)
		c.spatial(x, graph.MaxRank-2)
		var dims []int
		for d := 2; d < len(x.shape); d++ {
			dims = append(dims, d)
		}
		return c.like(graph.Apply(graph.Reduce{Kind: kind, Axes: graph.Dims(dims...), KeepDims: true}, c.x(0)))
	}
}
