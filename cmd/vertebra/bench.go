package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/bench"
	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

func newBench(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure the device, single kernels, whole models, or how these grow",
		Example: `  vertebra bench peak
  vertebra bench ops --filter layer1
  vertebra bench model espcn --scale 3 --size 256 --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newBenchPeak(s), newBenchOps(s), newBenchModel(s), newBenchScale(s))
	return c
}

// gpu opens the device and insists on a GPU.
func (s *settings) gpu() (*machine, error) {
	m, err := s.open()
	if err == nil && m.dev == nil {
		return nil, errors.New("kernels are measured on a GPU, not with --device cpu")
	}
	return m, err
}

func newBenchPeak(s *settings) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "peak",
		Short: "Measure what the device can do at most",
		Long: `Measures the rate of multiply-adds in float32 and the bandwidth of copies, with
kernels that do nothing else.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := s.gpu()
			if err != nil {
				return err
			}
			defer m.close()
			peak, err := bench.MeasurePeak(m.dev)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), struct {
					Adapter string `json:"adapter"`
					bench.Peak
				}{m.name(), peak})
			}
			if !s.quiet {
				fmt.Fprintf(c.OutOrStdout(), "device: %v\n", m)
			}
			printPeak(c.OutOrStdout(), peak)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return c
}

func printPeak(w io.Writer, p bench.Peak) {
	fmt.Fprintf(w, "peak: %.1f GFLOP/s in multiply-adds, %.2f GB/s in copies (read and written)\n", p.FLOPS/1e9, p.Copy/1e9)
}

func newBenchOps(s *settings) *cobra.Command {
	var asJSON, all bool
	var shapesPath, filter string
	var runs int
	c := &cobra.Command{
		Use:   "ops",
		Short: "Measure kernels against the device's peak",
		Long: `Measures the convolutions of ResNet-50 and the linear layers of ViT-B/16, or the
shapes of a file. The time of the kernels is that on the device alone; a run is
from the input in host memory to the output in host memory, after three that do
not count. The first run, in which the kernel is compiled, is told apart. JSON leaves
out what has not been measured.`,
		Example: `  vertebra bench ops
  vertebra bench ops --filter layer3 --all
  vertebra bench ops --shapes shapes.json --json --runs 5`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if runs < 0 {
				return fmt.Errorf("--runs %d, want 0 or more", runs)
			}
			shapes, err := bench.Shapes()
			if shapesPath != "" {
				shapes, err = bench.ReadShapes(shapesPath)
			}
			if err != nil {
				return err
			}
			shapes = slices.DeleteFunc(shapes, func(s bench.Shape) bool { return !strings.Contains(s.Name, filter) })
			if len(shapes) == 0 {
				return fmt.Errorf("--filter %q: no shape has this in its name", filter)
			}
			m, err := s.gpu()
			if err != nil {
				return err
			}
			defer m.close()
			w := c.OutOrStdout()
			o := bench.OpOptions{Runs: runs, All: all, Kernel: runs > 0}
			results := []bench.OpResult{}
			if runs > 0 && !asJSON {
				peak, err := bench.MeasurePeak(m.dev)
				if err != nil {
					return err
				}
				o.Peak = &peak
			}
			if !asJSON {
				if !s.quiet {
					fmt.Fprintf(w, "device: %v\n", m)
				}
				if o.Peak != nil {
					printPeak(w, *o.Peak)
				}
				fmt.Fprintf(w, opsLine, "name", "shape", "uses", "kernels ms", "GFLOP/s", "of peak", "GB/s", "of copy", "run ms", "first ms", "program")
			}
			for _, shape := range shapes {
				r, err := bench.Op(c.Context(), m.dev, shape, o)
				if err != nil {
					return err
				}
				results = append(results, r...)
				if !asJSON {
					for _, r := range r {
						printOp(w, r)
					}
				}
			}
			if !asJSON {
				return nil
			}
			if runs > 0 { // last, so that it disturbs nothing
				peak, err := bench.MeasurePeak(m.dev)
				if err != nil {
					return err
				}
				for i := range results {
					results[i].Compare(peak)
				}
			}
			return printJSON(w, results)
		},
	}
	f := c.Flags()
	f.BoolVar(&asJSON, "json", false, "print a JSON array")
	f.BoolVar(&all, "all", false, "measure every program that can compute a shape, the default first")
	f.StringVar(&shapesPath, "shapes", "", "JSON file of shapes (default: ResNet-50's and ViT-B/16's)")
	f.StringVar(&filter, "filter", "", "only shapes whose name contains this")
	f.IntVar(&runs, "runs", 5, "timed runs; 0 for the first run alone")
	c.MarkFlagFilename("shapes", "json")
	return c
}

