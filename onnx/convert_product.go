package onnx

import (
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// products has matrix products.
func products() map[string]converter {
	return map[string]converter{
		"MatMul": func(c *call) []*value { return []*value{c.matmul(c.arg(0), c.arg(1))} },
		"Gemm":   convertGemm,
	}
}

// matmul is a·b with NumPy's rules: a vector is a row on the left and a column on the right.
func (c *call) matmul(a, b *value) *value {
	if len(a.shape) == 0 || len(b.shape) == 0 {
		failf("an input has no dimensions")
	}
	x, y := a, b
	if len(a.shape) == 1 {
		x = a.reshape(tensor.Shape{1, a.shape[0]})
	}
	if len(b.shape) == 1 {
		y = b.reshape(tensor.Shape{b.shape[0], 1})
	}
	k := len(x.shape) - 1
	if x.shape[k] != y.shape[len(y.shape)-2] {
		failf("%v and %v do not fit", a.shape, b.shape)
	}
	to := broadcast(x.shape[:k-1], y.shape[:len(y.shape)-2])
	if len(a.shape) > 1 {
		to = append(to, x.shape[k-1])
	}
	if len(b.shape) > 1 {
		to = append(to, y.shape[len(y.shape)-1])
	}
	if to.Len() == 0 || x.shape.Len() == 0 {
		return known(newArray(a.typ, to))
	}
	if y.host != nil && len(y.shape) == 2 {
		w := c.value(y.permute(1, 0))
		return computed(a.typ, graph.Apply(graph.Linear{}, c.value(x), w).Reshape(to...))
	}
	return computed(a.typ, c.value(x).MatMul(c.value(y)).Reshape(to...))
}

// convertGemm is alpha·a·b + beta·c.
func convertGemm(c *call) []*value {
	a, b := c.arg(0), c.arg(1)
	if len(a.shape) != 2 || len(b.shape) != 2 {
		failf("inputs are no matrices")
	}
	if c.flag("transA", false) {
		a = a.permute(1, 0)
	}
	if !c.flag("transB", false) {
		b = b.permute(1, 0)
	}
	if a.shape[1] != b.shape[1] {
		failf("inner extents are %d and %d", a.shape[1], b.shape[1])
	}
	alpha, beta := c.float("alpha", 1), c.float("beta", 1)
	if to := (tensor.Shape{a.shape[0], b.shape[0]}); a.shape.Len() == 0 || b.shape.Len() == 0 {
		zeros := known(newArray(a.typ, to))
		if !c.has(2) || beta == 0 || to.Len() == 0 {
			return []*value{zeros}
		}
		return []*value{c.pair(pairKind{kind: graph.Add}, zeros, c.scaled(c.arg(2), beta))}
	}
	w := c.value(c.scaled(b, alpha))
	if !c.has(2) || beta == 0 {
		return c.like(graph.Apply(graph.Linear{}, c.value(a), w))
	}
	bias := c.scaled(c.arg(2), beta)
	n := b.shape[0]
	broadcast(tensor.Shape{a.shape[0], n}, bias.shape)
	if bias.host != nil && (bias.shape.Equal(tensor.Shape{n}) || bias.shape.Equal(tensor.Shape{1, n})) {
		return c.like(graph.Apply(graph.Linear{Epilogue: graph.Epilogue{Bias: true}}, c.value(a), w, c.value(bias.reshape(tensor.Shape{n}))))
	}
	return c.like(graph.Apply(graph.Linear{}, c.value(a), w).Add(c.value(bias)))
}

// scaled is v · by.
func (c *call) scaled(v *value, by float64) *value {
	switch {
	case by == 1:
		return v
	case v.host == nil:
		return computed(v.typ, v.dev.Mul(c.scalar(by)))
	}
	y := newArray(v.typ, slices.Clone(v.shape))
	y.name = v.host.name
	for i := range y.Len() {
		y.set(i, v.host.At(i)*by)
	}
	return known(y)
}
