// Package onnxfile writes small ONNX files, for tests and examples.
package onnxfile

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// File is a model of opset 13.
type File struct {
	Inputs, Outputs []Port
	Nodes           []Node
	Weights         []Weight
}

// Port is an input or an output. An extent is an int, or a string that names a free one.
type Port struct {
	Name  string
	Type  int // as TensorProto.DataType; 0 means 1, float32
	Shape []any
}

// Node calls an operator of ai.onnx. An attribute is an int, a []int, a float32 or a
// string.
type Node struct {
	Op              string
	Inputs, Outputs []string
	Attributes      map[string]any
}

// Weight is an initialiser: float32 from Data, or int64 from Ints if that is not nil.
type Weight struct {
	Name  string
	Shape []int
	Data  []float32
	Ints  []int
}

// message is the bytes of a message under construction.
type message []byte

func (m *message) int(field protowire.Number, v int) {
	*m = protowire.AppendVarint(protowire.AppendTag(*m, field, protowire.VarintType), uint64(v))
}

func (m *message) text(field protowire.Number, s string) { m.part(field, message(s)) }

func (m *message) part(field protowire.Number, part message) {
	*m = protowire.AppendBytes(protowire.AppendTag(*m, field, protowire.BytesType), part)
}

// Encode returns the bytes of the file.
func (f File) Encode() []byte {
	var graph, opset, file message
	for _, n := range f.Nodes {
		graph.part(1, n.encode())
	}
	graph.text(2, "graph")
	for _, w := range f.Weights {
		graph.part(5, w.encode())
	}
	for _, p := range f.Inputs {
		graph.part(11, p.encode())
	}
	for _, p := range f.Outputs {
		graph.part(12, p.encode())
	}
	opset.int(2, 13)
	file.int(1, 8) // IR
	file.text(2, "vertebra")
	file.part(7, graph)
	file.part(8, opset)
	return file
}

func (n Node) encode() message {
	var m message
	for _, s := range n.Inputs {
		m.text(1, s)
	}
	for _, s := range n.Outputs {
		m.text(2, s)
	}
	m.text(4, n.Op)
	for name, v := range n.Attributes {
		var a message
		a.text(1, name)
		switch v := v.(type) {
		case int:
			a.int(3, v)
			a.int(20, 2)
		case []int:
			for _, i := range v {
				a.int(8, i)
			}
			a.int(20, 7)
		case float32:
			a = protowire.AppendFixed32(protowire.AppendTag(a, 2, protowire.Fixed32Type), math.Float32bits(v))
			a.int(20, 1)
		case string:
			a.text(4, v)
			a.int(20, 3)
		}
		m.part(5, a)
	}
	return m
}

func (w Weight) encode() message {
	var m, raw message
	for _, d := range w.Shape {
		m.int(1, d)
	}
	kind := 1
	if w.Ints != nil {
		kind = 7
	}
	m.int(2, kind)
	for _, v := range w.Data {
		raw = protowire.AppendFixed32(raw, math.Float32bits(v))
	}
	for _, v := range w.Ints {
		raw = protowire.AppendFixed64(raw, uint64(v))
	}
	m.text(8, w.Name)
	m.part(9, raw)
	return m
}

func (p Port) encode() message {
	var shape, tensor, kind, m message
	for _, d := range p.Shape {
		var dim message
		switch d := d.(type) {
		case int:
			dim.int(1, d)
		case string:
			dim.text(2, d)
		}
		shape.part(1, dim)
	}
	tensor.int(1, max(p.Type, 1))
	tensor.part(2, shape)
	kind.part(1, tensor)
	m.text(1, p.Name)
	m.part(2, kind)
	return m
}
