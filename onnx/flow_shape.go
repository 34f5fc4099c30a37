package onnx

import (
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// flowShape gives the number of rows a name.
func flowShape(c *call, _ converter) []*value {
	x := c.arg(0)
	a := c.shapeWithNames(x)
	from, to := clampAxis(c.int("start", 0), len(x.shape)), clampAxis(c.int("end", len(x.shape)), len(x.shape))
	return []*value{c.im.integers(Int64, Ints(a.I[from:max(from, to)]...))}
}

func flowSize(c *call, _ converter) []*value {
	n, ok := int64(1), true
	plain := wholes()["Mul"]
	for _, d := range c.shapeWithNames(c.arg(0)).I {
		var some bool
		n, some = c.combined(plain.kind, plain.int, n, d)
		ok = ok && some
	}
	if !ok {
		c.refuse()
	}
	return []*value{c.im.integers(Int64, &Array{Type: Int64, Shape: tensor.Shape{}, I: []int64{n}})}
}

func flowTranspose(c *call, convert converter) []*value {
	r, x := c.theRows(0)
	order, given := c.ints("perm")
	out := convert(c)[0]
	if !given {
		return []*value{counted(out, len(x.shape)-1-r.along, r.n)}
	}
	at := slices.IndexFunc(order, func(o int) bool { return axisOf(o, len(x.shape)) == r.along })
	return []*value{counted(out, at, r.n)}
}

// flowTile repeats other dimensions than that of the rows.
func flowTile(c *call, convert converter) []*value {
	r, _ := c.theRows(0)
	if repeats := c.knownInts(1); r.along >= len(repeats) || repeats[r.along] != 1 {
		c.refuse()
	}
	return []*value{counted(convert(c)[0], r.along, r.n)}
}

// flowReshape keeps the dimension with the rows, joins it with those after it, or divides it.
func flowReshape(c *call, _ converter) []*value {
	_, x := c.theRows(0)
	if x == nil {
		c.refuse() // as many rows as there are names, which nothing proves
	}
	to := slices.Clone(c.numbersOf(1, "shape"))
	if !c.flag("allowzero", false) {
		from := c.shapeWithNames(x).I
		for i, d := range to {
			if d == 0 && i < len(from) {
				to[i] = from[i]
			}
		}
	}
	return []*value{c.reshapeRows(x, to)}
}

// flowFlatten makes two dimensions of those before and those after an axis.
func flowFlatten(c *call, _ converter) []*value {
	r, x := c.theRows(0)
	axis := c.int("axis", 1)
	if axis < 0 {
		axis += len(x.shape)
	}
	if axis < 0 || axis > len(x.shape) {
		failf("axis %d of a value with %d dimensions", axis, len(x.shape))
	}
	if r.along < axis {
		return []*value{c.reshapeRows(x, []int64{-1, int64(x.shape[axis:].Len())})}
	}
	return []*value{c.reshapeRows(x, []int64{int64(x.shape[:axis].Len()), -1})}
}

// reshapeRows gives a value another shape, in which one extent is a name or −1.
func (c *call) reshapeRows(x *value, to []int64) *value {
	r := x.rows
	most, before, after := x.shape[r.along], x.shape[:r.along].Len(), x.shape[r.along+1:].Len()
	at, open := -1, slices.Index(to, -1)
	for d, n := range to {
		if _, ok := c.im.named(n); ok && at >= 0 {
			c.refuse()
		} else if ok {
			at = d
		} else if n < -1 || n > mostElements || n == -1 && d != open {
			failf("shape %v", to)
		}
	}
	product := func(dims []int64) int { // of those that are known
		p := int64(1)
		for _, n := range dims {
			if n == -1 {
				continue
			}
			if n < 1 || p > mostElements/n {
				c.refuse()
			}
			p *= n
		}
		return int(p)
	}
	n := r.n
	switch {
	case at >= 0: // the name says how many rows there are
		number, _ := c.im.named(to[at])
		factor := number.most / most
		if factor < 1 {
			c.refuse()
		}
		switch {
		case open < 0:
		case open < at:
			to[open] = int64(before / product(to[:at]))
		default:
			to[open] = int64(after / factor / product(to[at+1:]))
		}
		if number.most%most != 0 || product(to[:at]) != before || factor*product(to[at+1:]) != after || !alike(number.n, c.times(n, factor)) {
			c.refuse()
		}
		n, to[at] = number.n, int64(number.most)
	case open >= 0:
		at = open
		rest := product(to[at+1:])
		if product(to[:at]) != before {
			c.refuse()
		}
		if after%rest == 0 {
			n, to[at] = c.times(n, after/rest), int64(most*(after/rest))
			break
		}
		if rest%after != 0 || most%(rest/after) != 0 {
			c.refuse()
		}
		part, ok := c.per(n, rest/after)
		if !ok {
			c.refuse()
		}
		n, to[at] = part, int64(most/(rest/after))
	default:
		c.refuse()
	}
	s := make(tensor.Shape, len(to))
	for d, k := range to {
		s[d] = int(k)
	}
	if shapeOf(s).Len() != x.shape.Len() || s[at] > mostExact {
		c.refuse()
	}
	return counted(x.reshape(s), at, n)
}

func flowSqueeze(c *call, convert converter) []*value {
	r, x := c.theRows(0)
	axes, ok := c.intsOf(1, "axes")
	if !ok {
		for d, n := range x.shape {
			if n == 1 {
				axes = append(axes, d)
			}
		}
	}
	at := r.along
	for _, a := range axes {
		switch d := axisOf(a, len(x.shape)); {
		case d == r.along:
			c.refuse()
		case d < r.along:
			at--
		}
	}
	return []*value{counted(convert(c)[0], at, r.n)}
}

func flowUnsqueeze(c *call, convert converter) []*value {
	r, x := c.theRows(0)
	axes, _ := c.intsOf(1, "axes")
	at := r.along
	for _, a := range axesOf(axes, len(x.shape)+len(axes)) {
		if a <= at {
			at++
		}
	}
	return []*value{counted(convert(c)[0], at, r.n)}
}

// flowExpand is for rows that stay, and for one row that is repeated as often as a name says.
func flowExpand(c *call, _ converter) []*value {
	r, _ := c.theRows(0)
	x := c.arg(0)
	to, at := c.bounds(c.numbersOf(1, ""))
	s := broadcast(x.shape, to)
	var n *graph.Value
	along := 0
	if at >= 0 {
		number, _ := c.im.named(c.in[1].names.I[at])
		n, along = number.n, at+len(s)-len(to)
	}
	if r != nil {
		d := r.along + len(s) - len(x.shape)
		if n != nil && (d != along || !alike(n, r.n)) || s[d] != x.shape[r.along] {
			c.refuse()
		}
		n, along = r.n, d
	} else if d := along - len(s) + len(x.shape); d >= 0 && x.shape[d] != 1 {
		c.refuse()
	}
	if s.Len() == 0 {
		return []*value{known(newArray(x.typ, s))}
	}
	return []*value{counted(computed(x.typ, c.value(x).Expand(s...)), along, n)}
}

func flowConstantOfShape(c *call, convert converter) []*value {
	s, at := c.bounds(c.numbersOf(0, ""))
	if at < 0 {
		c.refuse()
	}
	number, _ := c.im.named(c.in[0].names.I[at])
	c.in[0] = known(newArray(Int64, tensor.Shape{0}))
	one := convert(c)[0]
	if s.Len() == 0 {
		return []*value{known(newArray(one.typ, s))}
	}
	x, err := one.host.float32s()
	check(err)
	return []*value{counted(c.filled(one.typ, float64(x[0]), s), at, number.n)}
}

// flowRange counts from 0 to a number that the run decides.
func flowRange(c *call, _ converter) []*value {
	start, step := c.known(0), c.known(2)
	if c.arg(1).names == nil || start.Len() != 1 || step.Len() != 1 || start.At(0) != 0 || step.At(0) != 1 {
		c.refuse()
	}
	number, ok := c.im.named(c.in[1].names.I[0])
	if !ok || number.most == 0 {
		c.refuse()
	}
	y := computed(start.Type, c.upTo(number.most))
	y.index = true
	return []*value{counted(y, 0, number.n)}
}

// flowConcat joins along another dimension than that of the rows, or moves the rows that
// exist together.
func flowConcat(c *call, convert converter) []*value {
	rank := len(c.arg(0).shape)
	axis := c.axis("axis", 1, rank)
	parts := slices.DeleteFunc(slices.Clone(c.in), func(v *value) bool { return v != nil && v.shape.Len() == 0 })
	packed := slices.ContainsFunc(parts, func(v *value) bool { return v != nil && v.rows != nil && v.rows.along == axis })
	if len(parts) == 1 {
		return parts
	}
	if packed {
		return []*value{c.packed(axis, parts)}
	}
	c.in = parts
	var all []int
	for i := range parts {
		all = append(all, i)
	}
	r, _ := c.theRows(all...)
	for _, v := range parts {
		if v == nil || v.rows == nil || v.rows.along != r.along {
			c.refuse()
		}
	}
	return []*value{counted(convert(c)[0], r.along, r.n)}
}

// packed joins values along an axis, along which only some of them exist.
func (c *call) packed(axis int, parts []*value) *value {
	total, key := 0, "packed"
	var flags, xs []*graph.Value
	for _, v := range parts {
		if v == nil || len(v.shape) != len(parts[0].shape) || v.rows != nil && v.rows.along != axis || v.typ != parts[0].typ {
			c.refuse()
		}
		n := v.shape[axis]
		var flag *graph.Value
		if v.rows != nil {
			flag = c.exist(v.rows.n, n)
		} else {
			flag = c.once("ones "+tensor.Shape{n}.String(), func() *graph.Value { return c.scalar(1).Reshape(1).Expand(n) })
		}
		flags, xs, total = append(flags, flag), append(xs, c.value(v)), total+n
	}
	for _, f := range flags {
		key += pointer(f)
	}
	all := c.once(key, func() *graph.Value { return graph.Cat(0, flags...) })
	list, n := c.places(all, total)
	return counted(computed(parts[0].typ, graph.Cat(axis, xs...).Select(axis, list)), axis, n)
}

// flowSplit divides a dimension of which all exists, or one into parts of which some exist.
func flowSplit(c *call, convert converter) []*value {
	r, _ := c.theRows(0)
	x := c.arg(0)
	axis := c.axis("axis", 0, len(x.shape))
	if !c.has(1) || c.in[1].names == nil {
		outs := convert(c)
		if r.along == axis && len(outs) > 1 {
			c.refuse()
		}
		for i, v := range outs {
			outs[i] = counted(v, r.along, r.n)
		}
		return outs
	}
	if r != nil && r.along != axis || x.shape.Len() == 0 {
		c.refuse()
	}
	var outs []*value
	var from *graph.Value
	for _, size := range c.in[1].names.I {
		number, ok := c.im.named(size)
		if !ok {
			number = c.extent(size)
		}
		if number.most == 0 {
			c.refuse()
		}
		list := c.upTo(min(number.most, x.shape[axis]))
		if from != nil {
			list = c.binary(graph.Minimum, list.Add(from), c.scalar(float64(x.shape[axis]-1)))
		}
		y := computed(x.typ, c.value(x).Select(axis, list))
		if ok {
			y = counted(y, axis, number.n)
		}
		outs = append(outs, y)
		if from == nil {
			from = number.n
		} else {
			from = from.Add(number.n)
		}
	}
	return outs
}

// extent is a known extent as a number.
func (c *call) extent(x int64) number {
	n := c.wholeNumber(x)
	if n == nil || x == 0 {
		failf("a part of %d", x)
	}
	return number{n, int(x)}
}
