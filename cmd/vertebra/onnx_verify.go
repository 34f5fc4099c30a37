package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"

	"github.com/vertebra/vertebra/golden"
	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/onnx"
	"github.com/vertebra/vertebra/onnx/cases"
	"github.com/vertebra/vertebra/tensor"
)

// halfTolerance is the largest difference of a model whose inputs are float16.
const halfTolerance = 1e-2

// onnx checks an ONNX file on each set of data beside it. Failures go to the report; the
// error is ctx's.
func (v *verifier) onnx(ctx context.Context, path string) error {
	m, err := onnx.Open(path)
	if err != nil {
		v.fail(filepath.Base(path), err)
		return nil
	}
	defer m.Close()
	sets, err := cases.Sets(filepath.Dir(path))
	if err != nil {
		s, bad := randomSet(m)
		if bad != nil {
			v.fail(filepath.Base(path), fmt.Errorf("%w, and random numbers will not do: %w", err, bad))
			return nil
		}
		sets = []cases.Set{s}
	}
	for _, s := range sets {
		r := verifyCase{Name: filepath.Base(path) + "/" + s.Name, Pass: true, Tolerance: golden.ModelTolerance}
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

// randomSet is random inputs of a model without free dimensions, and no outputs.
func randomSet(m *onnx.Model) (cases.Set, error) {
	s := cases.Set{Name: "random"}
	r := rand.New(rand.NewPCG(1, 1))
	for _, in := range m.Given() {
		shape, n := make(tensor.Shape, len(in.Dims)), 1
		for i, d := range in.Dims {
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

// onnxSet compares the results with those of s, as the model runs by default, and then the
// value of each node with that of plain Go.
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
	p, err := v.machine.compile(n.Graph, gpu.Choice{})
	if err != nil {
		return nil, err
	}
	defer p.close()
	if err := p.poison(); err != nil {
		return nil, err
	}
	return p.run(ctx, xs...)
}

// onnxNodes compares the values of all nodes on the device and in plain Go.
func (v *verifier) onnxNodes(ctx context.Context, m *onnx.Model, inputs map[string]*onnx.Array, r *verifyCase) error {
	if v.machine.dev == nil {
		return nil
	}
	n, err := onnx.ImportFor(m, onnx.Options{Plain: true}, inputs)
	if err != nil || n.Graph == nil {
		return err
	}
	n.Graph.Outputs = n.Graph.Stages
	got, err := v.onnxRun(ctx, n, inputs)
	if err != nil {
		return err
	}
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
		if err == nil && d.Relative <= r.Tolerance {
			continue
		}
		r.Pass, r.Diverges = false, w.Name
		if r.Where == "" || err != nil {
			r.Where = fmt.Sprintf("%s%v: %v, plain Go has %v", w.Name, d.Index, d.Got, d.Want)
		}
		return nil
	}
	return nil
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
	if d.Relative >= r.Error && d.Max > 0 {
		r.Where = fmt.Sprintf("%s%v: %v, want %v", name, d.Index, d.Got, d.Want)
	}
	r.Error = max(r.Error, d.Relative)
	r.Pass = r.Pass && d.Relative <= r.Tolerance
	return nil
}
