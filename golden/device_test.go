package golden_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/golden"
	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
)

// device opens a device for a test. The test fails if there is none; a software
// Vulkan is enough.
func device(t *testing.T) *gpu.Device {
	t.Helper()
	d, err := gpu.Open(gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// everyProgram runs g with the first choice of programs, or with the tag sweep with each
// candidate program of its ops. It runs three times on one plan with its memory poisoned,
// and compares with want.
func everyProgram(t *testing.T, d *gpu.Device, g *graph.Graph, inputs, want []*tensor.Tensor, tolerance float64) {
	t.Helper()
	for c := range gpu.Candidates(gpu.Choice{}) {
		p, err := d.CompileWith(g, c.Choice)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if err := p.Poison(); err != nil {
			t.Fatal(err)
		}
		for run := range 3 {
			got, err := p.Run(context.Background(), inputs...)
			if err != nil {
				t.Fatal(err)
			}
			for k := range want {
				if diff, err := tensor.Diff(got[k], want[k]); err != nil || !(diff.Relative <= tolerance) {
					t.Errorf("%s, run %d, output %d: %v, %v", c.Name, run, k, diff, err)
				}
			}
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if !sweep {
			break
		}
	}
}

// TestOps compares kernels with the official implementations.
func TestOps(t *testing.T) {
	eachFile(t, "op_*.safetensors", func(t *testing.T, d *gpu.Device, c golden.Case) {
		if c.Host != nil {
			return
		}
		t.Run(c.Name, func(t *testing.T) { everyProgram(t, d, c.Graph, c.Inputs, c.Want, c.Tolerance) })
	})
}

// TestModels compares whole models with the official implementations: in their
// default form and stage by stage.
func TestModels(t *testing.T) {
	eachFile(t, "*.safetensors", func(t *testing.T, d *gpu.Device, c golden.Case) {
		if c.Run != nil {
			t.Run(c.Name, func(t *testing.T) { runMany(t, d, c, asItIs) })
		}
		if c.Graph == nil || c.Tolerance != golden.ModelTolerance {
			return // an op; TestOps checks it
		}
		t.Run(c.Name, func(t *testing.T) { runCase(t, d, c) })
		if len(c.Stages) > 0 {
			t.Run(c.Name+"/stages", func(t *testing.T) { runCase(t, d, c.Staged()) })
		}
	})
}

// eachFile calls f for each case of the reference files. Files run in parallel on one
// device.
func eachFile(t *testing.T, pattern string, f func(t *testing.T, d *gpu.Device, c golden.Case)) {
	d := device(t)
	for _, path := range references(t, pattern) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			cases, err := golden.Load(path)
			if errors.Is(err, golden.ErrUnknown) && !strings.HasPrefix(filepath.Base(path), "op_") {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range cases {
				f(t, d, c)
			}
		})
	}
}

func asItIs(g *graph.Graph) *graph.Graph { return g }

// runMany checks a case with several graphs and rewrites each graph.
func runMany(t *testing.T, d *gpu.Device, c golden.Case, rewrite func(*graph.Graph) *graph.Graph) {
	got, err := c.Run(context.Background(), func(g *graph.Graph) (vision.Plan, error) {
		p, err := d.Compile(rewrite(g))
		if err != nil {
			return nil, err
		}
		return p, p.Poison()
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range c.Want {
		if diff, err := c.Diff(i, got[i]); err != nil || !(diff.Relative <= c.Tolerance) {
			t.Errorf("%s: %v, %v", want.Name, diff, err)
		}
	}
}

func runCase(t *testing.T, d *gpu.Device, c golden.Case) {
	p, err := d.Compile(c.Graph)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Poison(); err != nil {
		t.Fatal(err)
	}
	got, err := p.Run(context.Background(), c.Inputs...)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range c.Want {
		if diff, err := c.Diff(i, got[i]); err != nil || !(diff.Relative <= c.Tolerance) {
			t.Errorf("%s: %v, %v", want.Name, diff, err)
		}
	}
}
