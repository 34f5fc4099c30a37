package graph

import (
	"context"
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// Eval computes the outputs in plain Go on all cores. It is the reference for
// kernels, and runs a graph without a GPU. It stops between ops when ctx ends.
func (g *Graph) Eval(ctx context.Context, inputs ...*tensor.Tensor) ([]*tensor.Tensor, error) {
	if err := g.CheckInputs(inputs); err != nil {
		return nil, err
	}
	uses := map[*Value]int{}
	for _, v := range g.Nodes {
		for _, a := range v.Args {
			uses[a]++
		}
	}
	for _, o := range g.Outputs {
		uses[o.Value]++
	}
	at := map[*Value]*tensor.Tensor{}
	for i, v := range g.Inputs {
		at[v] = inputs[i]
	}
	for _, v := range g.Nodes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		switch {
		case uses[v] == 0 || v.Op == nil && v.Const == nil:
			continue
		case v.Const != nil:
			if !v.Const.Bound() {
				return nil, fmt.Errorf("graph: weight %s has no data", v.Name)
			}
			at[v] = v.Tensor(nil)
			continue
		case v.Shape.Len() == 0:
			at[v] = tensor.New(v.Shape...)
			continue
		}
		args := make([]*tensor.Tensor, len(v.Args))
		for i, a := range v.Args {
			args[i] = at[a]
		}
		at[v] = v.Op.Eval(args)
		for _, a := range v.Args {
			if uses[a]--; uses[a] == 0 {
				delete(at, a)
			}
		}
	}
	outputs := make([]*tensor.Tensor, len(g.Outputs))
	for i, o := range g.Outputs {
		t := at[o.Value]
		outputs[i] = &tensor.Tensor{Name: o.Name, Shape: t.Shape, Data: t.Data}
	}
	return outputs, nil
}

// CheckInputs returns an error if the number, shapes or data of inputs are wrong.
func (g *Graph) CheckInputs(inputs []*tensor.Tensor) error {
	if len(inputs) != len(g.Inputs) {
		return fmt.Errorf("graph: %d inputs given, want %d", len(inputs), len(g.Inputs))
	}
	for i, v := range g.Inputs {
		switch {
		case inputs[i] == nil:
			return fmt.Errorf("graph: input %s is nil", v.Name)
		case !inputs[i].Shape.Equal(v.Shape):
			return fmt.Errorf("graph: input %s is %v, want %v", v.Name, inputs[i].Shape, v.Shape)
		case len(inputs[i].Data) != v.Shape.Len():
			return fmt.Errorf("graph: input %s has %d elements, want %d", v.Name, len(inputs[i].Data), v.Shape.Len())
		}
	}
	return nil
}
