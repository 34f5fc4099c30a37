package vision

import (
	"context"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// Plan is a graph that is ready to run, such as a *gpu.Plan.
type Plan interface {
	Run(ctx context.Context, inputs ...*tensor.Tensor) ([]*tensor.Tensor, error)
	Close() error
}

// Compiler makes a graph ready to run, on a GPU for one. What takes more graphs
// than one to compute is given a Compiler.
type Compiler func(*graph.Graph) (Plan, error)

// Evaluate is the Compiler that needs no GPU: graphs run in plain Go.
func Evaluate(g *graph.Graph) (Plan, error) { return onCPU{g}, nil }

type onCPU struct{ g *graph.Graph }

func (e onCPU) Run(ctx context.Context, inputs ...*tensor.Tensor) ([]*tensor.Tensor, error) {
	return e.g.Eval(ctx, inputs...)
}

func (onCPU) Close() error { return nil }
