package onnx

import (
	"context"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// scope holds the values that nodes can use by name.
type scope struct {
	values map[string]*value
	unread map[string]*Tensor    // initialisers that no node has used
	attrs  map[string]*Attribute // of the call of a function
	opsets map[string]int
	parent *scope // of the node whose attribute this graph is
	depth  int
}

// get returns the value with a name, or nil.
func (s *scope) get(name string) *value {
	for ; s != nil; s = s.parent {
		if v := s.values[name]; v != nil {
			return v
		}
		if t := s.unread[name]; t != nil {
			a, err := t.Array()
			check(err)
			s.values[name] = known(a)
			return s.values[name]
		}
	}
	return nil
}

// mostWork is the most nodes that an import runs, with each turn of a loop.
const mostWork = 1 << 20

// run runs nodes in order.
func (im *importer) run(s *scope, nodes []*Node) {
	if s.depth > mostDepth {
		failf("functions or graphs are nested more than %d deep", mostDepth)
	}
	for _, node := range nodes {
		if im.work++; im.work > mostWork {
			failf("more than %d nodes to run", mostWork)
		}
		im.node(s, node)
	}
}

func opKey(domain, op string) string {
	if domain == "" {
		return op
	}
	return domain + "." + op
}

// node runs one node.
func (im *importer) node(s *scope, node *Node) {
	outer := im.call
	c := &call{im: im, node: node, scope: s, opset: s.opsets[node.Domain], attrs: map[string]*Attribute{}}
	im.call = c
	from := len(im.g.Nodes)
	for _, own := range node.Attributes {
		a := own
		if own.Ref != "" {
			if a = s.attrs[own.Ref]; a == nil {
				continue
			}
		}
		c.attrs[own.Name] = a
	}
	all := true // inputs are known, and those of graphs inside the node, of which there are none
	for _, a := range c.attrs {
		all = all && a.Graph == nil
	}
	for _, name := range node.Inputs {
		var v *value
		if name != "" {
			if v = s.get(name); v == nil {
				failf("input %.80q is not made by any node before", name)
			}
			all = all && v.host != nil
			c.needs |= v.needs
		}
		c.in = append(c.in, v)
	}
	key := node.Key()
	var outs []*value
	convert, ok := im.table[key]
	f := im.functions[key+":"+node.Overload]
	switch {
	case f != nil:
		outs = im.function(c, f)
	case !ok:
		panic(failure{&UnsupportedError{key}})
	case all && !c.nested():
		outs = im.fold(c, convert)
	default:
		outs = c.run(convert)
	}
	for i, name := range node.Outputs {
		if name == "" {
			continue
		}
		if i >= len(outs) || outs[i] == nil {
			failf("output %d is not supported", i)
		}
		if outs[i].host == nil {
			v := *outs[i]
			v.needs |= c.needs
			v.index = v.index || keepsIndex[key] && c.has(0) && c.in[0].index
			outs[i] = &v
			if s.depth == 0 && len(im.g.Nodes) > from && v.dev != nil {
				v.dev.Stage(name)
			}
		}
		s.values[name] = outs[i]
	}
	c.name(im.g.Nodes[from:])
	im.call = outer
}

// keepsIndex has the operators whose result has elements of their first input alone.
var keepsIndex = map[string]bool{"Identity": true, "Cast": true, "Gather": true, "GatherND": true, "Reshape": true, "Squeeze": true, "Unsqueeze": true,
	"Flatten": true, "Slice": true, "Transpose": true, "Split": true, "Expand": true}

// name names new ops after the node that they come from.
func (c *call) name(ops []*graph.Value) {
	name := c.node.Name
	if name == "" && len(c.node.Outputs) > 0 {
		name = c.node.Outputs[0]
	}
	for _, v := range ops {
		if v.Op != nil {
			v.Name = name
		}
	}
}

// nested reports whether the node has graphs of its own. Their nodes see values around them.
func (c *call) nested() bool {
	for _, a := range c.attrs {
		if a.Graph != nil {
			return true
		}
	}
	return false
}

// function runs a function that the model defines.
func (im *importer) function(c *call, f *Function) []*value {
	inner := &scope{values: map[string]*value{}, attrs: map[string]*Attribute{}, opsets: f.Opsets, depth: c.scope.depth + 1}
	for i, name := range f.Inputs {
		if i < len(c.in) && c.in[i] != nil {
			inner.values[name] = c.in[i]
		}
	}
	for _, a := range f.Defaults {
		inner.attrs[a.Name] = a
	}
	for name, a := range c.attrs {
		inner.attrs[name] = a
	}
	im.run(inner, f.Nodes)
	outs := make([]*value, len(f.Outputs))
	for i, name := range f.Outputs {
		outs[i] = inner.get(name)
	}
	return outs
}

// fold runs a node whose inputs are all known. What its converter leaves to a graph is
// computed at once.
func (im *importer) fold(c *call, convert converter) []*value {
	var outs []*value
	g, err := im.trace(func() {
		outs = convert(c)
		for _, v := range outs {
			if v != nil && v.host == nil {
				im.g.Output("", v.dev)
				if v.rows != nil {
					im.g.Output("", v.rows.n)
				}
			}
		}
		im.g.Output("", im.g.Const(tensor.New()))
	})
	check(err)
	if len(g.Outputs) == 1 {
		return outs
	}
	for _, o := range g.Outputs {
		c.bound(o.Value.Shape)
	}
	results, err := g.Eval(context.Background())
	check(err)
	for i, v := range outs {
		if v != nil && v.host == nil {
			a, err := toArray(v.typ, v.shape, results[0].Data)
			check(err)
			results = results[1:]
			if v.rows != nil {
				a, results = a.firstRows(v.rows.along, int(results[0].Data[0])), results[1:]
			}
			outs[i] = known(a)
		}
	}
	return outs
}
