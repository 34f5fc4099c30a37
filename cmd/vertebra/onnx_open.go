package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
)

// aboutONNX is the part of help that says how an ONNX file is a model.
const aboutONNX = `MODEL may be an ONNX file. --range, --mean, --std, --channels, --size and --fit say how
pictures are prepared, or a file model.json beside it does, or the
preprocessor_config.json of the transformers library.`

// onnxFlags say what an ONNX file does not tell: how pictures become its input.
type onnxFlags struct {
	dims                         []string
	pixels, mean, std            string
	channels, fit, layoutOfInput string
	usual                        zoo.ModelInput // see zoo.ONNXOptions
}

// onnxFlagNames are the flags that are only for an ONNX file.
var onnxFlagNames = []string{"dim", "range", "mean", "std", "channels", "fit", "input-layout"}

func (o *onnxFlags) flags(c *cobra.Command) {
	f := c.Flags()
	dimFlag(c, &o.dims)
	f.StringVar(&o.pixels, "range", "", "of an ONNX file: what black and white become, such as 0,1 or -1,1 or 0,255 (default: 0,1 with --mean or --std)")
	f.StringVar(&o.mean, "mean", "", "of an ONNX file: subtracted from samples after --range, one number or one for each channel")
	f.StringVar(&o.std, "std", "", "of an ONNX file: divides samples after --mean, one number or one for each channel")
	f.StringVar(&o.channels, "channels", "", "of an ONNX file: order of its channels, rgb, bgr or gray (default: rgb, or gray for one channel)")
	f.StringVar(&o.fit, "fit", "", "of an ONNX file: how a picture gets the size, stretch, crop or letterbox (default: stretch)")
	f.StringVar(&o.layoutOfInput, "input-layout", "", "of an ONNX file: order of its input's dimensions, NCHW or NHWC (default: as the file shows)")
	c.RegisterFlagCompletionFunc("channels", cobra.FixedCompletions([]string{"rgb", "bgr", "gray"}, cobra.ShellCompDirectiveNoFileComp))
	c.RegisterFlagCompletionFunc("fit", cobra.FixedCompletions([]string{"stretch", "crop", "letterbox"}, cobra.ShellCompDirectiveNoFileComp))
	c.RegisterFlagCompletionFunc("input-layout", cobra.FixedCompletions([]string{"NCHW", "NHWC"}, cobra.ShellCompDirectiveNoFileComp))
}

// options turns the flags into options of the library.
func (o *onnxFlags) options() (zoo.ONNXOptions, error) {
	out := zoo.ONNXOptions{Usual: o.usual, Input: zoo.ModelInput{Channels: o.channels, Fit: o.fit, Layout: strings.ToUpper(o.layoutOfInput)}}
	var err error
	if out.Dims, err = boundDims(o.dims); err != nil {
		return out, err
	}
	for _, l := range []struct {
		name, text string
		to         *[]float64
		counts     string
	}{
		{"range", o.pixels, &out.Input.Range, "2"}, {"mean", o.mean, (*[]float64)(&out.Input.Mean), "13"}, {"std", o.std, (*[]float64)(&out.Input.Std), "13"},
	} {
		if l.text == "" {
			continue
		}
		for _, part := range strings.Split(l.text, ",") {
			v, err := strconv.ParseFloat(strings.TrimSpace(part), 32)
			if err != nil || v != v {
				return out, fmt.Errorf("--%s %q, want numbers such as 0.5 or 0,1", l.name, l.text)
			}
			*l.to = append(*l.to, v)
		}
		if n := len(*l.to); !strings.Contains(l.counts, strconv.Itoa(n)) {
			return out, fmt.Errorf("--%s %q: %d numbers, want %s", l.name, l.text, n, strings.Join(strings.Split(l.counts, ""), " or "))
		}
	}
	return out, nil
}

// onlyONNX returns an error if a flag for ONNX files is given for another model.
func onlyONNX(c *cobra.Command) error {
	for _, name := range onnxFlagNames {
		if c.Flags().Changed(name) {
			return fmt.Errorf("--%s is for an ONNX file", name)
		}
	}
	return nil
}

// openONNX opens an ONNX file for a task; task 0 means its features.
func (m *modelFlags) openONNX(c *cobra.Command, file string, task zoo.Task) (*vision.Model, error) {
	m.streams(c)
	for _, name := range []string{"classes", "key", "pull", "clip-heads", "clip-activation", "model", "vocab", "truncate"} {
		if f := c.Flags().Lookup(name); f != nil && f.Changed {
			return nil, fmt.Errorf("--%s is not for an ONNX file", name)
		}
	}
	o, err := m.options()
	if err != nil {
		return nil, err
	}
	if o.ONNX.Task = task; task == 0 {
		o.ONNX.Task = zoo.Features
	}
	model, err := vision.Open(file, o)
	if err != nil {
		return nil, m.explain(err, zoo.Model{})
	}
	m.tell(model)
	return model, nil
}

// askONNX returns the error that asks for what nothing tells of an ONNX file.
func askONNX(e *zoo.UntoldError) error {
	var flags []string
	for _, f := range []struct{ field, flag string }{
		{"range", "--range, such as 0,1, with --mean and --std if it was trained so"},
		{"size", "--size HEIGHTxWIDTH"},
		{"layout", "--input-layout NCHW or NHWC"},
	} {
		if e.Has(f.field) {
			flags = append(flags, f.flag)
		}
	}
	return errors.New(e.Error() + ": give " + strings.Join(flags, " and "))
}
