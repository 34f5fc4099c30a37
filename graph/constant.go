package graph

import (
	"errors"
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// Cut is a range of Len indices along dimension Axis of a tensor.
type Cut struct{ Axis, From, Len int }

// Scale holds a factor for each index along dimension Axis of a tensor. A Cut of
// the same tensor has another Axis.
type Scale struct {
	By   []float64
	Axis int
}

// Const adds a constant, or returns the value that t already has. The numbers of t
// may be missing until the graph is compiled or evaluated.
func (g *Graph) Const(t *tensor.Tensor) *Value {
	if t == nil {
		panic(shapeError{errors.New("constant is nil")})
	}
	if n := len(t.Data) + len(t.Halves); t.Bound() && n != t.Shape.Len() {
		panic(shapeError{fmt.Errorf("constant %s of shape %v has %d elements", t.Name, t.Shape, n)})
	}
	if v, ok := g.consts[t]; ok {
		return v
	}
	v := &Value{Name: t.Name, Const: t, Shape: t.Shape, graph: g}
	g.consts[t] = v
	g.Nodes = append(g.Nodes, v)
	return v
}

// constant adds a constant like v, which may belong to another graph.
func (g *Graph) constant(v Value) *Value {
	if v.Cut == (Cut{}) && v.Scale == nil {
		return g.Const(v.Const)
	}
	v.graph = g
	g.Nodes = append(g.Nodes, &v)
	return &v
}

// cut returns constant v with only n indices of a dimension, beginning at from.
// If v is cut already, it is cut along the same dimension.
func (v Value) cut(axis, from, n int) Value {
	v.Shape = v.Shape.Clone()
	v.Shape[axis] = n
	v.Cut = Cut{axis, v.Cut.From + from, n}
	return v
}

// Tensor returns the numbers of a constant as float32: Const itself or, with Halves, a
// Cut or a Scale, a new tensor from s. The changed weights of a model thus need not be
// in memory all at once.
func (v *Value) Tensor(s *tensor.Scratch) *tensor.Tensor {
	if v.Const == nil {
		return nil
	}
	return v.Stored(s).Floats(s)
}

// Stored is Tensor, but leaves Halves as they are if there is no Scale.
func (v *Value) Stored(s *tensor.Scratch) *tensor.Tensor {
	if v.Cut == (Cut{}) && v.Scale == nil {
		return v.Const
	}
	t := s.Like(v.Const, v.Shape...)
	t.Name = v.Const.Name
	all := v.Const.Shape
	run, period := v.Shape[v.Cut.Axis:].Len(), all[v.Cut.Axis:].Len()
	from := v.Cut.From * all[v.Cut.Axis+1:].Len()
	for i, n := 0, v.Shape.Len(); i < n; i += run {
		v.Const.Copy(from, run, t, i)
		from += period
	}
	if v.Scale == nil {
		return t
	}
	t = t.Floats(s)
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
