package onnx

import "maps"

// control has the operators that run other graphs. What decides them must be known.
func control() map[string]converter {
	return map[string]converter{"If": convertIf}
}

// graph returns an attribute that is a graph.
func (c *call) graph(name string) *Graph {
	a := c.attrs[name]
	if a == nil || a.Graph == nil {
		failf("no graph %s", name)
	}
	return a.Graph
}

// body runs a graph of the node with these inputs.
func (c *call) body(g *Graph, inputs []*value) []*value {
	s := &scope{values: map[string]*value{}, attrs: c.scope.attrs, opsets: maps.Clone(c.scope.opsets), parent: c.scope, depth: c.scope.depth + 1}
	c.im.initial(s, g)
	if len(inputs) != len(g.Inputs) {
		failf("%d inputs for a graph that has %d", len(inputs), len(g.Inputs))
	}
	for i, info := range g.Inputs {
		s.values[info.Name] = inputs[i]
	}
	c.im.run(s, g.Nodes)
	outs := make([]*value, len(g.Outputs))
	for i, info := range g.Outputs {
		if outs[i] = s.get(info.Name); outs[i] == nil {
			failf("output %.80q is not made by any node", info.Name)
		}
	}
	return outs
}

func convertIf(c *call) []*value {
	if cond := c.known(0); cond.Len() == 1 && cond.At(0) != 0 {
		return c.body(c.graph("then_branch"), nil)
	}
	return c.body(c.graph("else_branch"), nil)
}
