package onnx

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// detection has the operators whose number of results depends on numbers.
func detection() map[string]converter {
	return map[string]converter{
		"NonMaxSuppression": convertNonMaxSuppression,
	}
}

// convertNonMaxSuppression has as many rows as there may be. Those that are chosen come first.
func convertNonMaxSuppression(c *call) []*value {
	boxes, scores := c.arg(0), c.arg(1)
	number := func(i int) float64 {
		if !c.has(i) || c.arg(i).shape.Len() == 0 {
			return 0
		}
		return c.known(i).At(0)
	}
	o := graph.NonMaxSuppression{IoU: number(3), Score: number(4), Filter: c.has(4), Centers: c.flag("center_point_box", false)}
	if most := number(2); most < 1 || boxes.shape.Len() == 0 || scores.shape.Len() == 0 {
		return []*value{known(newArray(Int64, tensor.Shape{0, 3}))}
	} else {
		o.Most = int(min(most, mostElements))
	}
	args := []*graph.Value{c.x(0), c.x(1)}
	if r, _ := c.theRows(0, 1); r != nil {
		for i, v := range c.in[:2] {
			if v.rows != nil && v.rows.along != 1+i {
				c.refuse()
			}
		}
		o.Count, args = true, append(args, r.n)
	}
	chosen := graph.Apply(o, args...)
	y := computed(Int64, chosen)
	y.index = true
	return []*value{counted(y, 0, c.sum(c.binary(graph.GreaterEqual, chosen.Slice(1, 0, 1), c.scalar(0))))}
}

// places lists where flags, of which there are n, are not 0, and returns how many they are.
// A flag's rank is the sum of the flags before it. Those that are 0 go outside the list.
func (c *call) places(flags *graph.Value, n int) (list, count *graph.Value) {
	truth := c.once("truth"+pointer(flags), func() *graph.Value { return flags.Reshape(n).Map(graph.Truth) })
	list = c.once("places"+pointer(truth), func() *graph.Value {
		rank := graph.Apply(graph.CumSum{Exclusive: true}, truth)
		return graph.Apply(graph.Scatter{}, c.scalar(0).Reshape(1).Expand(n), truth.Where(rank, c.scalar(float64(n))), c.upTo(n))
	})
	return list, c.once("sum"+pointer(truth), func() *graph.Value { return c.sum(truth) })
}

// nonZero lists the coordinates of the elements that are not 0.
func (c *call) nonZero(x *value) []*value {
	rank, n := len(x.shape), x.shape.Len()
	if n == 0 {
		return []*value{known(newArray(Int64, tensor.Shape{rank, 0}))}
	}
	place, count := c.places(c.x(0), n)
	var coordinates []*graph.Value
	for d, stride := range x.shape.Strides() {
		at := place
		if stride > 1 {
			at = graph.Apply(graph.Binary{Kind: graph.Quotient}, at, c.scalar(float64(stride)))
		}
		if d > 0 {
			at = graph.Apply(graph.Binary{Kind: graph.Remainder}, at, c.scalar(float64(x.shape[d])))
		}
		coordinates = append(coordinates, at.Reshape(1, n))
	}
	if rank == 0 {
		failf("an input without dimensions")
	}
	y := computed(Int64, graph.Cat(0, coordinates...))
	y.index = true
	return []*value{counted(y, 1, count)}
}

// compressed takes the indices of a dimension that the condition wants.
func (c *call) compressed(x *value, axis int) []*value {
	cond := c.arg(1).shape
	if len(cond) != 1 || cond[0] > x.shape[axis] || x.shape.Len() == 0 {
		failf("condition %v of %v", cond, x.shape)
	}
	list, count := c.places(c.x(1), cond[0])
	return []*value{counted(computed(x.typ, graph.Apply(graph.Select{Axis: axis}, c.value(x), list)), axis, count)}
}
