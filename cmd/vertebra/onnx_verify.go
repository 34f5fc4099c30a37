package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"

	"github.com/vertebra/vertebra/golden"
	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/onnx"
	"github.com/vertebra/vertebra/onnx/cases"
	"github.com/vertebra/vertebra/tensor"
)

// halfTolerance is the largest difference of a model whose inputs are float16.
const halfTolerance = 1e-2

// caseName is what reports call an ONNX file: its name, or that of its folder if the file is
// called as in many folders.
func caseName(path string) string {
	if name := filepath.Base(path); name != "model.onnx" {
		return name
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return filepath.Base(filepath.Dir(whole))
}

// onnx checks an ONNX file on each set of data beside it. With mayLeave, it skips a file
// without data that random numbers will not do for. Failures go to the report; the error
// is ctx's.
func (v *verifier) onnx(ctx context.Context, path string, mayLeave bool) error {
	m, err := onnx.Open(path)
	if err != nil {
		v.fail(caseName(path), err)
		return nil
	}
	defer m.Close()
	sets, err := cases.Sets(filepath.Dir(path))
	if err != nil && !errors.Is(err, cases.ErrNone) {
		v.fail(caseName(path), err)
		return nil
	}
	if err != nil {
		s, bad := randomSet(m, v.dim)
		if bad != nil && mayLeave {
			v.skip(caseName(path), fmt.Errorf("%w, and random numbers will not do: %w", err, bad))
			return nil
		}
		if bad != nil {
			v.fail(caseName(path), fmt.Errorf("%w, and random numbers will not do: %w", err, bad))
			return nil
		}
		sets = []cases.Set{s}
	}
	for _, s := range sets {
		r := verifyCase{Name: caseName(path) + "/" + s.Name, Pass: true, Tolerance: golden.ModelTolerance}
		if in := m.Given(); len(in) > 0 && in[0].Type == onnx.Float16 {
			r.Tolerance = halfTolerance
		}
		if err := v.onnxSet(ctx, m, s, &r); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.Pass, r.Problem = false, withoutCall(err)
		}
		v.add(r)
	}
	return nil
}

// randomSet is random inputs of a model whose free dimensions dim binds, and no outputs.
func randomSet(m *onnx.Model, dim []string) (cases.Set, error) {
	s := cases.Set{Name: "random"}
	dims, err := boundDims(dim)
	if err == nil {
		err = m.CheckDims(dims)
	}
	if err != nil {
		return s, err
	}
	r := rand.New(rand.NewPCG(1, 1))
	for _, in := range m.Given() {
		shape, n := make(tensor.Shape, len(in.Dims)), 1
		for i, d := range in.Dims {
			if n, ok := dims[d.Name]; ok && d.N < 0 {
				d.N = int64(n)
			}
			if d.N < 0 {
				return s, fmt.Errorf("dimension %d of input %s is free: %v; --dim NAME=N binds one that has a name", i, files.Quote(in.Name), in.Dims)
			}
			if d.N < 1 || d.N > 1<<30/int64(n) {
				return s, fmt.Errorf("input %s is %v", files.Quote(in.Name), in.Dims)
			}
			shape[i] = int(d.N)
			n *= shape[i]
		}
		a := onnx.Floats(make([]float32, n), shape...)
		for i := range a.F {
			a.F[i] = r.Float32()
		}
		a, err := a.As(in.Type)
		if err != nil {
			return s, err
		}
		s.Inputs = append(s.Inputs, a)
	}
	return s, nil
}

// onnxSet compares the results with those of s, or of plain Go if s has none, as the model
// runs by default, and then the value of each node with that of plain Go.
func (v *verifier) onnxSet(ctx context.Context, m *onnx.Model, s cases.Set, r *verifyCase) error {
	inputs, err := s.Named(m)
	if err != nil {
		return err
	}
	n, err := onnx.ImportFor(m, onnx.Options{}, inputs)
	if err != nil {
		return err
	}
	if n.Fault != nil {
		return n.Fault
	}
	var outputs []*tensor.Tensor
	if n.Graph != nil {
		if outputs, err = v.onnxRun(ctx, n, inputs); err != nil {
			return err
		}
	}
	if len(s.Outputs) == 0 && n.Graph != nil {
		if err := v.onnxPlain(ctx, n, inputs, outputs, r); err != nil {
			return err
		}
	}
	results, err := n.Results(outputs)
	if err != nil {
		return err
	}
	for i, want := range s.Outputs {
		if i >= len(results) {
			return fmt.Errorf("%d outputs, want %d", len(results), len(s.Outputs))
		}
		if err := r.compare(n.Outputs[i].Name, results[i], want); err != nil {
			return err
		}
	}
	return v.onnxNodes(ctx, m, inputs, r)
}

// onnxRun runs a network in memory filled with NaN.
func (v *verifier) onnxRun(ctx context.Context, n *onnx.Network, inputs map[string]*onnx.Array) ([]*tensor.Tensor, error) {
	xs, err := n.Feed(inputs)
	if err != nil {
		return nil, err
	}
	return v.graph(ctx, n.Graph, xs)
}

// graph runs a graph in memory filled with NaN.
func (v *verifier) graph(ctx context.Context, g *graph.Graph, xs []*tensor.Tensor) ([]*tensor.Tensor, error) {
	p, err := v.machine.compile(g, gpu.Choice{})
	if err != nil {
		return nil, err
	}
	defer p.close()
	if err := p.poison(); err != nil {
		return nil, err
	}
	return p.run(ctx, xs...)
}

// compare merges the error of an output into r.
func (r *verifyCase) compare(name string, got, want *onnx.Array) error {
	if got.Type != want.Type {
		return fmt.Errorf("output %s is %v, want %v", name, got.Type, want.Type)
	}
	g, err := got.Tensor()
	if err != nil {
		return err
	}
	w, err := want.Tensor()
	if err != nil {
		return err
	}
	d, err := tensor.Diff(g, w)
	if err != nil {
		return fmt.Errorf("output %s: %w", name, err)
	}
	r.note(name, d)
	return nil
}