const opsLine = "%-22s %-28s %4v %10v %9v %7v %8v %7v %9v %9v  %s\n"

func printOp(w io.Writer, r bench.OpResult) {
	number := func(f string, v float64) string {
		if v == 0 {
			return "-"
		}
		return fmt.Sprintf(f, v)
	}
	program := r.Program
	if r.MaxAbsDiff != nil {
		program += fmt.Sprintf("  (off by %.1e)", *r.MaxAbsDiff)
	}
	fmt.Fprintf(w, opsLine, r.Name, r.Shape, r.Count, number("%.2f", r.Kernel), number("%.2f", r.GFLOPS), number("%.0f%%", 100*r.ShareFLOPS),
		number("%.2f", r.GBS), number("%.0f%%", 100*r.ShareCopy), number("%.2f", r.Median), number("%.1f", r.Cold), program)
}

func newBenchModel(s *settings) *cobra.Command {
	b := &benchModel{settings: s}
	c := &cobra.Command{
		Use:   "model NAME",
		Short: "Measure a whole model",
		Long: `Measures a model: first from the start of this process to the first output, then
runs with everything warm, from the input in host memory to the output in host
memory; with --runs 0 there are none, and JSON has null for their times. Weights are
random unless a file gives some. With --data the output is compared; names and
layouts in that file are PyTorch's: images [N, C, H, W]. "vertebra models" lists the
names.`,
		Example: `  vertebra bench model espcn --scale 3 --size 256
  vertebra bench model espcn_x2 --batch 4 --profile
  vertebra bench model clip_vit_b32 --text
  vertebra bench model resnet50 --data reference.safetensors --json --runs 0`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeModel,
		RunE: func(c *cobra.Command, args []string) error {
			b.out, b.scaled = c.OutOrStdout(), c.Flags().Changed("scale")
			return b.run(c, args[0])
		},
	}
	f := c.Flags()
	f.BoolVar(&b.json, "json", false, "print a JSON object")
	f.BoolVar(&b.profile, "profile", false, "print the time of every layer and its share of the device's peak")
	f.IntVar(&b.size, "size", 0, "height and width of the input (default: the model's)")
	f.BoolVar(&b.text, "text", false, "of CLIP: the text tower, not the image tower")
	f.IntVar(&b.batch, "batch", 1, "inputs at once")
	f.IntVar(&b.scale, "scale", 3, "of a super-resolution model: how many times to enlarge")
	f.IntVar(&b.runs, "runs", 10, "timed runs, after the first and two more; 0 for the first alone")
	f.StringVar(&b.weights, "weights", "", "checkpoint to take the weights from, PyTorch or safetensors")
	f.StringVar(&b.data, "data", "", "safetensors file of weight/…, input/x and output/… to run and compare with")
	c.MarkFlagFilename("weights", "pth", "pt", "th", "safetensors")
	c.MarkFlagFilename("data", "safetensors")
	return c
}

type benchModel struct {
	*settings
	json, profile, text      bool
	scaled                   bool // --scale is given
	size, batch, scale, runs int
	weights, data            string
	out                      io.Writer
}

func (b *benchModel) run(c *cobra.Command, name string) error {
	o, err := b.options(name)
	if err != nil {
		return err
	}
	m, err := b.open()
	if err != nil {
		return err
	}
	defer m.close()
	if b.json {
		// For whoever waits for the first byte: the first output is there.
		o.First = func() { io.WriteString(b.out, "{") }
	}
	r, layers, err := bench.Model(c.Context(), m.dev, o)
	if err != nil {
		return err
	}
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
	fmt.Fprintf(b.out, "%s on %v: %.2f GFLOP in %d dispatches of %d kernels\n", r.Name, tensor.Shape(r.Input), float64(r.FLOPs)/1e9, r.Dispatches, r.Pipelines)
	fmt.Fprintf(b.out, "memory: activations %s (at least %s), weights %s\n", bytesText(r.ActivationBytes), bytesText(r.ActivationBound), bytesText(r.WeightBytes))
	fmt.Fprintf(b.out, "first output %.1f ms after the start of the process\n", r.Cold)
	if r.Runs > 0 {
		fmt.Fprintf(b.out, "later runs: median %.2f ms, least %.2f ms of %d: %.2f GFLOP/s\n", *r.Median, *r.Min, r.Runs, float64(r.FLOPs)/(*r.Median)/1e6)
	}
	if r.MaxAbsDiff != nil {
		fmt.Fprintf(b.out, "off by %.1e at most\n", *r.MaxAbsDiff)
	}
	if layers == nil {
		return nil
	}
	peak, err := bench.MeasurePeak(m.dev)
	if err != nil {
		return err
	}
	printPeak(b.out, peak)
	return printLayers(b.out, layers, peak)
}

