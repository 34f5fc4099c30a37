package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/bench"
	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
)

func newBenchModel(s *settings) *cobra.Command {
	b := &benchModel{settings: s}
	c := &cobra.Command{
		Use:   "model NAME|FILE.onnx",
		Short: "Measure a whole model",
		Long: `Measures a model: first the time from the start of this process to the first output,
then warm runs from the input in host memory to the output in host memory. With
--runs 0 there are no warm runs, and JSON has null for their times. Weights are random
unless --weights or --case gives some. --case also compares the output; the names and
layouts in that file are PyTorch's, so images are [N, C, H, W]. "vertebra models"
lists the names.

An ONNX file has its own weights. --input gives its tensors as for "vertebra run"; a
folder may have output_0.pb and so on, too, with which the outputs are then compared.
Layers are named after the file's nodes.

--profile adds up the dispatches of each op of each layer. It counts the operations of
the op's formula. Winograd's convolution needs fewer, so it may exceed the peak.
--dispatches lists each dispatch. It gives no operations for an op of several
dispatches.`,
		Example: `  vertebra bench model espcn --scale 3 --size 256
  vertebra bench model espcn_x2 --batch 4 --profile
  vertebra bench model clip_vit_b32 --tower text
  vertebra bench model model.onnx --input test_data_set_0 --profile
  vertebra bench model resnet50 --case reference.safetensors --json --runs 0`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: modelArgument(ofAny),
		RunE: func(c *cobra.Command, args []string) error {
			b.out, b.scaled = c.OutOrStdout(), c.Flags().Changed("scale")
			return b.run(c, args[0])
		},
	}
	f := c.Flags()
	f.BoolVar(&b.json, "json", false, "print a JSON object")
	f.BoolVar(&b.profile, "profile", false, "add the time of every layer and its share of the device's peak")
	f.BoolVar(&b.dispatches, "dispatches", false, "add the time of every dispatch")
	f.StringVar(&b.size, "size", "", "height and width of the input, as 512x384 or 512 (default: the model's)")
	f.StringVar(&b.tower, "tower", "image", "tower of CLIP: image or text")
	f.IntVar(&b.batch, "batch", 1, "inputs at once")
	f.IntVar(&b.scale, "scale", 3, "for a super-resolution model: how many times to enlarge")
	f.IntVar(&b.runs, "runs", 10, "timed runs, after the first and two more; 0 for only the first")
	f.StringVar(&b.weights, "weights", "", "checkpoint with the weights, PyTorch or safetensors")
	keyFlag(c, &b.key)
	f.StringVar(&b.data, "case", "", "reference case to run and compare with: a safetensors file with weight/…, input/x and output/…")
	f.StringVar(&b.input, "input", "", "file or folder of tensors to read, for an ONNX file (default: random numbers)")
	c.MarkFlagFilename("weights", "pth", "pt", "th", "safetensors")
	c.MarkFlagFilename("case", "safetensors")
	c.RegisterFlagCompletionFunc("tower", cobra.FixedCompletions([]string{"image", "text"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

type benchModel struct {
	*settings
	json, profile, dispatches bool
	scaled                    bool // --scale is given
	batch, scale, runs        int
	size, tower               string
	weights, key, data, input string
	out                       io.Writer
}

func (b *benchModel) run(c *cobra.Command, name string) error {
	measure, err := b.prepare(c, name)
	if err != nil {
		return err
	}
	defer measure.close()
	m, err := b.open()
	if err != nil {
		return err
	}
	defer m.close()
	if b.json {
		// The first byte tells the reader that the first output is ready.
		measure.First = func() { io.WriteString(b.out, "{") }
	}
	load := bench.WatchLoad()
	r := bench.Report[bench.ModelResult]{Kind: "model", Machine: bench.Describe(m.dev)}
	one, err := measure.run(c.Context(), m.dev)
	if err != nil {
		return err
	}
	r.Results = []bench.ModelResult{one}
	if one.Layers != nil {
		peak, err := bench.MeasurePeak(c.Context(), m.dev)
		if err != nil {
			return err
		}
		r.Peak = &peak
	}
	r.OthersCores = load.Others()
	b.warnBusy(c.ErrOrStderr(), r.Machine, r.OthersCores)
	if b.json {
		var text strings.Builder
		if err := printJSON(&text, r); err != nil {
			return err
		}
		_, err := io.WriteString(b.out, text.String()[1:]) // First has written the brace
		return err
	}
	if !b.quiet {
		fmt.Fprintf(b.out, "device: %v\n", m)
	}
	printModel(b.out, one)
	if one.Layers == nil {
		return nil
	}
	printPeak(b.out, *r.Peak)
	return printLayers(b.out, one.Layers, *r.Peak)
}

// measured is a model that is ready to be measured.
type measured struct {
	bench.ModelOptions
	run   func(ctx context.Context, d *gpu.Device) (bench.ModelResult, error)
	close func() error
}

// prepare reads what is to be measured: one of the models by name, or an ONNX file.
func (b *benchModel) prepare(c *cobra.Command, name string) (*measured, error) {
	m := &measured{close: func() error { return nil }}
	if isONNX(name) {
		return m, b.onnx(c, name, m)
	}
	if b.input != "" {
		return nil, errors.New("--input is only for an ONNX file; --case has the input of a model by name")
	}
	o, err := b.options(name)
	m.ModelOptions = o
	m.run = func(ctx context.Context, d *gpu.Device) (bench.ModelResult, error) {
		return bench.Model(ctx, d, m.ModelOptions)
	}
	return m, err
}

// times sets what is measured and how often.
func (b *benchModel) times(o *bench.ModelOptions) {
	o.Runs, o.Start = b.runs, processStart()
	switch {
	case b.dispatches:
		o.Layers = bench.ByDispatch
	case b.profile:
		o.Layers = bench.ByLayer
	}
}

func printModel(out io.Writer, r bench.ModelResult) {
	fmt.Fprintf(out, "%s on %v: %.2f GFLOP in %d dispatches of %d kernels\n", r.Name, tensor.Shape(r.Input), float64(r.FLOPs)/1e9, r.Dispatches, r.Pipelines)
	fmt.Fprintf(out, "memory: activations %s (at least %s), weights %s\n", bytesText(r.ActivationBytes), bytesText(r.ActivationBound), bytesText(r.WeightBytes))
	fmt.Fprintf(out, "first output %.1f ms after the start of the process\n", 1e3*r.FirstOutput)
	if r.Median != nil {
		fmt.Fprintf(out, "later runs: median %.2f ms, least %.2f ms of %d: %.2f GFLOP/s\n", 1e3**r.Median, 1e3**r.Least, r.Runs, float64(r.FLOPs) / *r.Median / 1e9)
	}
	if r.MaxAbsDiff != nil {
		fmt.Fprintf(out, "off by %.1e at most\n", *r.MaxAbsDiff)
	}
}

// options returns the options for bench.Model: the model with weights and its input.
func (b *benchModel) options(name string) (o bench.ModelOptions, err error) {
	s := bench.Setup{Text: b.tower == "text", Batch: b.batch, Weights: b.weights, Key: b.key, Data: b.data}
	if s.Network, err = lookup(name); err != nil {
		scaled, bad := zoo.Lookup(fmt.Sprintf("%s_x%d", name, b.scale))
		if bad != nil {
			return o, err
		}
		s.Network = scaled
	} else if b.scaled {
		return o, fmt.Errorf("--scale is only for a name without a scale, such as espcn; %s is a complete name", s.Network.Name)
	}
	if b.size != "" {
		if s.Height, s.Width, err = parseSize(b.size); err != nil {
			return o, err
		}
	}
	switch {
	case b.tower != "image" && b.tower != "text":
		return o, fmt.Errorf("--tower %q, want image or text", b.tower)
	case b.runs < 0:
		return o, fmt.Errorf("--runs %d, want 0 or more", b.runs)
	case b.batch < 1:
		return o, fmt.Errorf("--batch %d, want 1 or more", b.batch)
	}
	if o, err = s.Options(); err != nil {
		if b.weights != "" {
			err = explain(err, b.weights, s.Network.Name, func(m zoo.Model) bool { return m.Name == s.Network.Name })
		}
		return o, err
	}
	b.times(&o)
	return o, nil
}

func printLayers(out io.Writer, layers []bench.LayerTime, peak bench.Peak) error {
	all := 0.0
	for _, l := range layers {
		all += l.Seconds
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "layer\tprogram\tdispatches\tms\tof all\tGFLOP/s\tof peak\tGB/s\tof copy")
	for _, l := range layers {
		flops, share := "-", "-"
		if l.FLOPs > 0 {
			rate := float64(l.FLOPs) / l.Seconds / 1e9
			flops, share = fmt.Sprintf("%.2f", rate), fmt.Sprintf("%.0f%%", 100*rate/peak.GFLOPS)
		}
		rate := float64(l.Bytes) / l.Seconds / 1e9
		fmt.Fprintf(w, "%s\t%s\t%d\t%.3f\t%.0f%%\t%s\t%s\t%.2f\t%.0f%%\n", strings.TrimSpace(l.Layer+" "+l.Op), l.Program, l.Dispatches,
			1e3*l.Seconds, 100*l.Seconds/all, flops, share, rate, 100*rate/peak.GBS)
	}
	return w.Flush()
}

var started = time.Now()

// processStart returns the time when the process began. If the system does not tell
// it, that is the time when the program's variables were initialised.
func processStart() time.Time {
	if t, ok := systemStart(os.Getpid()); ok && t.Before(started) && started.Sub(t) < time.Minute {
		return t
	}
	return started
}
