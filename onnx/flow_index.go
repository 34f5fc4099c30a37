package onnx

import (
	"fmt"
	"slices"

	"github.com/vertebra/vertebra/graph"
)

// pointer is a key for a value of the graph.
func pointer(v *graph.Value) string { return fmt.Sprintf(" %p", v) }

// fromStart counts indices of n rows from the first one.
func (c *call) fromStart(index *value, n *graph.Value) *value {
	if index.index || index.host != nil && !slices.ContainsFunc(index.host.I, func(i int64) bool { return i < 0 }) {
		return index
	}
	i := c.value(index)
	w := *index
	w.host, w.dev = nil, c.binary(graph.Less, i, c.scalar(0)).Where(i.Add(n), i)
	return &w
}

// flowGather is for indices of which some exist, or for rows.
func flowGather(c *call, _ converter) []*value {
	x, index := c.arg(0), c.arg(1)
	axis := c.axis("axis", 0, len(x.shape))
	along, r := -1, x.rows
	switch {
	case r == nil:
	case r.along == axis:
		index = c.fromStart(index, r.n)
	case index.rows != nil:
		c.refuse()
	case axis < r.along:
		along = r.along + len(index.shape) - 1
	default:
		along = r.along
	}
	if index.rows != nil {
		r, along = index.rows, axis+index.rows.along
	}
	y := c.gather(x, index, axis)
	if along < 0 {
		return []*value{y}
	}
	return []*value{counted(y, along, r.n)}
}

// flowGatherND is for tuples of which some exist, or for rows.
func flowGatherND(c *call, convert converter) []*value {
	x, index := c.arg(0), c.arg(1)
	last, batch := len(index.shape)-1, c.int("batch_dims", 0)
	along, r := -1, index.rows
	if last < 0 || batch != 0 {
		c.refuse()
	}
	switch m := index.shape[last]; {
	case x.rows == nil:
	case x.rows.along < m:
		if !index.index {
			c.refuse()
		}
	case r != nil:
		c.refuse()
	default:
		along, r = last+x.rows.along-m, x.rows
	}
	if index.rows != nil {
		if along = index.rows.along; along == last {
			c.refuse()
		}
	}
	y := convert(c)[0]
	if along < 0 {
		return []*value{y}
	}
	return []*value{counted(y, along, r.n)}
}

func flowGatherElements(c *call, convert converter) []*value {
	x, index := c.arg(0), c.arg(1)
	axis := c.axis("axis", 0, len(x.shape))
	if x.rows != nil && x.rows.along == axis {
		c.in[1] = c.fromStart(index, x.rows.n)
	} else if x.rows != nil && (index.rows == nil || index.rows.along != x.rows.along || !alike(index.rows.n, x.rows.n)) {
		c.refuse()
	}
	y := convert(c)[0]
	if index.rows == nil {
		return []*value{y}
	}
	return []*value{counted(y, index.rows.along, index.rows.n)}
}

// flowScatter leaves out updates that do not exist: their index is outside.
func flowScatter(c *call, convert converter) []*value {
	x, index, updates := c.arg(0), c.arg(1), c.arg(2)
	if x.rows != nil {
		if axis := c.int("axis", 0); c.node.Op == "ScatterND" || axisOf(axis, len(x.shape)) == x.rows.along {
			if c.node.Op == "ScatterND" && !index.index {
				c.refuse()
			}
			index = c.fromStart(index, x.rows.n)
		}
	}
	switch r := index.rows; {
	case r == nil && updates.rows != nil:
		c.refuse()
	case r != nil && (updates.rows != nil && (!alike(r.n, updates.rows.n) || r.along != updates.rows.along) || c.node.Op == "ScatterND" && r.along == len(index.shape)-1):
		c.refuse()
	}
	c.in[1] = c.blanked(index, float64(slices.Max(x.shape)))
	y := convert(c)[0]
	if x.rows == nil {
		return []*value{y}
	}
	return []*value{counted(y, x.rows.along, x.rows.n)}
}

