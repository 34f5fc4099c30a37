package graph

import (
	"errors"
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// Cut is a range of the indices of a tensor's dimension Axis.
type Cut struct{ Axis, From, Len int }

// Scale is a factor for each index of a tensor's dimension Axis, which is not
// that of a Cut.
type Scale struct {
	By   []float64
	Axis int
}

// Const adds a constant, once for each tensor. Its Data may be nil until the
// graph is compiled.
func (g *Graph) Const(t *tensor.Tensor) *Value {
	if t == nil {
		panic(shapeError{errors.New("a constant is nil")})
	}
	if t.Data != nil && len(t.Data) != t.Shape.Len() {
		panic(shapeError{fmt.Errorf("constant %s of %v has %d elements", t.Name, t.Shape, len(t.Data))})
	}
	if v, ok := g.consts[t]; ok {
		return v
	}
	v := &Value{Name: t.Name, Const: t, Shape: t.Shape, graph: g}
	g.consts[t] = v
	g.Nodes = append(g.Nodes, v)
	return v
}

// constant adds a constant like v, which may be one of another graph.
func (g *Graph) constant(v Value) *Value {
	if v.Cut == (Cut{}) && v.Scale == nil {
		return g.Const(v.Const)
	}
	v.graph = g
	g.Nodes = append(g.Nodes, &v)
	return &v
}

// cut is constant v with n indices from the given one on of a dimension, the
// same one if it has been cut before.
func (v Value) cut(axis, from, n int) Value {
	v.Shape = v.Shape.Clone()
	v.Shape[axis] = n
	v.Cut = Cut{axis, v.Cut.From + from, n}
	return v
}

// Tensor returns the numbers of a constant: Const itself or, with a Cut or a
// Scale, a tensor in memory of s, so that a model's changed weights need not be
// in memory at once.
func (v *Value) Tensor(s *tensor.Scratch) *tensor.Tensor {
	if v.Const == nil || v.Cut == (Cut{}) && v.Scale == nil {
		return v.Const
	}
	t := s.New(v.Shape...)
	t.Name = v.Const.Name
	all := v.Const.Shape
	run, period := v.Shape[v.Cut.Axis:].Len(), all[v.Cut.Axis:].Len()
	from := v.Cut.From * all[v.Cut.Axis+1:].Len()
	for i := 0; i < len(t.Data); i += run {
		copy(t.Data[i:i+run], v.Const.Data[from:])
		from += period
	}
	if v.Scale == nil {
		return t
	}
	inner := v.Shape.Strides()[v.Scale.Axis]
	for i := 0; i < len(t.Data); {
		for _, by := range v.Scale.By {
			for end := i + inner; i < end; i++ {
				t.Data[i] = float32(float64(t.Data[i]) * by)
			}
		}
	}
	return t
}
