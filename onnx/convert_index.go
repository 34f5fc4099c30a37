package onnx

import (
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// indexing has the operators that pick elements by indices.
func indexing() map[string]converter {
	return map[string]converter{
		"Gather":         convertGather,
		"GatherElements": convertGatherElements,
		"NonZero":        convertNonZero,
	}
}

// convertGather is y[.., i.., ..] = x[.., index[i..], ..].
func convertGather(c *call) []*value {
	x := c.arg(0)
	return []*value{c.gather(x, c.arg(1), c.axis("axis", 0, len(x.shape)))}
}

// gather takes slices of x along an axis.
func (c *call) gather(x, index *value, axis int) *value {
	axis = axisOf(axis, len(x.shape))
	outer, n, inner := x.shape[:axis].Len(), x.shape[axis], x.shape[axis+1:].Len()
	to := slices.Concat(x.shape[:axis], index.shape, x.shape[axis+1:])
	if index.host == nil {
		if x.shape.Len() == 0 {
			return known(newArray(x.typ, to))
		}
		if wide(x.shape) || wide(to) {
			y := c.narrow(x, outer, n, inner).Select(1, c.narrow(index, index.shape.Len()))
			return shaped(x.typ, y, to)
		}
		return computed(x.typ, graph.Apply(graph.Select{Axis: axis}, c.value(x), index.dev))
	}
	rows := make([]int, index.shape.Len())
	for i, v := range index.host.I {
		if v < 0 {
			v += int64(n)
		}
		if v < 0 || v >= int64(n) {
			failf("index %d of %d", index.host.I[i], n)
		}
		rows[i] = int(v)
	}
	if to.Len() == 0 {
		return known(newArray(x.typ, to))
	}
	if x.host != nil {
		c.bound(to)
		return known(x.host.pick(to, func(i int) int {
			return (i/(inner*len(rows))*n+rows[i/inner%len(rows)])*inner + i%inner
		}))
	}
	first, step, ok := progression(rows)
	switch {
	case ok && len(x.shape) <= graph.MaxRank:
		start, steps, n := make([]int, len(x.shape)), slices.Repeat([]int{1}, len(x.shape)), x.shape.Clone()
		start[axis], steps[axis], n[axis] = first, step, len(rows)
		return c.slice(x, start, steps, n).reshape(to)
	case ok:
		flat := x.reshape(tensor.Shape{outer, n, inner})
		return c.slice(flat, []int{0, first, 0}, []int{1, step, 1}, tensor.Shape{outer, len(rows), inner}).reshape(to)
	}
	const mostIDs = 1 << 16 // in a table with the rows of each matrix
	if outer > mostIDs/len(rows) && outer > 1 {
		index := make([]float32, len(rows))
		for i, row := range rows {
			index[i] = float32(row)
		}
		return shaped(x.typ, x.dev.Reshape(outer, n, inner).Select(1, c.constant(index, len(rows))), to)
	}
	ids := make([]float32, outer*len(rows))
	for i := range ids {
		ids[i] = float32(rows[i%len(rows)])
	}
	y := x.dev.Reshape(outer, n, inner).TakeRows(c.constant(ids, outer, len(rows)))
	return shaped(x.typ, y, to)
}

// progression reports whether rows are first, first + step, and so on, upward.
func progression(rows []int) (first, step int, ok bool) {
	step = 1
	if len(rows) > 1 {
		step = rows[1] - rows[0]
	}
	for i := 1; i < len(rows); i++ {
		if rows[i]-rows[i-1] != step {
			return 0, 0, false
		}
	}
	return rows[0], step, step > 0
}

func convertGatherElements(c *call) []*value {
	x, index := c.arg(0), c.arg(1)
	axis := c.axis("axis", 0, len(x.shape))
	if len(index.shape) != len(x.shape) {
		failf("index has %d dimensions", len(index.shape))
	}
	if index.host == nil {
		return c.like(c.x(0).Gather(axis, c.x(1)))
	}
	n := x.shape[axis]
	ids := newArray(Int64, index.shape)
	for i, v := range index.host.I {
		if v < 0 {
			v += int64(n)
		}
		if v < 0 || v >= int64(n) {
			failf("index %d of %d", index.host.I[i], n)
		}
		ids.I[i] = v
	}
	return c.like(c.x(0).Gather(axis, c.value(known(ids))))
}

func convertNonZero(c *call) []*value {
	if x := c.arg(0); x.host == nil {
		return c.nonZero(x)
	}
	x := c.known(0)
	var at [][]int64
	for i := range x.Len() {
		if x.At(i) == 0 {
			continue
		}
		where, rest := make([]int64, len(x.Shape)), i
		for d, s := range x.Shape.Strides() {
			where[d], rest = int64(rest/s), rest%s
		}
		at = append(at, where)
	}
	a := newArray(Int64, tensor.Shape{len(x.Shape), len(at)})
	for i, where := range at {
		for d, v := range where {
			a.I[d*len(at)+i] = v
		}
	}
	return []*value{known(a)}
}
