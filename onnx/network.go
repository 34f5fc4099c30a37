package onnx

import (
	"fmt"
	"maps"
	"slices"

	"github.com/vertebra/vertebra/tensor"
)

// Feed returns the inputs of the graph, from arrays by the names of the ports. Those that
// are no port of the network are ignored.
func (n *Network) Feed(arrays map[string]*Array) ([]*tensor.Tensor, error) {
	xs := make([]*tensor.Tensor, len(n.Inputs))
	for i, p := range n.Inputs {
		a := arrays[p.Name]
		switch {
		case a == nil:
			return nil, fmt.Errorf("onnx: input %s is missing", p.Name)
		case a.Type != p.Type || !a.Shape.Equal(p.Shape):
			return nil, fmt.Errorf("onnx: input %s is %v %v, want %v %v", p.Name, a.Type, a.Shape, p.Type, p.Shape)
		}
		f, err := a.float32s()
		if err != nil {
			return nil, fmt.Errorf("onnx: input %s: %w", p.Name, err)
		}
		xs[i] = &tensor.Tensor{Name: p.Name, Shape: p.Shape, Data: f}
	}
	return xs, nil
}

// Results returns the outputs of the model with the types of the file, from the outputs of
// the graph.
func (n *Network) Results(outputs []*tensor.Tensor) ([]*Array, error) {
	results := make([]*Array, len(n.Outputs))
	for i, p := range n.Outputs {
		if p.Known != nil {
			results[i] = p.Known
			continue
		}
		if len(outputs) == 0 || outputs[0].Shape.Len() != p.Shape.Len() || !wide(p.Shape) && !outputs[0].Shape.Equal(p.Shape) {
			return nil, fmt.Errorf("onnx: the graph has no output %s of shape %v", p.Name, p.Shape)
		}
		a, err := toArray(p.Type, p.Shape, outputs[0].Data)
		if err != nil {
			return nil, fmt.Errorf("onnx: output %s: %w", p.Name, err)
		}
		outputs = outputs[1:]
		if p.Counted {
			if len(outputs) == 0 || len(outputs[0].Data) != 1 {
				return nil, fmt.Errorf("onnx: the graph has no number of rows for output %s", p.Name)
			}
			if n := outputs[0].Data[0]; !(n >= 0 && int(n) <= p.Shape[p.Along]) {
				return nil, fmt.Errorf("onnx: output %s has %g rows, of %d at most", p.Name, n, p.Shape[p.Along])
			}
			a, outputs = a.firstRows(p.Along, int(outputs[0].Data[0])), outputs[1:]
		}
		results[i] = a
	}
	return results, nil
}

// Operators counts the nodes of a model by operator, with those in functions and in graphs
// of other nodes. The key of an operator of another domain has the domain in front.
func (m *Model) Operators() map[string]int {
	count := map[string]int{}
	m.walk(func(n *Node) { count[n.Key()]++ })
	return count
}

// Supported lists the operators that have a converter, those of other domains with the domain
// in front.
func Supported() []string { return slices.Sorted(maps.Keys(converters())) }

// Unsupported lists the nodes whose operator has no converter.
func (m *Model) Unsupported() []*Node {
	table, own := converters(), map[string]bool{}
	for _, f := range m.Functions {
		own[opKey(f.Domain, f.Name)] = true
	}
	var nodes []*Node
	m.walk(func(n *Node) {
		if key := n.Key(); table[key] == nil && !own[key] {
			nodes = append(nodes, n)
		}
	})
	return nodes
}

// walk calls f for each node.
func (m *Model) walk(f func(*Node)) {
	var nodes func(list []*Node)
	nodes = func(list []*Node) {
		for _, n := range list {
			f(n)
			for _, a := range n.Attributes {
				if a.Graph != nil {
					nodes(a.Graph.Nodes)
				}
			}
		}
	}
	nodes(m.Graph.Nodes)
	for _, fn := range m.Functions {
		nodes(fn.Nodes)
	}
}

// Given returns the model's inputs without its initialisers, which files of IR 3 list
// among the inputs.
func (m *Model) Given() []*Info {
	initial := map[string]bool{}
	for _, t := range m.Graph.Initializers {
		initial[t.Name] = true
	}
	var inputs []*Info
	for _, v := range m.Graph.Inputs {
		if !initial[v.Name] {
			inputs = append(inputs, v)
		}
	}
	return inputs
}

// Key is the operator's name, with the domain in front unless that is ai.onnx.
func (n *Node) Key() string { return opKey(n.Domain, n.Op) }

// Parameters counts the elements of all initialisers and constants of floats.
func (m *Model) Parameters() (int64, error) {
	total := int64(0)
	add := func(t *Tensor) error {
		s, err := t.Shape()
		if err == nil && !t.Type.Integer() {
			total += int64(s.Len())
		}
		return err
	}
	err := error(nil)
	m.walk(func(n *Node) {
		for _, a := range n.Attributes {
			if a.Tensor != nil && err == nil {
				err = add(a.Tensor)
			}
		}
	})
	for _, t := range m.Graph.Initializers {
		if err == nil {
			err = add(t)
		}
	}
	return total, err
}

// ConvChannels returns how many channels the input of a node Conv has, by its weights; 0 if
// these are not in the file.
func (m *Model) ConvChannels(n *Node) int {
	group := int64(1)
	for _, a := range n.Attributes {
		if a.Name == "group" {
			group = a.I
		}
	}
	for _, t := range m.Graph.Initializers {
		if len(n.Inputs) > 1 && t.Name == n.Inputs[1] && len(t.Dims) > 1 && group > 0 && t.Dims[1] > 0 && t.Dims[1] < 1<<20/group {
			return int(t.Dims[1] * group)
		}
	}
	return 0
}
