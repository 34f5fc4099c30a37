package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

func newFeatures(s *settings) *cobra.Command {
	f := &features{modelFlags: modelFlags{settings: s}}
	c := &cobra.Command{
		Use:   "features MODEL IMAGE... -o FILE",
		Short: "Write the values inside a model for pictures",
		Long: `Writes the values of a model's stages for pictures: a row for each picture, in order.
Pictures are preprocessed as in the training of the weights. Image-like values are
[N, C, H, W], as in PyTorch. A .npy FILE holds one stage. A .safetensors FILE holds any
number of stages by name, and its metadata lists the pictures. "vertebra summary
MODEL" lists the stages.

` + aboutONNX + `
Its stages are its values by name; without --layer, its outputs are written.

` + aboutPictures + `

` + aboutRows,
		Example: `  vertebra features resnet50 photos/ --weights resnet50-0676ba61.pth -o photos.npy
  vertebra features resnet18 a.jpg b.jpg --weights resnet18-f37072fd.pth --layer layer3 --layer avgpool -o ab.safetensors
  vertebra features lenet digits/*.png -o digits.npy --layer fc2`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args[0], args[1:]) },
	}
	f.file.flags(c)
	f.weightsFlags(c, ofAny)
	f.towerFlags(c)
	f.sizeFlag(c)
	f.batchFlag(c)
	f.jsonFlag(c)
	f.layoutFlag(c)
	f.strictFlag(c)
	c.Flags().StringVarP(&f.path, "output", "o", "", "file to write, .npy or .safetensors")
	c.Flags().StringArrayVar(&f.layers, "layer", nil, "stage to write, or all; may be given again (default: the last stage before the result)")
	c.MarkFlagRequired("output")
	c.MarkFlagFilename("output", "npy", "safetensors")
	c.RegisterFlagCompletionFunc("layer", completeLayer)
	return c
}

type features struct {
	modelFlags
	layout
	path   string
	layers []string
}

// layout is the order of dimensions of images in files.
type layout string

func (l *layout) layoutFlag(c *cobra.Command) {
	c.Flags().StringVar((*string)(l), "layout", "NCHW", "order of dimensions of images in files: NCHW, PyTorch's, or NHWC")
	c.RegisterFlagCompletionFunc("layout", cobra.FixedCompletions([]string{"NCHW", "NHWC"}, cobra.ShellCompDirectiveNoFileComp))
}

func (l *layout) check() error {
	switch upper := layout(strings.ToUpper(string(*l))); upper {
	case "NCHW", "NHWC":
		*l = upper
		return nil
	}
	return fmt.Errorf("--layout %q, want NCHW or NHWC", string(*l))
}

// outside returns a value of the graph in the layout of files.
func (l layout) outside(t *tensor.Tensor) *tensor.Tensor {
	if l == "NHWC" || len(t.Shape) != 4 {
		return t
	}
	o := t.ToNCHW()
	o.Name = t.Name
	return o
}

// completeLayer lists the stages of the model in the first argument.
func completeLayer(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if len(args) > 0 {
		if e, err := zoo.Lookup(args[0]); err == nil {
			names, _ = e.Stages()
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// stages lists a model's stages before its main result, in order.
func stages(m interface{ Stages() ([]string, error) }) ([]string, error) {
	names, err := m.Stages()
	if err == nil && len(names) == 0 {
		err = errors.New("the model has no stages")
	}
	return names, err
}

func (f *features) run(c *cobra.Command, name string, args []string) error {
	kind := strings.ToLower(filepath.Ext(f.path))
	switch {
	case kind != ".npy" && kind != ".safetensors":
		return fmt.Errorf("%s: extension %q, want .npy or .safetensors", files.Quote(f.path), kind)
	case kind == ".npy" && len(f.layers) > 1:
		return fmt.Errorf("%s: a .npy file holds one stage; %d stages go into a .safetensors", files.Quote(f.path), len(f.layers))
	}
	if err := f.check(); err != nil {
		return err
	}
	if err := checkBatch(f.batch); err != nil {
		return err
	}
	found, err := findPictures(c, args)
	if err != nil {
		return err
	}
	m, err := f.open(c, name, 0)
	if err != nil {
		return err
	}
	defer m.Close()
	if n, ok := m.Network.(*zoo.ONNX); ok && len(f.layers) == 0 {
		f.layers = n.OutputNames()
		if kind == ".npy" && len(f.layers) > 1 {
			return fmt.Errorf("%s: a .npy file holds one output; all %d go into a .safetensors, or --layer names one", files.Quote(f.path), len(f.layers))
		}
	}
	if every := len(f.layers) == 1 && f.layers[0] == "all"; every || len(f.layers) == 0 {
		if f.layers, err = stages(m); err != nil {
			return err
		}
		if every && kind == ".npy" {
			return fmt.Errorf("%s: a .npy file holds one stage; all %d go into a .safetensors", files.Quote(f.path), len(f.layers))
		}
		if !every {
			f.layers = f.layers[len(f.layers)-1:]
		}
	}
	var all []*tensor.Tensor
	var names []string
	results := m.Features(c.Context(), f.layers, found.in...)
	left := each(&f.modelFlags, found, results, func(r vision.Features) error {
		names = append(names, r.Name)
		for i, o := range r.Stages {
			o = f.outside(o)
			if i == len(all) {
				all = append(all, &tensor.Tensor{Name: o.Name, Shape: append(tensor.Shape{0}, o.Shape[1:]...)})
			}
			if !all[i].Shape[1:].Equal(o.Shape[1:]) {
				return fmt.Errorf("%s: %s is %v, but %v for the pictures before it: give --size HEIGHTxWIDTH", files.Quote(r.Name), files.Quote(o.Name), o.Shape[1:], all[i].Shape[1:])
			}
			all[i].Shape[0]++
			all[i].Data = append(all[i].Data, o.Data...)
		}
		return nil
	})
	if fatal(left, len(names)) {
		return left
	}
	if kind == ".npy" {
		err = f.save(f.path, func(w io.Writer) error { return all[0].WriteNPY(w) })
	} else {
		list, bad := json.Marshal(inUTF8(names))
		if bad != nil {
			return bad
		}
		err = weights.WriteSafetensors(f.path, map[string]string{"model": m.Name, "layout": string(f.layout), "pictures": string(list)}, all...)
	}
	if err != nil {
		return err
	}
	return f.tellRows(m, f.path, names, all, left)
}
