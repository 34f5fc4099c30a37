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
	if c.wants(1) || len(x.shape) < 1 {
		failf("statistics as results")
	}
	o := graph.BatchNorm{Eps: c.epsilon(1e-5), Affine: true}
	if c.opset < 9 && !c.flag("spatial", true) { // each element of an image has its own statistics
		n := x.shape[1:].Len()
		per := func(i int) *graph.Value { return c.value(c.arg(i).reshape(tensor.Shape{n})) }
		flat := c.value(x.reshape(tensor.Shape{x.shape[0], n}))
		return c.like(graph.Apply(o, flat, per(3), per(4), per(1), per(2)).Reshape(x.shape...))
	}
	if len(x.shape) == 1 { // one channel
		flat := c.value(x.reshape(tensor.Shape{x.shape[0], 1}))
		return c.like(graph.Apply(o, flat, c.x(3), c.x(4), c.x(1), c.x(2)).Reshape(x.shape...))
	}
	return c.like(first(graph.Apply(o, last(c.x(0)), c.x(3), c.x(4), c.x(1), c.x(2))))
}

// epsilon returns the attribute of this name. The graph's ops take 0 for their own default.
func (c *call) epsilon(absent float64) float64 { return max(c.float("epsilon", absent), 1e-30) }

func convertInstanceNorm(c *call) []*value {
	if len(c.arg(0).shape) < 3 {
		failf("no dimensions after the channels")
	}
	return c.like(first(last(c.x(0)).InstanceNorm(c.epsilon(1e-5), c.x(1), c.x(2))))
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
	return c.like(first(last(c.x(0)).GroupNorm(groups, c.epsilon(1e-5), per(1), per(2))))
}

func convertLayerNorm(c *call) []*value {
	x := c.arg(0)
	axis := c.axis("axis", -1, len(x.shape))
	n := x.shape[axis:]
	o := graph.LayerNorm{Dims: len(n), Eps: c.epsilon(1e-5), Weight: true}
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
	if size < 1 || len(c.arg(0).shape) < 2 {
		failf("size %d", size)
	}
	norm := func(v *graph.Value) *graph.Value {
		return v.LocalResponseNorm(size, c.float("alpha", 1e-4), c.float("beta", 0.75), c.float("bias", 1))
	}
	v := last(c.x(0))
	if size%2 == 1 {
		return c.like(first(norm(v)))
	}
	// Of an even number of channels one more follows here, and goes before in the op.
	back := graph.Slice{}
	channels := len(v.Shape) - 1
	back.Stop[channels], back.Step[channels] = v.Shape[channels], -1
	return c.like(first(graph.Apply(back, norm(graph.Apply(back, v)))))
}

func convertRMSNorm(c *call) []*value {
	x := c.arg(0)
	n := x.shape[c.axis("axis", -1, len(x.shape)):]
	o := graph.RMSNorm{Dims: len(n), Eps: c.epsilon(1e-5), Weight: true}
	return c.like(graph.Apply(o, c.x(0), c.value(c.weight(1, n))))
}
