package onnx

import (
	"maps"
	"math"
	"slices"

	"github.com/vertebra/vertebra/tensor"
)

// control has the operators that run other graphs. What decides them must be known; loops
// are unrolled.
func control() map[string]converter {
	return map[string]converter{
		"If":   convertIf,
		"Loop": convertLoop,
		"Scan": convertScan,
	}
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
	v := c.arg(0)
	if before := v.needs != 0 && v.needs&^c.im.given == 0 && !v.late; v.host == nil && !before {
		return c.both()
	}
	if cond := c.known(0); cond.Len() == 1 && cond.At(0) != 0 {
		return c.body(c.graph("then_branch"), nil)
	}
	return c.body(c.graph("else_branch"), nil)
}

// both runs both branches, whose results differ in numbers alone, and lets the run choose.
func (c *call) both() []*value {
	if c.arg(0).shape.Len() != 1 || c.arg(0).rows != nil {
		failf("a condition of shape %v", c.arg(0).shape)
	}
	yes, no := c.body(c.graph("then_branch"), nil), c.body(c.graph("else_branch"), nil)
	if len(yes) != len(no) {
		failf("branches with %d and %d outputs", len(yes), len(no))
	}
	outs := make([]*value, len(yes))
	for i := range outs {
		v := *c.merged(c.arg(0).dev, yes[i], no[i])
		v.needs |= yes[i].needs | no[i].needs
		outs[i] = &v
	}
	return outs
}

// must returns the only number of v, which must be known.
func (c *call) must(v *value) float64 {
	if v.names != nil || v.late {
		failf("a number of rows, known only after the run, decides")
	}
	if v.host == nil {
		panic(failure{c.im.needed(v.needs)})
	}
	if v.host.Len() != 1 {
		failf("a condition or count of shape %v", v.shape)
	}
	return v.host.At(0)
}

// convertLoop runs its body as often as the count and the condition say, which must be
// known after each turn.
func convertLoop(c *call) []*value {
	g := c.graph("body")
	turns := math.Inf(1)
	if c.has(0) {
		turns = c.must(c.in[0])
	}
	cond := known(&Array{Type: Bool, Shape: tensor.Shape{}, I: []int64{1}})
	if c.has(1) {
		cond = c.in[1]
	}
	state := slices.Clone(c.in[min(2, len(c.in)):])
	if len(g.Outputs) < 1+len(state) {
		failf("a body with %d outputs for %d values", len(g.Outputs), len(state))
	}
	scans := make([][]*value, len(g.Outputs)-1-len(state))
	for turn := 0; float64(turn) < turns && c.must(cond) != 0; turn++ {
		number := known(&Array{Type: Int64, Shape: tensor.Shape{}, I: []int64{int64(turn)}})
		outs := c.body(g, append([]*value{number, cond}, state...))
		cond = outs[0]
		state = outs[1 : 1+len(state)]
		for i, v := range outs[1+len(state):] {
			scans[i] = append(scans[i], v)
		}
	}
	for i, vs := range scans {
		state = append(state, c.stack(0, vs, g.Outputs[len(g.Outputs)-len(scans)+i]))
	}
	return state
}

// stack joins values along a new axis. Without values it takes the shape from the file.
func (c *call) stack(axis int, vs []*value, info *Info) *value {
	if len(vs) == 0 {
		s := tensor.Shape{0}
		for _, d := range info.Dims {
			s = append(s, int(min(max(d.N, 0), mostElements)))
		}
		if !info.Rank || axis != 0 {
			failf("no turn is run, and the file has no shape of %.80q", info.Name)
		}
		return known(newArray(info.Type, s))
	}
	axis = axisOf(axis, len(vs[0].shape)+1)
	parts := make([]*value, len(vs))
	for i, v := range vs {
		if v = c.device(v); v.rows != nil {
			failf("the number of rows of %.80q is known only after the run", info.Name)
		}
		parts[i] = v.reshape(slices.Insert(v.shape.Clone(), axis, 1))
	}
	return c.concat(axis, parts...)
}

