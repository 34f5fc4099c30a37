package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/weights"
)

func newRun(s *settings) *cobra.Command {
	r := &rawRun{modelFlags: modelFlags{settings: s}}
	c := &cobra.Command{
		Use:   "run MODEL --input X.safetensors --output Y.safetensors",
		Short: "Run a model on tensors",
		Long: `Runs a model on a tensor from a safetensors file and writes the results to another
file, for use in scripts. The input is the tensor named "x" or "input/x", or the only
tensor. It has preprocessed images [N, C, H, W], as in PyTorch. A single result gets
the name "out". Several results, and stages, have names of their own. "vertebra
summary MODEL" lists the stages. NaN and infinities in the input, or in the results, are
an error after the file is written.

MODEL may also be an ONNX file. Its input is then a .npy or .pb file with the only tensor,
a safetensors file with a tensor for each input by name, or a folder with input_0.pb,
input_1.pb and so on. The order of dimensions is the file's. The output is a safetensors
file with all results by name or, of a single one, a .npy or .pb file.`,
		Example: `  vertebra run resnet18 --weights resnet18-f37072fd.pth --input x.safetensors --output y.safetensors
  vertebra run unetpp_deepsup --weights w.pth --input x.safetensors --output y.safetensors --layer conv0_0 --layer conv4_0
  vertebra run lenet --input x.safetensors --output y.safetensors --device cpu
  vertebra run model.onnx --input x.npy --output y.safetensors`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return r.run(c, args[0]) },
	}
	r.weightsFlags(c, ofAny)
	r.towerFlags(c)
	dimFlag(c, &r.dims)
	r.layoutFlag(c)
	r.jsonFlag(c)
	f := c.Flags()
	f.StringVar(&r.input, "input", "", "file of tensors to read, safetensors unless MODEL is an ONNX file")
	f.StringVarP(&r.output, "output", "o", "", "file of tensors to write, safetensors unless MODEL is an ONNX file")
	f.StringArrayVar(&r.layers, "layer", nil, "stage to write as well, or all; may be given again")
	c.MarkFlagRequired("input")
	c.MarkFlagRequired("output")
	c.MarkFlagFilename("input", "safetensors")
	c.MarkFlagFilename("output", "safetensors")
	c.RegisterFlagCompletionFunc("layer", completeLayer)
	return c
}

type rawRun struct {
	modelFlags
	layout
	input, output string
	layers        []string
	dims          []string
}

// readInput reads the tensor to run on, in the graph's order of dimensions.
func (r *rawRun) readInput(m *vision.Model) (*tensor.Tensor, error) {
	f, err := weights.OpenSafetensors(r.input)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	name := ""
	for _, n := range []string{"x", "input/x"} {
		if _, ok := f.Entry(n); ok {
			name = n
			break
		}
	}
	if all := f.Names(); name == "" {
		if len(all) != 1 {
			return nil, fmt.Errorf("%s: %d tensors, none of them named x or input/x", files.Quote(r.input), len(all))
		}
		name = all[0]
	}
	x, err := f.Tensor(name)
	if err != nil {
		return nil, files.Named(r.input, err)
	}
	at := 1
	if r.layout == "NHWC" {
		at = 3
	}
	if len(x.Shape) != 4 || x.Shape.Len() == 0 || x.Shape[at] != m.Channels {
		return nil, fmt.Errorf("%s: %s is %v, %s wants %s with C = %d", r.input, name, x.Shape, m.Name,
			strings.Join(strings.Split(string(r.layout), ""), "×"), m.Channels)
	}
	if at == 1 {
		x = x.ToNHWC()
	}
	return x, nil
}

func (r *rawRun) run(c *cobra.Command, name string) error {
	if isONNX(name) {
		return r.runONNX(c, name)
	}
	if len(r.dims) > 0 {
		return errors.New("--dim is for an ONNX file")
	}
	if err := r.check(); err != nil {
		return err
	}
	r.tensors = true
	m, err := r.open(c, name, 0)
	if err != nil {
		return err
	}
	defer m.Close()
	x, err := r.readInput(m)
	if err != nil {
		return err
	}
	if len(r.layers) == 1 && r.layers[0] == "all" {
		if r.layers, err = stages(m); err != nil {
			return err
		}
	}
	outputs, err := m.Run(c.Context(), x, r.layers...)
	if err != nil {
		return err
	}
	for i, o := range outputs {
		outputs[i] = r.outside(o)
	}
	if err := weights.WriteSafetensors(r.output, map[string]string{"model": m.Name, "layout": string(r.layout)}, outputs...); err != nil {
		return err
	}
	if err := r.tellTensors(m, writtenTensors{Output: r.output}, outputs); err != nil {
		return err
	}
	err = m.CheckFinite(outputs...)
	if x.Finite() {
		return err
	}
	if err == nil { // comparisons on a device drop NaN, as those of ReLU and pooling
		err = errors.New("they may be lost on the way to the results")
	}
	return fmt.Errorf("%s: the input has NaN or infinities: %w", files.Quote(r.input), err)
}
