package onnx

import (
	"math"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// constants has the operators whose results need no run: they depend on shapes, types and
// attributes alone.
func constants() map[string]converter {
	return map[string]converter{
		"Constant":        convertConstant,
		"ConstantOfShape": convertConstantOfShape,
		"Shape":           convertShape,
		"Size":            func(c *call) []*value { return scalarOf(int64(c.arg(0).shape.Len())) },
		"Identity":        func(c *call) []*value { return []*value{c.arg(0)} },
		"Dropout":         convertDropout,
		"Cast":            convertCast,
		"CastLike":        func(c *call) []*value { return []*value{c.cast(c.arg(0), c.arg(1).typ)} },
		"Range":           convertRange,
		"EyeLike":         convertEyeLike,
	}
}

func scalarOf(n int64) []*value {
	return []*value{known(&Array{Type: Int64, Shape: tensor.Shape{}, I: []int64{n}})}
}

func convertConstant(c *call) []*value {
	for name, a := range c.attrs {
		switch name {
		case "value":
			if a.Tensor == nil {
				failf("attribute value is no tensor")
			}
			x, err := a.Tensor.Array()
			check(err)
			return []*value{known(x)}
		case "value_float":
			return []*value{known(Floats([]float32{a.F}))}
		case "value_floats":
			return []*value{known(Floats(a.Floats, len(a.Floats)))}
		case "value_int":
			return scalarOf(a.I)
		case "value_ints":
			return []*value{known(Ints(a.Ints...))}
		}
	}
	failf("a constant without numbers")
	return nil
}

func convertConstantOfShape(c *call) []*value {
	s := shapeOf(c.knownInts(0))
	fill := Floats([]float32{0}, 1)
	if a := c.attrs["value"]; a != nil && a.Tensor != nil {
		var err error
		fill, err = a.Tensor.Array()
		check(err)
		if fill.Len() != 1 {
			failf("attribute value has %d elements", fill.Len())
		}
	}
	c.bound(s)
	return []*value{known(fill.pick(s, func(int) int { return 0 }))}
}

// mostKnown is the most elements of an array that is made at import. mostNew is how many
// more than they are given all nodes may make: a short file must not take much memory.
const (
	mostKnown = 1 << 28
	mostNew   = 1 << 25
)

// bound ends the import if an array of shape s would be too large to be made now. A node
// may make as much as its known inputs have, and what is more counts.
func (c *call) bound(s tensor.Shape) {
	given, seen := 0, map[*value]bool{nil: true}
	for _, x := range c.in {
		if !seen[x] && x.host != nil {
			given += x.shape.Len()
		}
		seen[x] = true
	}
	c.im.made += max(s.Len()-given, 0)
	if s.Len() > mostKnown || c.im.made > mostNew {
		failf("a constant of shape %v is too large", s)
	}
}

func convertShape(c *call) []*value {
	x := c.arg(0)
	from, to := clampAxis(c.int("start", 0), len(x.shape)), clampAxis(c.int("end", len(x.shape)), len(x.shape))
	dims := []int64{}
	for i := from; i < to; i++ {
		dims = append(dims, int64(x.shape[i]))
	}
	return []*value{known(Ints(dims...))}
}

func clampAxis(a, rank int) int {
	if a < 0 {
		a += rank
	}
	return min(max(a, 0), rank)
}

// convertDropout passes its input on: models run outside training, or drop nothing.
func convertDropout(c *call) []*value {
	x := c.arg(0)
	none := c.has(1) && c.arg(1).host != nil && c.arg(1).host.Len() == 1 && c.arg(1).host.At(0) == 0
	if !none && c.has(2) && c.known(2).Len() > 0 && c.known(2).At(0) != 0 {
		failf("training mode")
	}
	outs := []*value{x}
	if c.wants(1) {
		mask := newArray(Bool, x.shape)
		for i := range mask.I {
			mask.I[i] = 1
		}
		if c.opset < 10 {
			mask = mask.cast(x.typ)
		}
		outs = append(outs, known(mask))
	}
	return outs
}

// convertCast takes a type by its number or, in the first opsets, by its name in capitals.
func convertCast(c *call) []*value {
	to := Type(c.int("to", 0))
	if name := strings.ToLower(c.string("to", "")); name != "" {
		switch name {
		case "float":
			name = Float32.String()
		case "double":
			name = Float64.String()
		}
		to = Type(max(slices.Index(typeNames[:], name), 0))
	}
	return []*value{c.cast(c.arg(0), to)}
}

// cast gives v elements of another type. On the device all are float32.
func (c *call) cast(v *value, to Type) *value {
	switch {
	case to.bits() == 0:
		failf("cast to %v", to)
	case v.typ == to:
		return v
	case v.host != nil:
		return known(v.host.cast(to))
	case v.typ.Integer() && to != Bool || v.typ == Bool || !to.Integer():
		return shaped(to, v.dev, v.shape)
	}
	if to == Bool {
		return c.each(v, to, graph.Step{Fn: graph.Truth}, nil)
	}
	return c.each(v, to, graph.Step{Fn: graph.Trunc}, nil)
}

func convertRange(c *call) []*value {
	start, limit, step := c.known(0), c.known(1), c.known(2)
	if start.Len() != 1 || limit.Len() != 1 || step.Len() != 1 || step.At(0) == 0 {
		failf("range from %v to %v by %v", start.Shape, limit.Shape, step.Shape)
	}
	n := math.Max(math.Ceil((limit.At(0)-start.At(0))/step.At(0)), 0)
	if !(n <= mostNew) {
		failf("a range of %v numbers", n)
	}
	c.bound(tensor.Shape{int(n)})
	a := newArray(start.Type, tensor.Shape{int(n)})
	for i := range a.Len() {
		if a.I != nil {
			a.I[i] = start.I[0] + int64(i)*step.I[0]
			continue
		}
		a.set(i, start.At(0)+float64(i)*step.At(0))
	}
	return []*value{known(a)}
}

func convertEyeLike(c *call) []*value {
	x := c.arg(0)
	if len(x.shape) != 2 {
		failf("want two dimensions")
	}
	c.bound(x.shape)
	a := newArray(Type(c.int("dtype", int(x.typ))), x.shape)
	for i := range x.shape[0] {
		if j := i + c.int("k", 0); j >= 0 && j < x.shape[1] {
			a.set(i*x.shape[1]+j, 1)
		}
	}
	return []*value{known(a)}
}