// options makes the model with weights, its input and what is wanted.
func (b *benchModel) options(name string) (bench.ModelOptions, error) {
	o := bench.ModelOptions{Runs: b.runs, Start: processStart(), Layers: b.profile && !b.json}
	entry, err := lookup(name)
	if err != nil {
		scaled, bad := zoo.Lookup(fmt.Sprintf("%s_x%d", name, b.scale))
		if bad != nil {
			return o, err
		}
		entry = scaled
	} else if b.scaled {
		return o, fmt.Errorf("--scale goes with a name without one, as espcn; %s has its own", entry.Name)
	}
	switch {
	case b.runs < 0:
		return o, fmt.Errorf("--runs %d, want 0 or more", b.runs)
	case b.batch < 1:
		return o, fmt.Errorf("--batch %d, want 1 or more", b.batch)
	case b.size < 0:
		return o, fmt.Errorf("--size %d, want 1 or more pixels", b.size)
	case b.size == 0:
		b.size = entry.Size
	}
	o.Name, o.Model = entry.Name, entry.New()
	shape := tensor.Shape{b.batch, b.size, b.size, entry.Channels}
	clip, _ := o.Model.(*models.CLIP)
	switch {
	case b.text && clip == nil:
		return o, fmt.Errorf("--text: %s has no text tower", entry.Name)
	case b.text:
		tower := &textTower{clip.CLIPText}
		o.Model, o.Input = tower, tower.tokens(b.batch)
		shape = o.Input.Shape
	case clip != nil:
		o.Model = &imageTower{clip.Visual}
	}
	switch {
	case b.data != "":
		if o.Input, o.Want, err = bench.ReadData(b.data, o.Model); err != nil {
			return o, err
		}
		if !o.Input.Shape.Equal(shape) {
			return o, fmt.Errorf("%s: the input is %v, the model, --batch and --size ask for %v", b.data, o.Input.Shape, shape)
		}
		return o, nil
	case b.weights != "":
		src, err := weights.Open(b.weights)
		if err != nil {
			return o, err
		}
		defer src.Close()
		if err := weights.Bind(o.Model, src); err != nil {
			return o, explain(fmt.Errorf("%s: %w", b.weights, err), b.weights, entry.Name)
		}
	default:
		weights.Random(o.Model, 1)
	}
	if o.Input == nil {
		o.Input = tensor.Declare(shape...)
	}
	return o, nil
}

func printLayers(out io.Writer, layers []gpu.Timing, peak bench.Peak) error {
	var all time.Duration
	for _, l := range layers {
		all += l.Time
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "layer\tprogram\tms\tof all\tGFLOP/s\tof peak\tGB/s\tof copy")
	for _, l := range layers {
		s := l.Time.Seconds()
		fmt.Fprintf(w, "%s\t%s\t%.3f\t%.0f%%\t%.2f\t%.0f%%\t%.2f\t%.0f%%\n", strings.TrimSpace(l.Layer+" "+l.Op), l.Program,
			s*1e3, 100*s/all.Seconds(), float64(l.FLOPs)/s/1e9, 100*float64(l.FLOPs)/s/peak.FLOPS, float64(l.Bytes)/s/1e9, 100*float64(l.Bytes)/s/peak.Copy)
	}
	return w.Flush()
}

var started = time.Now()

// processStart is when the process began, as far as it can be told: never later
// than that by more than what comes before main.
func processStart() time.Time {
	if t, ok := systemStart(os.Getpid()); ok && t.Before(started) && started.Sub(t) < time.Minute {
		return t
	}
	return started
}
