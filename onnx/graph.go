package onnx

import (
	"fmt"
	"math"
)

// Graph is a list of nodes, each after those that make its inputs.
type Graph struct {
	Name         string
	Nodes        []*Node
	Initializers []*Tensor
	Inputs       []*Info // of IR 3, with the initialisers
	Outputs      []*Info
}

// Node is one call of an operator. An empty name is an input or output left out.
type Node struct {
	Name, Op, Domain, Overload string
	Inputs, Outputs            []string
	Attributes                 []*Attribute
	Offset                     int // of its first byte in the file
}

// Attribute is a named argument of a node that is known when the file is written.
type Attribute struct {
	Name    string
	Ref     string // of an attribute of the enclosing function that stands here
	Kind    int    // as AttributeProto.AttributeType
	F       float32
	I       int64
	S       string
	Floats  []float32
	Ints    []int64
	Strings []string
	Tensor  *Tensor
	Graph   *Graph
	sparse  bool
}

// Info is the name and type of an input or output.
type Info struct {
	Name string
	Type Type // Undefined if it is no tensor
	Dims []Dim
	Rank bool // Dims is known
}

// Dim is an extent: a number, or a name that is bound later. With neither it is free.
type Dim struct {
	N    int64 // -1 if it is not a number
	Name string
}

// String writes the number or the name.
func (d Dim) String() string {
	switch {
	case d.N >= 0:
		return fmt.Sprint(d.N)
	case d.Name == "":
		return "?"
	}
	return d.Name
}

func (g *Graph) read(b []byte, m *Model, depth int) error {
	if depth > mostDepth {
		return errDeep
	}
	return fields(b, func(x field) error {
		switch x.key {
		case 1*8 + length:
			return addNode(&g.Nodes, x.b, m, depth)
		case 2*8 + length:
			g.Name = string(x.b)
		case 5*8 + length:
			t, err := readTensor(x.b, m)
			g.Initializers = append(g.Initializers, t)
			return err
		case 11*8 + length:
			return addInfo(&g.Inputs, x.b, m)
		case 12*8 + length:
			return addInfo(&g.Outputs, x.b, m)
		case 15*8 + length:
			return fmt.Errorf("sparse initialisers are not supported")
		}
		return nil
	})
}

func addNode(to *[]*Node, b []byte, m *Model, depth int) error {
	n := &Node{Offset: m.end - cap(b)} // b is a part of the file that keeps its capacity
	*to = append(*to, n)
	if err := m.parts.take(); err != nil {
		return err
	}
	return fields(b, func(x field) error {
		switch x.key {
		case 1*8 + length:
			n.Inputs = append(n.Inputs, string(x.b))
		case 2*8 + length:
			n.Outputs = append(n.Outputs, string(x.b))
		case 3*8 + length:
			n.Name = string(x.b)
		case 4*8 + length:
			n.Op = string(x.b)
		case 5*8 + length:
			a, err := readAttribute(x.b, m, depth)
			n.Attributes = append(n.Attributes, a)
			return err
		case 7*8 + length:
			n.Domain = plainDomain(string(x.b))
		case 8*8 + length:
			n.Overload = string(x.b)
		}
		return nil
	})
}

func readAttribute(b []byte, m *Model, depth int) (*Attribute, error) {
	a := &Attribute{}
	if err := m.parts.take(); err != nil {
		return a, err
	}
	return a, fields(b, func(x field) error {
		switch x.key {
		case 1*8 + length:
			a.Name = string(x.b)
		case 2*8 + fixed32:
			a.F = math.Float32frombits(uint32(x.n))
		case 3*8 + varint:
			a.I = int64(x.n)
		case 4*8 + length:
			a.S = string(x.b)
		case 5*8 + length:
			if a.Tensor == nil {
				a.Tensor = &Tensor{model: m}
			}
			return a.Tensor.read(x.b)
		case 6*8 + length:
			if a.Graph == nil {
				a.Graph = &Graph{}
			}
			return a.Graph.read(x.b, m, depth+1)
		case 7*8 + fixed32:
			a.Floats = append(a.Floats, math.Float32frombits(uint32(x.n)))
		case 7*8 + length:
			for v := x.b; len(v) >= 4; v = v[4:] {
				a.Floats = append(a.Floats, math.Float32frombits(little.Uint32(v)))
			}
		case 8*8 + varint:
			a.Ints = append(a.Ints, int64(x.n))
		case 8*8 + length:
			return varints(x.b, func(v uint64) { a.Ints = append(a.Ints, int64(v)) })
		case 9*8 + length:
			a.Strings = append(a.Strings, string(x.b))
		case 20*8 + varint:
			a.Kind = int(x.n)
		case 21*8 + length:
			a.Ref = string(x.b)
		case 22*8 + length, 23*8 + length:
			a.sparse = true
		}
		return nil
	})
}

func addInfo(to *[]*Info, b []byte, m *Model) error {
	v := &Info{}
	*to = append(*to, v)
	if err := m.parts.take(); err != nil {
		return err
	}
	return fields(b, func(x field) error {
		switch x.key {
		case 1*8 + length:
			v.Name = string(x.b)
		case 2*8 + length: // TypeProto
			return fields(x.b, func(x field) error {
				if x.key == 1*8+length { // TypeProto.Tensor
					return v.tensor(x.b)
				}
				return nil
			})
		}
		return nil
	})
}

// tensor reads a TypeProto.Tensor.
func (v *Info) tensor(b []byte) error {
	return fields(b, func(x field) error {
		switch x.key {
		case 1*8 + varint:
			v.Type = Type(x.n)
		case 2*8 + length: // TensorShapeProto
			v.Rank = true
			return fields(x.b, func(x field) error {
				if x.key != 1*8+length {
					return nil
				}
				d := Dim{N: -1}
				err := fields(x.b, func(x field) error {
					switch x.key {
					case 1*8 + varint:
						d = Dim{N: int64(x.n)}
					case 2*8 + length:
						d = Dim{N: -1, Name: string(x.b)}
					}
					return nil
				})
				if v.Dims = append(v.Dims, d); len(v.Dims) > mostRank {
					return fmt.Errorf("value %.80q has more than %d dimensions", v.Name, mostRank)
				}
				return err
			})
		}
		return nil
	})
}
