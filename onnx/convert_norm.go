package onnx

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// norms has the normalisations.
func norms() map[string]converter {
	return map[string]converter{
		"BatchNormalization":        convertBatchNorm,
		"InstanceNormalization":     convertInstanceNorm,
		"GroupNormalization":        convertGroupNorm,
		"LayerNormalization":        convertLayerNorm,
		"LRN":                       convertLRN,
		"LpNormalization":           convertLpNorm,
		"MeanVarianceNormalization": convertMeanVarianceNorm,
		"RMSNormalization":          convertRMSNorm,
	}
}

func convertBatchNorm(c *call) []*value {
	x := c.arg(0)
	if c.flag("training_mode", false) || c.opset < 7 && !c.flag("is_test", false) {
		failf("training mode")
	}
	if c.wants(1) || !c.flag("spatial", true) || len(x.shape) < 2 {
		failf("statistics for each element, or as results")
	}
	o := graph.BatchNorm{Eps: c.float("epsilon", 1e-5), Affine: true}
	return c.like(first(graph.Apply(o, last(c.x(0)), c.x(3), c.x(4), c.x(1), c.x(2))))
}

func convertInstanceNorm(c *call) []*value {
	if len(c.arg(0).shape) < 3 {
		failf("no dimensions after the channels")
	}
	return c.like(first(last(c.x(0)).InstanceNorm(c.float("epsilon", 1e-5), c.x(1), c.x(2))))
}

// convertGroupNorm takes a weight for each channel, or before opset 21 for each group.
func convertGroupNorm(c *call) []*value {
	x, groups := c.arg(0), c.int("num_groups", 0)
	if len(x.shape) < 3 || groups < 1 || x.shape[1]%groups != 0 {
		failf("%d groups", groups)
	}
	channels := x.shape[1]
	per := func(i int) *graph.Value {
		v := c.arg(i)
		if c.opset < 21 && channels != groups {
			v = v.reshape(tensor.Shape{groups, 1}).expand(tensor.Shape{groups, channels / groups}).reshape(tensor.Shape{channels})
		}
		return c.value(v)
	}
	return c.like(first(last(c.x(0)).GroupNorm(groups, c.float("epsilon", 1e-5), per(1), per(2))))
}

func convertLayerNorm(c *call) []*value {
	x := c.arg(0)
	axis := c.axis("axis", -1, len(x.shape))
	n := x.shape[axis:]
	o := graph.LayerNorm{Dims: len(n), Eps: c.float("epsilon", 1e-5), Weight: true}
	args := []*graph.Value{c.x(0), c.value(c.weight(1, n))}
	if c.has(2) {
		o.Bias = true
		args = append(args, c.value(c.weight(2, n)))
	}
	outs := c.like(graph.Apply(o, args...))
	if c.wants(1) || c.wants(2) {
		mean, variance := moments(c.x(0), axis, len(x.shape))
		deviation := variance.Map(graph.Plus, float32(o.Defaults().Eps)).Map(graph.Sqrt).Map(graph.Reciprocal)
		outs = append(outs, computed(Float32, mean), computed(Float32, deviation))
	}
	return outs
}

// moments returns the mean and the variance over the dimensions from one axis to another.
func moments(x *graph.Value, from, to int) (mean, variance *graph.Value) {
	var dims []int
	for d := from; d < to; d++ {
		dims = append(dims, d)
	}
	return momentsOver(x, graph.Dims(dims...))
}

func momentsOver(x *graph.Value, axes graph.Axes) (mean, variance *graph.Value) {
	average := graph.Reduce{Kind: graph.Mean, Axes: axes, KeepDims: true}
	mean = graph.Apply(average, x)
	rest := x.Sub(mean)
	return mean, graph.Apply(average, rest.Mul(rest))
}

// convertMeanVarianceNorm is (x − mean) / (√variance + 1e-9).
func convertMeanVarianceNorm(c *call) []*value {
	x := c.x(0)
	axes, ok := c.ints("axes")
	if !ok {
		axes = []int{0, 2, 3}
	}
	mean, variance := momentsOver(x, graph.Dims(axesOf(axes, len(x.Shape))...))
	return c.like(x.Sub(mean).Div(variance.Map(graph.Sqrt).Map(graph.Plus, 1e-9)))
}

// convertLpNorm divides lines by their length, and a line of zeros stays.
func convertLpNorm(c *call) []*value {
	x, p := c.x(0), c.int("p", 2)
	axis := c.axis("axis", -1, len(x.Shape))
	switch p {
	case 2:
		return c.like(graph.Apply(graph.Normalize{Axis: axis, Eps: 1e-30}, x))
	case 1:
		sum := graph.Apply(graph.Reduce{Kind: graph.Sum, Axes: graph.Dims(axis), KeepDims: true}, x.Map(graph.Abs))
		return c.like(x.Div(graph.Apply(graph.Binary{Kind: graph.Maximum}, sum, c.scalar(1e-30))))
	}
	failf("p %d", p)
	return nil
}

// weight returns input i, which broadcasts to s, in that shape.
func (c *call) weight(i int, s tensor.Shape) *value {
	v := c.arg(i)
	if !broadcast(v.shape, s).Equal(s) {
		failf("input %d does not broadcast to %v", i, s)
	}
	return v.expand(s)
}

func convertLRN(c *call) []*value {
	size := c.int("size", 0)
	if size < 1 || size%2 == 0 || len(c.arg(0).shape) < 2 {
		failf("size %d", size)
	}
	return c.like(first(last(c.x(0)).LocalResponseNorm(size, c.float("alpha", 1e-4), c.float("beta", 0.75), c.float("bias", 1))))
}

func convertRMSNorm(c *call) []*value {
	x := c.arg(0)
	n := x.shape[c.axis("axis", -1, len(x.shape)):]
	o := graph.RMSNorm{Dims: len(n), Eps: c.float("epsilon", 1e-5), Weight: true}
	return c.like(graph.Apply(o, c.x(0), c.value(c.weight(1, n))))
}
