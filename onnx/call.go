package onnx

import (
	"fmt"
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// A converter computes the outputs of a node from its inputs. Its methods of call end the
// import with an error that names the node, if something is wrong. An output may be nil if
// the node does not want it.
type converter func(c *call) []*value

// call is a node with its inputs, as its converter sees it.
type call struct {
	im    *importer
	node  *Node
	scope *scope
	opset int
	attrs map[string]*Attribute
	in    []*value // nil for an input left out
	needs uint64
}

// has reports whether input i is given.
func (c *call) has(i int) bool { return i < len(c.in) && c.in[i] != nil }

// wants reports whether output i is used.
func (c *call) wants(i int) bool { return i < len(c.node.Outputs) && c.node.Outputs[i] != "" }

// arg returns input i.
func (c *call) arg(i int) *value {
	if !c.has(i) {
		failf("input %d is missing", i)
	}
	return c.in[i]
}

// x returns input i as a value of the graph. Known numbers become a constant.
func (c *call) x(i int) *graph.Value { return c.value(c.arg(i)) }

// value returns v as a value of the graph.
func (c *call) value(v *value) *graph.Value {
	if v.host == nil {
		if wide(v.shape) {
			failf("%d dimensions, more than %d", len(v.shape), graph.MaxRank)
		}
		return v.dev
	}
	if w := c.im.consts[v.host]; w != nil {
		return w
	}
	f, err := v.host.float32s()
	check(err)
	w := c.im.g.Const(&tensor.Tensor{Name: v.host.name, Shape: v.shape, Data: f, Unload: v.host.unload})
	c.im.consts[v.host] = w
	return w
}

// constant returns a new constant of the graph.
func (c *call) constant(f []float32, shape ...int) *graph.Value {
	return c.im.g.Const(tensor.Of(f, shape...))
}

// scalar returns a constant of the graph with no dimensions.
func (c *call) scalar(x float64) *graph.Value { return c.constant([]float32{float32(x)}) }

// like returns v as the only output, with the type of input 0.
func (c *call) like(v *graph.Value) []*value { return []*value{computed(c.arg(0).typ, v)} }

// only returns v as the only output, with elements of type t.
func (c *call) only(t Type, v *graph.Value) []*value { return []*value{computed(t, v)} }

// known returns the numbers of input i, which must not depend on the model's inputs.
func (c *call) known(i int) *Array {
	v := c.arg(i)
	if v.names != nil || v.late {
		failf("input %d has numbers of rows, known only after the run", i)
	}
	if v.host == nil {
		panic(failure{fmt.Errorf("input %d is not known: %w", i, c.im.needed(v.needs))})
	}
	return v.host
}

// knownInts returns the integers of input i, which must be known.
func (c *call) knownInts(i int) []int {
	a := c.known(i)
	if a.I == nil {
		failf("input %d is %v, want integers", i, a.Type)
	}
	return asInts(a.I)
}

func asInts(v []int64) []int {
	out := make([]int, len(v))
	for i, x := range v {
		out[i] = int(x)
	}
	return out
}

// intsOf returns the integers of input i or, before the standard moved them there, of an
// attribute. It reports false if neither is given.
func (c *call) intsOf(i int, attribute string) ([]int, bool) {
	if c.has(i) {
		return c.knownInts(i), true
	}
	return c.ints(attribute)
}

// int returns an attribute, or a default.
func (c *call) int(name string, absent int) int {
	if a := c.attrs[name]; a != nil {
		return int(a.I)
	}
	return absent
}

// flag returns an attribute that is 0 or 1.
func (c *call) flag(name string, absent bool) bool {
	if a := c.attrs[name]; a != nil {
		return a.I != 0
	}
	return absent
}

func (c *call) float(name string, absent float64) float64 {
	if a := c.attrs[name]; a != nil {
		return float64(a.F)
	}
	return absent
}

func (c *call) string(name, absent string) string {
	if a := c.attrs[name]; a != nil {
		return a.S
	}
	return absent
}

func (c *call) ints(name string) ([]int, bool) {
	a := c.attrs[name]
	if a == nil {
		return nil, false
	}
	return asInts(a.Ints), true
}

// axis returns an attribute that is an axis of a value of this rank.
func (c *call) axis(name string, absent, rank int) int { return axisOf(c.int(name, absent), rank) }

// axisOf counts an axis from the start.
func axisOf(axis, rank int) int {
	if axis < -rank || axis >= rank {
		failf("axis %d of a value with %d dimensions", axis, rank)
	}
	return (axis + rank) % max(rank, 1)
}

// axesOf counts axes from the start, and sorts them. None may be given twice.
func axesOf(axes []int, rank int) []int {
	out := make([]int, len(axes))
	for i, a := range axes {
		out[i] = axisOf(a, rank)
	}
	slices.Sort(out)
	if len(slices.Compact(slices.Clone(out))) != len(out) {
		failf("axes %v are not distinct", axes)
	}
	return out
}

// shapeOf checks a shape that a file states.
func shapeOf(s []int) tensor.Shape {
	n := 1
	for _, d := range s {
		if d < 0 || d > mostElements/n {
			failf("shape %v", tensor.Shape(s))
		}
		n = max(n*d, 1)
	}
	return tensor.Shape(s).Clone()
}

// broadcast returns the shape that shapes broadcast to.
func broadcast(shapes ...tensor.Shape) tensor.Shape {
	var y tensor.Shape
	for _, s := range shapes {
		for len(y) < len(s) {
			y = append(tensor.Shape{1}, y...)
		}
		for i, d := range s {
			switch at := &y[len(y)-len(s)+i]; {
			case *at == 1:
				*at = d
			case d != 1 && d != *at:
				failf("%v do not broadcast", shapes)
			}
		}
	}
	return y
}
