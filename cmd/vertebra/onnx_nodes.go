package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/onnx"
	"github.com/vertebra/vertebra/tensor"
)

// onnxPlain compares the outputs of a network with those of plain Go.
func (v *verifier) onnxPlain(ctx context.Context, n *onnx.Network, inputs map[string]*onnx.Array, got []*tensor.Tensor, r *verifyCase) error {
	xs, err := n.Feed(inputs)
	if err != nil {
		return err
	}
	want, err := n.Graph.Eval(ctx, xs...)
	if err != nil {
		return err
	}
	for i, w := range want {
		d, err := tensor.Diff(got[i], w)
		if err != nil {
			return fmt.Errorf("output %s: %w", n.Graph.Outputs[i].Name, err)
		}
		r.note(n.Graph.Outputs[i].Name, d)
	}
	return nil
}

// mostOps is how many ops of a file run at once, apart from each other.
const mostOps = 64

// onnxNodes compares each op of a file on the device with plain Go. Each gets the values
// that plain Go has for its arguments, so that no op answers for those before it.
func (v *verifier) onnxNodes(ctx context.Context, m *onnx.Model, inputs map[string]*onnx.Array, r *verifyCase) error {
	if v.machine.dev == nil {
		return nil
	}
	n, err := onnx.ImportFor(m, onnx.Options{Plain: true}, inputs)
	if err != nil || n.Graph == nil {
		return err
	}
	xs, err := n.Feed(inputs)
	if err != nil {
		return err
	}
	values, ops, err := allValues(ctx, n.Graph, xs)
	if err != nil {
		return err
	}
	names := map[*graph.Value]string{}
	for _, s := range n.Graph.Stages {
		names[s.Value] = s.Name
	}
	for part := range slices.Chunk(ops, mostOps) {
		got, err := v.apart(ctx, part, values)
		if err != nil {
			return err
		}
		for i, op := range part {
			d, err := tensor.Diff(got[i], values[op])
			if err == nil && d.Relative <= r.Tolerance {
				continue
			}
			r.Pass, r.Diverges = false, cmp.Or(names[op], op.Name)
			if r.Where == "" || err != nil {
				r.Where = fmt.Sprintf("%s%v: %v, plain Go has %v", r.Diverges, d.Index, d.Got, d.Want)
			}
			return nil
		}
	}
	return nil
}

// allValues computes the values of all ops of g in plain Go.
func allValues(ctx context.Context, g *graph.Graph, inputs []*tensor.Tensor) (values map[*graph.Value]*tensor.Tensor, ops []*graph.Value, err error) {
	values = map[*graph.Value]*tensor.Tensor{}
	for i, v := range g.Inputs {
		values[v] = inputs[i]
	}
	whole := *g
	whole.Outputs = nil
	for _, v := range g.Nodes {
		if v.Op != nil {
			ops = append(ops, v)
			whole.Outputs = append(whole.Outputs, graph.Output{Name: v.Name, Value: v})
		}
	}
	made, err := whole.Eval(ctx, inputs...)
	for i := range made {
		values[ops[i]] = made[i]
	}
	return values, ops, err
}

// apart computes ops on the device, each on values of its arguments.
func (v *verifier) apart(ctx context.Context, ops []*graph.Value, values map[*graph.Value]*tensor.Tensor) ([]*tensor.Tensor, error) {
	var xs []*tensor.Tensor
	g, err := graph.Trace(func(g *graph.Graph) {
		at := map[*graph.Value]*graph.Value{}
		for _, op := range ops {
			args := make([]*graph.Value, len(op.Args))
			for i, a := range op.Args {
				if at[a] == nil && a.Const != nil {
					at[a] = g.Const(a.Tensor(nil))
				}
				if at[a] == nil {
					at[a] = g.Input(fmt.Sprint("x", len(xs)), a.Shape...)
					xs = append(xs, values[a])
				}
				args[i] = at[a]
			}
			own := graph.Apply(op.Op, args...)
			own.Name = op.Name
			g.Output(op.Name, own)
		}
	})
	if err != nil {
		return nil, err
	}
	return v.graph(ctx, g, xs)
}

// note merges the difference of an output into r.
func (r *verifyCase) note(name string, d tensor.Difference) {
	if d.Relative >= r.Error && d.Max > 0 {
		r.Where = fmt.Sprintf("%s%v: %v, want %v", name, d.Index, d.Got, d.Want)
	}
	r.Error = max(r.Error, d.Relative)
	r.Pass = r.Pass && d.Relative <= r.Tolerance
}
