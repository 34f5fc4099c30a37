package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/onnx"
	"github.com/vertebra/vertebra/tensor"
)

// runONNX runs an ONNX file on tensors. Their order of dimensions is the file's.
func (r *rawRun) runONNX(c *cobra.Command, path string) error {
	for _, name := range []string{"weights", "key", "classes", "layout", "layer"} {
		if f := c.Flags().Lookup(name); f != nil && f.Changed {
			return fmt.Errorf("--%s is not for an ONNX file", name)
		}
	}
	m, err := onnx.Open(path)
	if err != nil {
		return err
	}
	defer m.Close()
	inputs, err := readArrays(m, r.input)
	if err != nil {
		return err
	}
	dims, err := boundDims(r.dims)
	if err != nil {
		return err
	}
	if err := bindsAll(m, dims, inputs); err != nil {
		return files.Named(path, err)
	}
	n, err := onnx.ImportFor(m, onnx.Options{Dims: dims}, inputs)
	if err != nil {
		return fmt.Errorf("%s: %w", files.Quote(path), err)
	}
	if n.Fault != nil && !r.quiet {
		complain(c.ErrOrStderr(), files.Named(path, n.Fault))
	}
	on, err := r.settings.open()
	if err != nil {
		return err
	}
	defer on.close()
	results, err := on.onnx(c, n, inputs)
	if err != nil {
		return err
	}
	if err := writeArrays(r.output, n.Outputs, results); err != nil {
		return err
	}
	return r.tellONNX(c, on, n, results)
}

// bindsAll returns an error if no input has a dimension of dims, or an input another extent
// there.
func bindsAll(m *onnx.Model, dims map[string]int, inputs map[string]*onnx.Array) error {
	if err := m.CheckDims(dims); err != nil {
		return err
	}
	for _, in := range m.Given() {
		a := inputs[in.Name]
		for i, d := range in.Dims {
			if n, ok := dims[d.Name]; ok && d.N < 0 && a != nil && i < len(a.Shape) && a.Shape[i] != n {
				return fmt.Errorf("dimension %s is %d, and input %s is %v", files.Quote(d.Name), n, files.Quote(in.Name), a.Shape)
			}
		}
	}
	return nil
}

// onnx computes a network.
func (m *machine) onnx(c *cobra.Command, n *onnx.Network, inputs map[string]*onnx.Array) ([]*onnx.Array, error) {
	var outputs []*tensor.Tensor
	if n.Graph != nil {
		xs, err := n.Feed(inputs)
		if err != nil {
			return nil, err
		}
		p, err := m.compile(n.Graph, gpu.Choice{})
		if err != nil {
			return nil, err
		}
		defer p.close()
		if outputs, err = p.run(c.Context(), xs...); err != nil {
			return nil, err
		}
	}
	return n.Results(outputs)
}

// tellONNX prints what was written.
func (r *rawRun) tellONNX(c *cobra.Command, on *machine, n *onnx.Network, results []*onnx.Array) error {
	out := c.OutOrStdout()
	w := writtenTensors{Output: r.output, Device: on.String()}
	for i, p := range n.Outputs {
		w.Tensors = append(w.Tensors, writtenTensor{p.Name, results[i].Shape})
	}
	switch {
	case r.json:
		return printJSON(out, w)
	case r.quiet:
		return nil
	}
	_, err := fmt.Fprintf(out, "device: %v\n", on)
	for _, t := range w.Tensors {
		_, bad := fmt.Fprintf(out, "%s: %s %v\n", files.Quote(r.output), files.Quote(t.Name), t.Shape)
		err = errors.Join(err, bad)
	}
	return err
}
