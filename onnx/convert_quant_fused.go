package onnx

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// quantisedFused has the operators on quantised values that ONNX Runtime's tools write.
func quantisedFused() map[string]converter {
	return map[string]converter{
		"com.microsoft.QLinearAveragePool":    convertQLinearAveragePool,
		"com.microsoft.QLinearSoftmax":        convertQLinearSoftmax,
		"com.microsoft.QGemm":                 convertQGemm,
		"com.microsoft.DynamicQuantizeMatMul": convertDynamicQuantizeMatMul,
		"com.microsoft.MatMulIntegerToFloat": func(c *call) []*value {
			a, b := c.shifted(0, 4, -2), c.shifted(1, 5, -1)
			return c.only(c.arg(2).typ, c.scaledSum(c.value(c.matmul(a, b)), c.x(2), 3, 6))
		},
	}
}

func convertQLinearAveragePool(c *call) []*value {
	if c.flag("channels_last", false) {
		failf("channels_last")
	}
	c.spatial(c.arg(0), 3)
	include := c.flag("count_include_pad", false)
	return qLinearOf(func(x *graph.Value) *graph.Value {
		return c.pooled(x, func(f frame) graph.Op { return graph.AvgPool2d{Window: f.window(), ExcludePad: !include} })
	})(c)
}

// convertQLinearSoftmax is Softmax of the opset that an attribute names.
func convertQLinearSoftmax(c *call) []*value {
	return qLinearOf(func(x *graph.Value) *graph.Value {
		inner := *c
		inner.in, inner.opset = []*value{computed(Float32, x)}, c.int("opset", 13)
		return softmax(false)(&inner)[0].dev
	})(c)
}

// convertQGemm is alpha·(a·b + c) in the units of a and b, with a scale for each column of b. The
// result is a float32 if it has no scale.
func convertQGemm(c *call) []*value {
	turned := c.flag("transB", false)
	axis := 1
	if turned {
		axis = 0
	}
	a, b, scale := c.shifted(0, 2, 0), c.shifted(3, 5, axis), c.arg(4)
	if len(a.shape) != 2 || len(b.shape) != 2 {
		failf("inputs are no matrices")
	}
	if c.flag("transA", false) {
		a = a.permute(1, 0)
	}
	if turned {
		b = b.permute(1, 0)
	}
	sum := c.value(c.matmul(a, b))
	if c.has(6) {
		sum = sum.Add(c.x(6))
	}
	by := c.along(scale, sum.Shape, 1, 0)
	if alpha := c.float("alpha", 1); alpha != 1 {
		by = by.Map(graph.Times, float32(alpha))
	}
	if c.has(7) {
		return []*value{c.requantised(sum, c.along(c.arg(1), sum.Shape, 0, 0), by, 7)}
	}
	return c.only(Float32, sum.Mul(by.Mul(c.along(c.arg(1), sum.Shape, 0, 0))))
}

// convertDynamicQuantizeMatMul quantises a as DynamicQuantizeLinear does.
func convertDynamicQuantizeMatMul(c *call) []*value {
	x := c.arg(0)
	inner := *c
	inner.in = []*value{x}
	parts := convertDynamicQuantize(&inner)
	a := computed(Float32, parts[0].dev.Sub(parts[2].dev))
	b := c.shifted(1, 3, -1)
	return c.like(c.scaledSum(c.value(c.matmul(a, b)), parts[1].dev, 2, 4))
}

// scaledSum is sum·a·b + bias, where inputs i and j are b, one for each column, and the bias.
func (c *call) scaledSum(sum, a *graph.Value, i, j int) *graph.Value {
	if a.Shape.Len() == 1 {
		a = a.Reshape()
	}
	y := sum.Mul(a.Mul(c.along(c.arg(i), sum.Shape, -1, 0)))
	if c.has(j) {
		bias := c.arg(j)
		if !bias.shape.Equal(tensor.Shape{sum.Shape[len(sum.Shape)-1]}) {
			failf("a bias %v", bias.shape)
		}
		y = y.Add(c.value(bias))
	}
	return y
}
