package onnx

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// norms has the normalisations.
func norms() map[string]converter {
	return map[string]converter{
		"BatchNormalization":    convertBatchNorm,
		"InstanceNormalization": convertInstanceNorm,
		"GroupNormalization":    convertGroupNorm,
		"LayerNormalization":    convertLayerNorm,
		"LRN":                   convertLRN,
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
	if c.wants(1) || c.wants(2) {
		failf("the mean and the deviation as results are not supported")
	}
	axis := c.axis("axis", -1, len(x.shape))
	n := x.shape[axis:]
	o := graph.LayerNorm{Dims: len(n), Eps: c.float("epsilon", 1e-5), Weight: true}
	args := []*graph.Value{c.x(0), c.value(c.weight(1, n))}
	if c.has(2) {
		o.Bias = true
		args = append(args, c.value(c.weight(2, n)))
	}
	return c.like(graph.Apply(o, args...))
}

// weight returns input i, which broadcasts to s, as a line of s.Len() elements.
func (c *call) weight(i int, s tensor.Shape) *value {
	v := c.arg(i)
	if !broadcast(v.shape, s).Equal(s) {
		failf("input %d does not broadcast to %v", i, s)
	}
	return v.expand(s).reshape(tensor.Shape{s.Len()})
}

func convertLRN(c *call) []*value {
	size := c.int("size", 0)
	if size < 1 || size%2 == 0 || len(c.arg(0).shape) < 2 {
		failf("size %d", size)
	}
	return c.like(first(last(c.x(0)).LocalResponseNorm(size, c.float("alpha", 1e-4), c.float("beta", 0.75), c.float("bias", 1))))
}
