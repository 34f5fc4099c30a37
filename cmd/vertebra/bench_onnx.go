package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/bench"
	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/onnx"
	"github.com/vertebra/vertebra/onnx/cases"
	"github.com/vertebra/vertebra/tensor"
)

// onnx makes m of an ONNX file with its inputs.
func (b *benchModel) onnx(c *cobra.Command, path string, m *measured) error {
	for _, name := range []string{"weights", "key", "case", "size", "tower", "batch", "scale"} {
		if c.Flags().Changed(name) {
			return fmt.Errorf("--%s is not for an ONNX file", name)
		}
	}
	if b.runs < 0 {
		return fmt.Errorf("--runs %d, want 0 or more", b.runs)
	}
	file, err := onnx.Open(path)
	if err != nil {
		return err
	}
	m.close = file.Close
	inputs, wanted, err := b.arrays(file)
	if err != nil {
		return err
	}
	n, err := onnx.ImportFor(file, onnx.Options{}, inputs)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", files.Quote(path), err)
	case n.Graph == nil:
		return fmt.Errorf("%s: no input decides an output: there is nothing to measure", files.Quote(path))
	case n.Fault != nil && !b.quiet:
		complain(c.ErrOrStderr(), files.Named(path, n.Fault))
	}
	xs, err := n.Feed(inputs)
	if err != nil {
		return err
	}
	m.Name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	if m.Name == "model" {
		m.Name = filepath.Base(filepath.Dir(path))
	}
	b.times(&m.ModelOptions)
	if wanted != nil {
		m.Check = differences(n, wanted)
	}
	m.run = func(ctx context.Context, d *gpu.Device) (bench.ModelResult, error) {
		return bench.Graph(ctx, d, n.Graph, xs, m.ModelOptions)
	}
	return nil
}

// arrays reads the inputs that --input names, or makes random ones, and reads the outputs in
// the same folder.
func (b *benchModel) arrays(m *onnx.Model) (inputs map[string]*onnx.Array, outputs []*onnx.Array, err error) {
	if b.input == "" {
		s, err := randomSet(m, nil)
		if err != nil {
			return nil, nil, fmt.Errorf("%w; give --input", err)
		}
		inputs, err = s.Named(m)
		return inputs, nil, err
	}
	if inputs, err = readArrays(m, b.input); err != nil {
		return nil, nil, err
	}
	if info, err := os.Stat(b.input); err == nil && info.IsDir() {
		if outputs, err = cases.Arrays(b.input, "output"); err != nil {
			return nil, nil, err
		}
	}
	return inputs, outputs, nil
}

// differences compares the results of a network with what they should be.
func differences(n *onnx.Network, wanted []*onnx.Array) bench.Check {
	return func(outputs []*tensor.Tensor) (abs, relative float64, err error) {
		got, err := n.Results(outputs)
		if err != nil {
			return 0, 0, err
		}
		if len(got) < len(wanted) {
			return 0, 0, errors.New("there are fewer outputs than the folder has")
		}
		for i, w := range wanted {
			x, err := got[i].Tensor()
			if err != nil {
				return 0, 0, err
			}
			y, err := w.Tensor()
			if err != nil {
				return 0, 0, err
			}
			d, err := tensor.Diff(x, y)
			if err != nil {
				return 0, 0, fmt.Errorf("output %s: %w", n.Outputs[i].Name, err)
			}
			abs, relative = max(abs, d.Max), max(relative, d.Relative)
		}
		return abs, relative, nil
	}
}
