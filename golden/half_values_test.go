//go:build sweep

package golden_test

import (
	"context"
	"math/rand/v2"
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
			var worst []float64
			for i, want := range c.Want {
				diff, err := c.Diff(i, got[i])
				if err == nil && diff.Relative <= 2e-3 {
					continue
				}
				if worst == nil {
					worst = roundedValues(t, c)
				}
				t.Logf("%s: %.1e from f32, Eval with rounded values up to %.1e", want.Name, diff.Relative, worst[i])
				if err != nil || !(diff.Relative <= 1.5*worst[i]) {
					t.Errorf("%s: %v, Eval with rounded values: up to %.1e", want.Name, diff, worst[i])
				}
			}
		})
	})
	if narrow == 0 {
		t.Error("no plan has f16 values")
	}
}

// roundedValues returns how far each output of Eval with rounded values is from f32, at most,
// over eight inputs that differ by 1e-6: the last bits decide what is rounded up, and in
// sam_mask_decoder the distance then is 4e-3 to 7e-3.
func roundedValues(t *testing.T, c golden.Case) []float64 {
	g, worst := withRoundedValues(c.Graph), make([]float64, len(c.Want))
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 1))
		var inputs []*tensor.Tensor
		for _, x := range c.Inputs {
			near := tensor.New(x.Shape...)
			for i, v := range x.Data {
				near.Data[i] = v
				if v != float32(int64(v)) { // it may be an index
					near.Data[i] *= 1 + 1e-6*float32(random.NormFloat64())
				}
			}
			inputs = append(inputs, near)
		}
		y, err := g.Eval(context.Background(), inputs...)
		if err != nil {
			t.Fatal(err)
		}
		for i := range worst {
			diff, err := c.Diff(i, y[i])
			if err != nil {
				t.Fatal(err)
			}
			worst[i] = max(worst[i], diff.Relative)
		}
	}
	return worst
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
