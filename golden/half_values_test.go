//go:build sweep

package golden_test

import (
	"context"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/golden"
	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// TestF16Values runs models whose values between ops are f16, with the kernels for GPUs. The
// results are within 2e-3 of f32, or not much farther than those of Eval with all values
// rounded.
func TestF16Values(t *testing.T) {
	d, err := gpu.Open(gpu.Options{Kind: "gpu", F16Values: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	narrow := 0
	t.Run("files", func(t *testing.T) {
		eachFile(t, "*.safetensors", func(t *testing.T, _ *gpu.Device, c golden.Case) {
			if c.Graph == nil || c.Tolerance != golden.ModelTolerance {
				return
			}
			p, err := d.Compile(c.Graph)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if strings.Contains(p.String(), " h") {
				narrow++
			}
			got, err := p.Run(context.Background(), c.Inputs...)
			if err != nil {
				t.Fatal(err)
			}
			var rounded []*tensor.Tensor
			for i, want := range c.Want {
				diff, err := c.Diff(i, got[i])
				if err == nil && diff.Relative <= 2e-3 {
					continue
				}
				if rounded == nil {
					if rounded, err = withRoundedValues(c.Graph).Eval(context.Background(), c.Inputs...); err != nil {
						t.Fatal(err)
					}
				}
				plain, err := c.Diff(i, rounded[i])
				t.Logf("%s: %.1e from f32, Eval with rounded values %.1e", want.Name, diff.Relative, plain.Relative)
				if err != nil || !(diff.Relative <= 1.5*plain.Relative) {
					t.Errorf("%s: %v, Eval with rounded values: %v", want.Name, diff, plain)
				}
			}
		})
	})
	if narrow == 0 {
		t.Error("no plan has f16 values")
	}
}

// rounding is an op whose result is rounded to f16.
type rounding struct{ graph.Op }

func (o rounding) Eval(args []*tensor.Tensor) *tensor.Tensor {
	y := o.Op.Eval(args)
	out := tensor.New(y.Shape...)
	for i, x := range y.Data {
		out.Data[i] = tensor.FromHalf(tensor.Half(x))
	}
	return out
}

// withRoundedValues returns g with the results of all ops rounded to f16, but for outputs.
func withRoundedValues(g *graph.Graph) *graph.Graph {
	g = g.Fuse()
	outputs := map[*graph.Value]bool{}
	for _, o := range g.Outputs {
		outputs[o.Value] = true
	}
	for _, v := range g.Nodes {
		if v.Op != nil && !outputs[v] {
			v.Op = rounding{v.Op}
		}
	}
	return g
}
