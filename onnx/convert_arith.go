package onnx

import (
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// wholes has the functions of two numbers, also of integers that are known.
func wholes() map[string]pairKind {
	return map[string]pairKind{
		"Add":            {graph.Add, func(a, b int64) int64 { return a + b }},
		"Sub":            {graph.Sub, func(a, b int64) int64 { return a - b }},
		"Mul":            {graph.Mul, func(a, b int64) int64 { return a * b }},
		"Div":            {graph.Div, divided},
		"Pow":            {graph.Pow, raised},
		"Equal":          {graph.Equal, func(a, b int64) int64 { return b2i(a == b) }},
		"Less":           {graph.Less, func(a, b int64) int64 { return b2i(a < b) }},
		"LessOrEqual":    {graph.LessEqual, func(a, b int64) int64 { return b2i(a <= b) }},
		"Greater":        {graph.Greater, func(a, b int64) int64 { return b2i(a > b) }},
		"GreaterOrEqual": {graph.GreaterEqual, func(a, b int64) int64 { return b2i(a >= b) }},
		"And":            {graph.And, func(a, b int64) int64 { return a & b }},
		"Or":             {graph.Or, func(a, b int64) int64 { return a | b }},
		"Xor":            {graph.Xor, func(a, b int64) int64 { return a ^ b }},
		"Max":            {graph.Maximum, func(a, b int64) int64 { return max(a, b) }},
		"Min":            {graph.Minimum, func(a, b int64) int64 { return min(a, b) }},
	}
}

// arithmetic has the functions of two or more numbers.
func arithmetic() map[string]converter {
	all := map[string]converter{"Where": convertWhere, "Mod": convertMod}
	kinds := wholes()
	kinds["PRelu"] = pairKind{kind: graph.PReLU}
	for name, k := range kinds {
		all[name] = func(c *call) []*value {
			a, b := c.pairOf()
			return []*value{c.pair(k, a, b)}
		}
	}
	for name, k := range map[string]pairKind{"Max": kinds["Max"], "Min": kinds["Min"], "Sum": kinds["Add"]} {
		all[name] = func(c *call) []*value { return []*value{c.folded(k)} }
	}
	all["Mean"] = func(c *call) []*value {
		n := known(Floats([]float32{float32(len(c.in))}))
		n.typ = c.arg(0).typ
		return []*value{c.pair(kinds["Div"], c.folded(kinds["Add"]), n)}
	}
	return all
}

// pairKind is a function of two numbers, and the same of integers that are known. A nil int
// is computed as kind.
type pairKind struct {
	kind graph.BinaryKind
	int  func(a, b int64) int64
}

// divided is a / b, rounded to zero.
func divided(a, b int64) int64 {
	if b == 0 {
		failf("division by zero")
	}
	return a / b
}

// raised is a to the power of b.
func raised(a, b int64) int64 {
	if b < 0 {
		return truncated(math.Pow(float64(a), float64(b)))
	}
	y := int64(1)
	for ; b > 0; b >>= 1 {
		if b&1 == 1 {
			y *= a
		}
		a *= a
	}
	return y
}

// boolean reports whether the result is a bool whatever the inputs are.
func (k pairKind) boolean() bool { return k.kind >= graph.Equal && k.kind <= graph.GreaterEqual }

// pairOf returns inputs 0 and 1. Before opset 7 input 1 could begin at an axis of input 0.
func (c *call) pairOf() (a, b *value) {
	a, b = c.arg(0), c.arg(1)
	if c.opset < 7 && c.flag("broadcast", false) && c.attrs["axis"] != nil {
		axis := c.axis("axis", 0, len(a.shape))
		s := b.shape.Clone()
		for len(s) < len(a.shape)-axis {
			s = append(s, 1)
		}
		b = b.reshape(s)
	}
	if c.opset < 7 && c.node.Op == "PRelu" && len(b.shape) == 1 && len(a.shape) > 2 {
		s := append(b.shape.Clone(), make(tensor.Shape, len(a.shape)-2)...)
		for d := range s[1:] {
			s[1+d] = 1
		}
		b = b.reshape(s)
	}
	return a, b
}

// folded joins all inputs by k.
func (c *call) folded(k pairKind) *value {
	y := c.arg(0)
	for i := range c.in[1:] {
		y = c.pair(k, y, c.arg(i+1))
	}
	return y
}

// pair computes k of two values.
func (c *call) pair(k pairKind, a, b *value) *value {
	if a.typ != b.typ && k.kind != graph.Pow && k.kind != graph.PReLU {
		failf("types differ: %v and %v", a.typ, b.typ)
	}
	s, t := broadcast(a.shape, b.shape), a.typ
	if k.boolean() {
		t = Bool
	}
	if s.Len() == 0 {
		return known(newArray(t, s))
	}
	if a.host != nil && b.host != nil {
		c.bound(s)
		return known(k.of(t, a.host, b.host))
	}
	if wide(s) {
		few := c.fewer(s, a, b)
		return c.pair(k, few[0], few[1]).reshape(s)
	}
	if k.kind == graph.Div && a.typ.Integer() {
		k.kind = graph.Quotient
	}
	y := graph.Apply(graph.Binary{Kind: k.kind}, c.value(a), c.value(b))
	if k.kind == graph.Pow && a.typ.Integer() && !b.typ.Integer() {
		y = y.Map(graph.Trunc)
	}
	return computed(t, y)
}

// of computes the function of broadcast arrays, with elements of type t.
func (k pairKind) of(t Type, a, b *Array) *Array {
	s := broadcast(a.Shape, b.Shape)
	y := newArray(t, s)
	sa, sb := a.spread(s), b.spread(s)
	for i := range s.Len() {
		if a.I != nil && b.I != nil && k.int != nil {
			y.I[i] = t.wrap(k.int(a.I[sa(i)], b.I[sb(i)]))
			continue
		}
		y.set(i, k.kind.Of(a.At(sa(i)), b.At(sb(i))))
	}
	return y
}

// spread returns where element i of an array of shape s lies in a, which broadcasts to s.
func (a *Array) spread(s tensor.Shape) func(i int) int {
	if a.Shape.Equal(s) {
		return func(i int) int { return i }
	}
	from, all := graph.BroadcastStrides(a.Shape, s), s.Strides()
	return func(i int) int {
		at := 0
		for d, n := range all {
			at += i / n * from[d]
			i %= n
		}
		return at
	}
}

// convertMod is the remainder with the sign of the divisor, or with fmod that of the
// dividend.
func convertMod(c *call) []*value {
	k := pairKind{graph.Remainder, func(a, b int64) int64 {
		r := a - divided(a, b)*b
		if r != 0 && (r < 0) != (b < 0) {
			r += b
		}
		return r
	}}
	if c.flag("fmod", false) {
		k = pairKind{graph.Fmod, func(a, b int64) int64 { return a - divided(a, b)*b }}
	} else if !c.arg(0).typ.Integer() {
		failf("the remainder of %v without fmod", c.arg(0).typ)
	}
	return []*value{c.pair(k, c.arg(0), c.arg(1))}
}

func convertWhere(c *call) []*value {
	cond, a, b := c.arg(0), c.arg(1), c.arg(2)
	if a.typ != b.typ {
		failf("types differ: %v and %v", a.typ, b.typ)
	}
	s := broadcast(cond.shape, a.shape, b.shape)
	if s.Len() == 0 {
		return []*value{known(newArray(a.typ, s))}
	}
	if cond.host == nil || a.host == nil || b.host == nil {
		if wide(s) {
			few := c.fewer(s, cond, a, b)
			return []*value{shaped(a.typ, c.value(few[0]).Where(c.value(few[1]), c.value(few[2])), s)}
		}
		return c.only(a.typ, c.x(0).Where(c.x(1), c.x(2)))
	}
	c.bound(s)
	y := newArray(a.typ, s)
	sc, sa, sb := cond.host.spread(s), a.host.spread(s), b.host.spread(s)
	for i := range s.Len() {
		if cond.host.At(sc(i)) != 0 {
			y.copy(i, a.host, sa(i))
		} else {
			y.copy(i, b.host, sb(i))
		}
	}
	return []*value{known(y)}
}