// convertScan runs its body for each index of the scanned inputs.
func convertScan(c *call) []*value {
	g, scanned := c.graph("body"), c.int("num_scan_inputs", 0)
	inputs := c.in
	if c.opset < 9 && len(inputs) > 0 {
		if c.has(0) {
			failf("lengths of sequences")
		}
		inputs = inputs[1:]
	}
	for i, v := range inputs {
		if inputs[i] = c.device(v); v != nil && v.rows != nil {
			c.refuse()
		}
	}
	states := len(inputs) - scanned
	if scanned < 1 || states < 0 || len(g.Outputs) < states {
		failf("%d scanned inputs of %d", scanned, len(inputs))
	}
	if c.opset < 9 {
		return c.scanBatch(g, inputs, states)
	}
	axes, back := c.scanAxes("scan_input_axes", scanned), c.scanAxes("scan_input_directions", scanned)
	results := len(g.Outputs) - states
	outAxes, outBack := c.scanAxes("scan_output_axes", results), c.scanAxes("scan_output_directions", results)
	return c.scan(g, inputs, states, axes, back, outAxes, outBack)
}

func (c *call) scanAxes(name string, n int) []int {
	v, ok := c.ints(name)
	if !ok {
		return make([]int, n)
	}
	if len(v) != n {
		failf("%s are %v, want %d numbers", name, v, n)
	}
	return v
}

func (c *call) scan(g *Graph, inputs []*value, states int, axes, back, outAxes, outBack []int) []*value {
	state := slices.Clone(inputs[:states])
	turns := -1
	for i, v := range inputs[states:] {
		axes[i] = axisOf(axes[i], len(v.shape))
		if n := v.shape[axes[i]]; turns >= 0 && n != turns {
			failf("scanned inputs have %d and %d indices", turns, n)
		} else {
			turns = n
		}
	}
	collected := make([][]*value, len(g.Outputs)-states)
	for turn := range turns {
		args := slices.Clone(state)
		for i, v := range inputs[states:] {
			at := turn
			if back[i] != 0 {
				at = turns - 1 - turn
			}
			args = append(args, c.cut(v, axes[i], at, 1).reshape(slices.Delete(v.shape.Clone(), axes[i], axes[i]+1)))
		}
		outs := c.body(g, args)
		state = outs[:states]
		for i, v := range outs[states:] {
			collected[i] = append(collected[i], v)
		}
	}
	for i, vs := range collected {
		if outBack[i] != 0 {
			slices.Reverse(vs)
		}
		state = append(state, c.stack(outAxes[i], vs, g.Outputs[states+i]))
	}
	return state
}

// scanBatch is the Scan of opset 8: the inputs have a batch in front, and each element of it
// is scanned alone along its first dimension.
func (c *call) scanBatch(g *Graph, inputs []*value, states int) []*value {
	scanned := len(inputs) - states
	results := make([][]*value, len(g.Outputs))
	if len(inputs[0].shape) == 0 {
		failf("an input without a batch")
	}
	back := c.scanAxes("directions", scanned)
	for b := range inputs[0].shape[0] {
		var args []*value
		for _, v := range inputs {
			if len(v.shape) == 0 || v.shape[0] != inputs[0].shape[0] {
				failf("inputs have different batches")
			}
			args = append(args, c.cut(v, 0, b, 1).reshape(v.shape[1:].Clone()))
		}
		none := make([]int, len(g.Outputs)-states)
		for i, v := range c.scan(g, args, states, make([]int, scanned), back, none, none) {
			results[i] = append(results[i], v)
		}
	}
	outs := make([]*value, len(results))
	for i, vs := range results {
		outs[i] = c.stack(0, vs, g.Outputs[i])
	}
	return outs
}