// flowSlice cuts dimensions of which all exists as ever, and then the one with the rows.
func flowSlice(c *call, _ converter) []*value {
	x := c.arg(0)
	r, rank := x.rows, len(x.shape)
	starts, ends, axes, steps := c.numbersOf(1, "starts"), c.numbersOf(2, "ends"), c.numbersOf(3, "axes"), c.numbersOf(4, "")
	if len(axes) == 0 {
		for i := range starts {
			axes = append(axes, int64(i))
		}
	}
	if len(ends) != len(starts) || len(axes) != len(starts) || len(steps) > 0 && len(steps) != len(starts) {
		failf("%d starts, %d ends, %d axes, %d steps", len(starts), len(ends), len(axes), len(steps))
	}
	var plain [4][]int
	at := -1
	for i, axis := range axes {
		step, d := int64(1), axisOf(int(axis), rank)
		if len(steps) > 0 {
			step = steps[i]
		}
		_, some := c.im.named(starts[i])
		_, all := c.im.named(ends[i])
		if !some && !all && (r == nil || d != r.along) {
			for k, v := range []int64{starts[i], ends[i], int64(d), step} {
				plain[k] = append(plain[k], int(v))
			}
			continue
		}
		if at >= 0 || some || step != 1 || r != nil && d != r.along {
			c.refuse()
		}
		at = i
	}
	y := c.sliced(x, plain[0], plain[1], plain[2], plain[3])
	if r != nil {
		y = counted(y, r.along, r.n)
	}
	if at < 0 || y.shape.Len() == 0 {
		return []*value{y}
	}
	return []*value{c.cutRows(y, axisOf(int(axes[at]), rank), starts[at], ends[at])}
}

// cutRows takes the rows from a start to an end, which may be a name. Either is negative if
// it counts from the last row.
func (c *call) cutRows(x *value, d int, start, end int64) *value {
	start = max(start, -mostExact) // a name is an end alone
	most := x.shape[d]
	n, upTo := c.scalar(float64(most)), most
	if x.rows != nil {
		n = x.rows.n
	}
	number, ok := c.im.named(end)
	switch {
	case ok && alike(number.n, n):
	case ok && x.rows == nil:
		n, upTo = c.atMost(number.n, number.most, most), min(number.most, most)
	case ok:
		n, upTo = c.binary(graph.Minimum, n, number.n), min(number.most, most)
	case end < 0:
		end = max(end, -mostExact)
		n, upTo = c.less(n, int(-end)), max(most+int(end), 0)
	case end < int64(most):
		n, upTo = c.atMost(n, most, int(end)), int(end)
	}
	empty := func() *value {
		s := x.shape.Clone()
		s[d] = 0
		return known(newArray(x.typ, s))
	}
	if start < 0 { // the last of those before the end
		last := int(min(-start, int64(upTo)))
		if x.rows == nil || !alike(n, x.rows.n) || last < 1 {
			c.refuse()
		}
		list := c.upTo(last).Add(c.less(n, last))
		return counted(computed(x.typ, c.value(x).Select(d, list)), d, c.atMost(n, upTo, last))
	}
	if start >= int64(upTo) {
		return empty()
	}
	y := c.cut(x, d, int(start), upTo-int(start))
	return counted(y, d, c.less(n, int(start)))
}

// merged is a if the condition is not 0, else b. Along one dimension they may have different
// numbers of rows.
func (c *call) merged(cond *graph.Value, a, b *value) *value {
	a, b = c.device(a), c.device(b)
	if a.typ != b.typ || len(a.shape) != len(b.shape) {
		failf("the branches have %v and %v, and the run decides between them", a, b)
	}
	along := -1
	for d := range a.shape {
		if a.shape[d] == b.shape[d] && (a.rows == nil || a.rows.along != d) && (b.rows == nil || b.rows.along != d) {
			continue
		}
		if along >= 0 {
			failf("the branches have %v and %v, and the run decides between them", a, b)
		}
		along = d
	}
	choose := func(x, y *graph.Value) *graph.Value {
		if len(cond.Shape) > 0 {
			cond = cond.Reshape()
		}
		return cond.Where(x, y)
	}
	if along < 0 {
		if a.shape.Len() == 0 || a == b {
			return a
		}
		return computed(a.typ, choose(c.value(a), c.value(b)))
	}
	number := func(v *value) *graph.Value {
		if v.rows != nil {
			return v.rows.n
		}
		return c.scalar(float64(v.shape[along]))
	}
	n := choose(number(a), number(b))
	whole := func(v *value, most int) *graph.Value {
		before, after := make([]int, len(v.shape)), make([]int, len(v.shape))
		after[along] = most - v.shape[along]
		return c.value(c.padded(v, before, after, graph.Constant, 0))
	}
	most := max(a.shape[along], b.shape[along])
	var y *graph.Value
	switch {
	case a.shape.Len() == 0 && b.shape.Len() == 0:
		s := a.shape.Clone()
		s[along] = most
		return known(newArray(a.typ, s))
	case a.shape[along] == 0:
		y = c.value(b)
	case b.shape[along] == 0:
		y = c.value(a)
	default:
		y = choose(whole(a, most), whole(b, most))
	}
	v := counted(computed(a.typ, y), along, n)
	v.index = (a.index || a.shape.Len() == 0) && (b.index || b.shape.Len() == 0)
	return v
}
