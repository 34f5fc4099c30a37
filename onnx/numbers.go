package onnx

import (
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// number is a whole number that only the run decides, 0 to most: a result of the graph with
// one element.
type number struct {
	n    *graph.Value
	most int
}

// Shapes with such numbers are known but for these. An element of their array is then the
// number's name: an integer far below all that a shape may have.
const firstName = -0x5eed_0000_0000_0000

// name returns the name of a number.
func (im *importer) name(n *graph.Value, most int) int64 {
	for i, x := range im.numbers {
		if x.most == most && alike(x.n, n) {
			return firstName + int64(i)
		}
	}
	im.numbers = append(im.numbers, number{n, most})
	return firstName + int64(len(im.numbers)-1)
}

// named returns the number with a name. It reports false if x is an integer like others.
func (im *importer) named(x int64) (number, bool) {
	if i := uint64(x - firstName); i < uint64(len(im.numbers)) {
		return im.numbers[i], true
	}
	return number{}, false
}

// integers is an array of integers of type t, in which there may be names.
func (im *importer) integers(t Type, a *Array) *value {
	if a.I == nil || !slices.ContainsFunc(a.I, func(x int64) bool { _, ok := im.named(x); return ok }) {
		return known(a.cast(t))
	}
	return &value{typ: t, shape: a.Shape, names: a}
}

// numbersOf returns the integers of input i or of an attribute, with names.
func (c *call) numbersOf(i int, attribute string) []int64 {
	if c.has(i) && c.in[i].names != nil {
		return c.in[i].names.I
	}
	ints, _ := c.intsOf(i, attribute)
	all := make([]int64, len(ints))
	for k, x := range ints {
		all[k] = int64(x)
	}
	return all
}

// device computes integers with names.
func (c *call) device(v *value) *value {
	if v == nil || v.names == nil {
		return v
	}
	const most = 256
	if len(v.names.I) > most {
		failf("%d integers, some of which are known only after the run", len(v.names.I))
	}
	parts := make([]*graph.Value, len(v.names.I))
	for i, x := range v.names.I {
		if n, ok := c.im.named(x); ok {
			parts[i] = n.n.Reshape(1)
			continue
		}
		f, err := Ints(x).float32s()
		check(err)
		parts[i] = c.constant(f, 1)
	}
	w := computed(v.typ, graph.Cat(0, parts...).Reshape(v.shape...))
	w.needs, w.late = v.needs, true
	return w
}

// takers lists the operators that take names, and at which inputs.
var takers = map[string][]int{"Reshape": {1}, "Expand": {1}, "ConstantOfShape": {0}, "TopK": {1}, "Slice": {1, 2}, "Range": {1}, "Split": {1},
	"If": {}, "Loop": nil, "Scan": nil}

// movers lists the operators that move integers, and at which inputs.
var movers = map[string][]int{"Identity": {0}, "Gather": {0}, "Slice": {0}, "Concat": nil, "Unsqueeze": {0}, "Squeeze": {0}, "Reshape": {0},
	"Flatten": {0}, "Transpose": {0}, "Expand": {0}, "Split": {0}, "Where": {1, 2}, "Cast": {0}}

// withNames runs a node that has inputs with names, if it need not compute them. Otherwise it
// reports false, and the inputs that the node cannot take are computed.
func (c *call) withNames(convert converter) ([]*value, bool) {
	if !slices.ContainsFunc(c.in, func(v *value) bool { return v != nil && v.names != nil }) {
		return nil, false
	}
	at := func(list []int) bool { // there are names only at these inputs
		for i, v := range c.in {
			if v != nil && v.names != nil && list != nil && !slices.Contains(list, i) {
				return false
			}
		}
		return true
	}
	op, all := c.node.Key(), true
	in := make([]*value, len(c.in))
	for i, v := range c.in {
		if in[i] = v; v != nil && v.names != nil {
			in[i] = known(v.names)
		}
		all = all && (v == nil || in[i].host != nil)
	}
	if list, ok := movers[op]; ok && all && at(list) {
		if to := Type(c.int("to", int(Int64))); op != "Cast" || to == Int64 || to == Int32 {
			return c.moved(convert, in), true
		}
	}
	if all && len(in) > 0 {
		if outs, ok := c.reckoned(in); ok {
			return outs, true
		}
	}
	if list, ok := takers[op]; ok && at(list) {
		return nil, false
	}
	for i, v := range c.in {
		c.in[i] = c.device(v)
	}
	return nil, false
}

// moved runs a converter on names.
func (c *call) moved(convert converter, in []*value) []*value {
	t := c.in[slices.IndexFunc(c.in, func(v *value) bool { return v != nil && v.names != nil })].typ
	if c.node.Op == "Cast" {
		return []*value{c.im.integers(Type(c.int("to", 0)), in[0].host)}
	}
	for i, v := range in {
		if v != nil && v.typ == t && t != Int64 && c.in[i].names == nil {
			in[i] = known(v.host.cast(Int64))
		}
	}
	c.in = in
	outs := convert(c)
	for i, v := range outs {
		if v != nil {
			outs[i] = c.im.integers(t, v.host)
		}
	}
	return outs
}

// reckoned computes with integers, some of which are names. It reports false if the result
// is no such integer.
func (c *call) reckoned(in []*value) ([]*value, bool) {
	op, ok := c.node.Key(), true
	kinds := wholes()
	reduce := map[string]string{"ReduceSum": "Add", "ReduceProd": "Mul", "ReduceMax": "Max", "ReduceMin": "Min"}
	k, whole := kinds[op]
	if name := reduce[op]; name != "" {
		k = kinds[name]
	} else if !whole {
		return nil, false
	}
	plain := k.int
	k.int = func(a, b int64) int64 {
		y, some := c.combined(k.kind, plain, a, b)
		ok = ok && some
		return y
	}
	var y *Array
	if whole {
		y = in[0].host
		for _, v := range in[1:] {
			if y.I == nil || v.host.I == nil {
				return nil, false
			}
			y = k.of(Int64, y, v.host)
		}
	} else {
		axes, some := c.reducedAxes(len(in[0].shape))
		if !some || in[0].shape.Len() == 0 {
			return nil, false
		}
		y = k.fold(in[0].host, axes).reshaped(reduced(in[0].shape, axes, c.flag("keepdims", true)))
	}
	if !ok {
		return nil, false
	}
	t := c.in[0].typ
	if k.boolean() {
		t = Bool
	}
	return []*value{c.im.integers(t, y)}, true
}

// combined is a function of two integers that may be names. It reports false if the result
// may be negative or too large, or is none.
func (c *call) combined(kind graph.BinaryKind, plain func(a, b int64) int64, a, b int64) (int64, bool) {
	x, isX := c.im.named(a)
	y, isY := c.im.named(b)
	if !isX && !isY {
		return plain(a, b), true
	}
	lowX, highX, lowY, highY := int64(0), int64(x.most), int64(0), int64(y.most)
	if !isX {
		x.n, lowX, highX = c.wholeNumber(a), a, a
	}
	if !isY {
		y.n, lowY, highY = c.wholeNumber(b), b, b
	}
	same := isX && isY && alike(x.n, y.n)
	result := func(most int64) (int64, bool) {
		if x.n == nil || y.n == nil || lowX < 0 || lowY < 0 || most > mostExact {
			return 0, false
		}
		return c.im.name(c.binary(kind, x.n, y.n), int(most)), true
	}
	switch kind {
	case graph.Add:
		switch {
		case b == 0:
			return a, true
		case a == 0:
			return b, true
		}
		return result(highX + highY)
	case graph.Sub:
		if same {
			return 0, true
		}
		return a, b == 0
	case graph.Mul:
		switch {
		case a == 0 || b == 1:
			return a, true
		case b == 0 || a == 1:
			return b, true
		case isY && !isX:
			return c.combined(kind, plain, b, a)
		}
		return result(highX * highY)
	case graph.Div:
		if isY || b < 1 {
			return 0, false
		}
		if n, ok := c.per(x.n, int(b)); ok {
			return c.im.name(n, x.most/int(b)), true
		}
		kind = graph.Quotient
		return result(highX / b)
	case graph.Minimum:
		switch {
		case same || highX <= lowY:
			return a, true
		case highY <= lowX:
			return b, true
		}
		return result(min(highX, highY))
	case graph.Maximum:
		switch {
		case same || lowX >= highY:
			return a, true
		case lowY >= highX:
			return b, true
		}
		return result(max(highX, highY))
	case graph.Equal:
		return b2i(same), same || highX < lowY || highY < lowX
	case graph.Less, graph.GreaterEqual:
		return b2i((highX < lowY) == (kind == graph.Less)), highX < lowY || lowX >= highY
	case graph.Greater, graph.LessEqual:
		return b2i((lowX > highY) == (kind == graph.Greater)), lowX > highY || highX <= lowY
	}
	return 0, false
}

// wholeNumber is a small integer as a value of the graph, or nil.
func (c *call) wholeNumber(x int64) *graph.Value {
	if x < 0 || x > mostExact {
		return nil
	}
	return c.scalar(float64(x))
}

// shapeWithNames is the operator Shape for a value of which only some rows exist.
func (c *call) shapeWithNames(x *value) *Array {
	dims := make([]int64, len(x.shape))
	for d, n := range x.shape {
		dims[d] = int64(n)
	}
	if x.rows != nil {
		dims[x.rows.along] = c.im.name(x.rows.n, x.shape[x.rows.along])
	}
	return Ints(dims...)
}

// bounds returns a shape in which names became the largest numbers that they may be, and
// which one of them it has; -1 if none.
func (c *call) bounds(dims []int64) (s tensor.Shape, at int) {
	s, at = make(tensor.Shape, len(dims)), -1
	for d, x := range dims {
		n, ok := c.im.named(x)
		switch {
		case ok && at >= 0:
			failf("the numbers of rows along dimensions %d and %d are known only after the run", at, d)
		case ok:
			s[d], at = n.most, d
		case x < 0 || x > mostElements:
			failf("extent %d", x)
		default:
			s[d] = int(x)
		}
	}
	return shapeOf(s), at
}
