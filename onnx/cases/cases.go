// Package cases runs ONNX models on the data that lies beside them, in folders
// test_data_set_N with a tensor a file, and compares the results.
package cases

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/onnx"
	"github.com/vertebra/vertebra/tensor"
)

// Set is the inputs of a run and the outputs that it must have.
type Set struct {
	Name    string
	Inputs  []*onnx.Array // in the order of Model.Given
	Outputs []*onnx.Array
}

// ErrNone is the error for a folder without data.
var ErrNone = errors.New("no test_data_set_0")

// Sets reads the sets of data in the folder of a model.
func Sets(folder string) ([]Set, error) {
	var sets []Set
	for n := 0; ; n++ {
		s := Set{Name: fmt.Sprintf("test_data_set_%d", n)}
		at := filepath.Join(folder, s.Name)
		if _, err := os.Stat(at); err != nil {
			break
		}
		var err error
		if s.Inputs, err = Arrays(at, "input"); err == nil {
			s.Outputs, err = Arrays(at, "output")
		}
		if err != nil {
			return nil, err
		}
		sets = append(sets, s)
	}
	if len(sets) == 0 {
		return nil, fmt.Errorf("%s: %w", files.Quote(folder), ErrNone)
	}
	return sets, nil
}

// Arrays reads KIND_0.pb, KIND_1.pb and so on.
func Arrays(folder, kind string) ([]*onnx.Array, error) {
	var all []*onnx.Array
	for n := 0; ; n++ {
		path := filepath.Join(folder, fmt.Sprintf("%s_%d.pb", kind, n))
		data, err := files.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		a, err := onnx.ReadTensor(data)
		if err != nil {
			return nil, files.Named(path, err)
		}
		all = append(all, a)
	}
}

// Compute runs a graph.
type Compute func(ctx context.Context, g *graph.Graph, inputs []*tensor.Tensor) ([]*tensor.Tensor, error)

// Tolerance is the largest allowed difference: the sum of its parts.
type Tolerance struct {
	Absolute  float64
	Relative  float64 // to the wanted number
	OfLargest float64 // to the largest wanted number of the output
}

// Named returns the inputs by the names that they have in a model.
func (s Set) Named(m *onnx.Model) (map[string]*onnx.Array, error) {
	given := m.Given()
	if len(given) < len(s.Inputs) {
		given = m.Graph.Inputs // data that replaces initialisers
	}
	if len(given) < len(s.Inputs) {
		return nil, fmt.Errorf("%d inputs for a model that has %d", len(s.Inputs), len(given))
	}
	named := map[string]*onnx.Array{}
	for i, a := range s.Inputs {
		named[given[i].Name] = a
	}
	return named, nil
}

// Run imports a model for s, computes it and compares all outputs: numbers within a
// tolerance, shapes and types exactly.
func (s Set) Run(ctx context.Context, m *onnx.Model, compute Compute, t Tolerance) error {
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
		xs, err := n.Feed(inputs)
		if err != nil {
			return err
		}
		if outputs, err = compute(ctx, n.Graph, xs); err != nil {
			return err
		}
	}
	results, err := n.Results(outputs)
	if err != nil {
		return err
	}
	if len(results) < len(s.Outputs) {
		return fmt.Errorf("%d outputs, want %d", len(results), len(s.Outputs))
	}
	for i, want := range s.Outputs {
		if err := t.Compare(results[i], want); err != nil {
			return fmt.Errorf("output %s: %w", n.Outputs[i].Name, err)
		}
	}
	return nil
}

// Compare returns an error if got is not want.
func (t Tolerance) Compare(got, want *onnx.Array) error {
	if got.Type != want.Type || !got.Shape.Equal(want.Shape) {
		return fmt.Errorf("%v %v, want %v %v", got.Type, got.Shape, want.Type, want.Shape)
	}
	largest := 0.0
	for i := range want.Len() {
		if m := math.Abs(want.At(i)); m > largest && !math.IsInf(m, 0) {
			largest = m
		}
	}
	worst, at := 0.0, -1
	for i := range want.Len() {
		g, w := got.At(i), want.At(i)
		if g == w || g != g && w != w {
			continue
		}
		d := math.Abs(g - w)
		if d <= t.Absolute+t.Relative*math.Abs(w)+t.OfLargest*largest && !math.IsInf(w, 0) {
			continue
		}
		if at < 0 || d > worst {
			worst, at = d, i
		}
	}
	if at >= 0 {
		return fmt.Errorf("element %d of %v is %v, want %v; the largest is %v", at, want.Shape, got.At(at), want.At(at), largest)
	}
	return nil
}
