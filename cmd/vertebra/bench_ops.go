package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/bench"
	"github.com/vertebra/vertebra/internal/files"
)

func newBenchOps(s *settings) *cobra.Command {
	b := &benchOps{settings: s}
	c := &cobra.Command{
		Use:   "ops",
		Short: "Measure kernels against the device's peak",
		Long: `Measures the convolutions of ResNet-50 and the linear layers of ViT-B/16, or the
shapes in a file. The time of the kernels is the time on the device, the least of all
runs. A run goes from the input in host memory to the output in host memory; three
warm-up runs do not count. The first run, which compiles the kernel, has its own
column. JSON omits values that were not measured.

--all-kernels measures every program that can compute a shape, in turns and the
default first. At the end it lists the shapes for which another program was over a
tenth faster.

--shapes names a JSON array. "op" is conv2d or linear. A conv2d has "h", "w", "cin",
"cout", "kernel" and optionally "stride", "pad", "groups" and "batch". A linear has
"m", "k" and "n", for an input [m, k] and a weight [n, k]. Both may have "name",
"count" (uses in a network), "bias" (true or false) and "data" (a safetensors file
with input/x, weight/weight, weight/bias and output/y in PyTorch's layouts). "kernel",
"stride" and "pad" are pairs, down and across:

  [{"name": "stem", "op": "conv2d", "h": 224, "w": 224, "cin": 3, "cout": 64,
    "kernel": [7, 7], "stride": [2, 2], "pad": [3, 3], "bias": true},
   {"name": "fc1", "op": "linear", "m": 197, "k": 768, "n": 3072}]`,
		Example: `  vertebra bench ops
  vertebra bench ops --filter layer3 --all-kernels
  vertebra bench ops --shapes shapes.json --json --runs 5`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return b.run(c) },
	}
	f := c.Flags()
	f.BoolVar(&b.json, "json", false, "print a JSON object")
	f.BoolVar(&b.all, "all-kernels", false, "measure every kernel that can compute a shape, the default first")
	f.StringVar(&b.shapes, "shapes", "", "JSON file of shapes (default: ResNet-50's and ViT-B/16's)")
	f.StringVar(&b.filter, "filter", "", "only shapes whose name contains this")
	f.IntVar(&b.runs, "runs", 5, "timed runs; 0 for only the first run")
	c.MarkFlagFilename("shapes", "json")
	return c
}

type benchOps struct {
	*settings
	json, all      bool
	shapes, filter string
	runs           int
}

func (b *benchOps) run(c *cobra.Command) error {
	shapes, err := b.read()
	if err != nil {
		return err
	}
	m, err := b.gpu()
	if err != nil {
		return err
	}
	defer m.close()
	r := bench.Report[bench.OpResult]{Kind: "ops", Machine: bench.Describe(m.dev)}
	load := bench.WatchLoad()
	w, o := c.OutOrStdout(), bench.OpOptions{Runs: b.runs, All: b.all, Kernel: b.runs > 0}
	peak := func() error {
		p, err := bench.MeasurePeak(c.Context(), m.dev)
		r.Peak = &p
		return err
	}
	if !b.json {
		if !b.quiet {
			fmt.Fprintf(w, "device: %v\n", m)
		}
		if b.runs > 0 {
			if err := peak(); err != nil {
				return err
			}
			printPeak(w, *r.Peak)
			o.Peak = r.Peak
		}
		fmt.Fprintf(w, opsLine, "name", "shape", "uses", "kernels ms", "GFLOP/s", "of peak", "GB/s", "of copy", "run ms", "first ms", "program")
	}
	for _, shape := range shapes {
		results, err := bench.Op(c.Context(), m.dev, shape, o)
		if err != nil {
			return err
		}
		r.Results = append(r.Results, results...)
		if !b.json {
			for _, one := range results {
				printOp(w, one)
			}
		}
	}
	if b.json && b.runs > 0 { // last, so that it does not disturb the first runs
		if err := peak(); err != nil {
			return err
		}
		for i := range r.Results {
			r.Results[i].Relate(*r.Peak)
		}
	}
	r.OthersCores = load.Others()
	b.warnBusy(c.ErrOrStderr(), r.Machine, r.OthersCores)
	if b.json {
		return printJSON(w, r)
	}
	if b.all && b.runs > 0 {
		printFaster(w, bench.Faster(r.Results))
	}
	return nil
}

// read returns the shapes to measure.
func (b *benchOps) read() (shapes []bench.Shape, err error) {
	if b.runs < 0 {
		return nil, fmt.Errorf("--runs %d, want 0 or more", b.runs)
	}
	if b.shapes != "" {
		shapes, err = bench.ReadShapes(b.shapes)
	} else {
		shapes, err = bench.Shapes()
	}
	if err != nil {
		return nil, err
	}
	shapes = slices.DeleteFunc(shapes, func(s bench.Shape) bool { return !strings.Contains(s.Name, b.filter) })
	if len(shapes) == 0 {
		return nil, fmt.Errorf("--filter %q: no shape has this in its name", b.filter)
	}
	return shapes, nil
}

// printFaster lists the shapes for which the default is not the fastest.
func printFaster(w io.Writer, faster []bench.OpResult) {
	if len(faster) == 0 {
		fmt.Fprintln(w, "the default is the fastest for each shape, or within a tenth of it")
		return
	}
	fmt.Fprintln(w, "over a tenth faster than the default (median of the times over the default's in the same round):")
	for _, r := range faster {
		fmt.Fprintf(w, "  %-22s %-28s %.2f  %s\n", files.Quote(r.Name), r.Shape, r.ToDefault, r.Program)
	}
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
	fmt.Fprintf(w, opsLine, files.Quote(r.Name), r.Shape, r.Uses, number("%.2f", 1e3*r.Kernel), number("%.2f", r.GFLOPS), number("%.0f%%", 100*r.ShareFLOPS),
		number("%.2f", r.GBS), number("%.0f%%", 100*r.ShareCopy), number("%.2f", 1e3*r.Median), number("%.1f", 1e3*r.FirstRun), program)
}
