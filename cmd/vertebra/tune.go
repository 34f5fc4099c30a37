package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/bench"
	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/onnx"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/zoo"
)

func newTune(s *settings) *cobra.Command {
	t := &tune{settings: s}
	c := &cobra.Command{
		Use:   "tune [MODEL]...",
		Short: "Find the fastest kernels for models on this device",
		Long: `Times the kernels that can compute each distinct op of the models on this device, and
keeps the fastest for later runs of any command. Each kernel is first checked against
the op's formula. A wrong one is reported and never used.

The ops with the most work come first. Each result is kept at once in the user's cache
folder, so the command may be interrupted, and goes on later where it stopped. A
result belongs to an adapter, its driver, the kernels of this version, and an op with
its shapes. Models of other sizes or batches therefore need tuning of their own. For
CLIP both towers are tuned. Weights are not needed.

MODEL may be an ONNX file; --size, --batch and --dim bind its free dimensions.

--export writes everything that is kept to a file, and --import takes such a file, for
example from another computer with the same card. --untuned makes any command ignore
what is kept.`,
		Example: `  vertebra tune resnet50 vit_b_16
  vertebra tune unet --size 572 --batch 4 --budget 600
  vertebra tune --export card.json
  vertebra tune --import card.json`,
		ValidArgsFunction: modelArgument(ofAny),
		RunE: func(c *cobra.Command, args []string) error {
			t.out, t.err, t.batched = c.OutOrStdout(), c.ErrOrStderr(), c.Flags().Changed("batch")
			return t.run(c.Context(), args)
		},
	}
	f := c.Flags()
	f.StringVar(&t.size, "size", "", "height and width of the input, as 512x384 or 512 (default: the model's)")
	f.IntVar(&t.batch, "batch", 1, "inputs at once")
	dimFlag(c, &t.dim)
	f.IntVar(&t.budget, "budget", 0, "take at most this long, in seconds; 0 means as long as needed")
	f.BoolVar(&t.again, "again", false, "tune the ops, too, that were tuned before")
	f.StringVar(&t.export, "export", "", "file to write everything to that is kept")
	f.StringVar(&t.imported, "import", "", "file to read that --export wrote")
	f.BoolVar(&t.json, "json", false, "print a JSON object")
	c.MarkFlagFilename("export", "json")
	c.MarkFlagFilename("import", "json")
	c.MarkFlagsMutuallyExclusive("export", "import")
	return c
}

type tune struct {
	*settings
	size             string
	dim              []string
	batched          bool // --batch is given
	batch, budget    int
	again, json      bool
	export, imported string
	out, err         io.Writer
}

// tuneReport is the JSON of the command.
type tuneReport struct {
	Device string   `json:"device,omitempty"`
	Folder string   `json:"folder"`
	Ops    []tuneOp `json:"ops,omitempty"`
	Before float64  `json:"default_seconds,omitempty"` // of all uses of the ops
	After  float64  `json:"tuned_seconds,omitempty"`
	Moved  *int     `json:"tunings,omitempty"` // exported or imported
}

type tuneOp struct {
	gpu.Tuning
	Uses     int            `json:"uses"`
	Measured []tuneMeasured `json:"measured"`
	Wrong    []tuneWrong    `json:"wrong,omitempty"`
}

type tuneMeasured struct {
	Program string  `json:"program"`
	Median  float64 `json:"median_seconds"`
	Ratio   float64 `json:"time_to_default"`
	Rounds  int     `json:"rounds"`
}

type tuneWrong struct {
	Program string `json:"program"`
	Problem string `json:"problem"`
}

func (t *tune) run(ctx context.Context, names []string) error {
	switch {
	case t.budget < 0:
		return fmt.Errorf("--budget %d, want 0 or more", t.budget)
	case t.untuned:
		return errors.New("tune: --untuned would ignore what is found")
	case t.export != "" || t.imported != "":
		if len(names) > 0 {
			return errors.New("--export and --import take no model")
		}
		return t.move()
	case len(names) == 0:
		return errors.New("tune needs a model; see vertebra tune --help")
	}
	if err := checkBatch(t.batch); err != nil {
		return err
	}
	graphs, done, err := t.graphs(names)
	defer done()
	if err != nil {
		return err
	}
	m, err := t.gpu()
	if err != nil {
		return err
	}
	defer m.close()
	if !t.json && !t.quiet {
		fmt.Fprintf(t.out, "device: %v\n", m)
	}
	r := tuneReport{Device: m.String(), Folder: vision.Tunings().Folder}
	_, err = m.dev.Tune(ctx, graphs, gpu.TuneOptions{Budget: time.Duration(t.budget) * time.Second, Again: t.again, Report: func(op gpu.OpTuning, p gpu.TuneProgress) {
		r.add(op)
		t.show(op, p)
	}})
	if t.json {
		err = errors.Join(err, printJSON(t.out, r))
	} else if r.Before > 0 {
		fmt.Fprintf(t.out, "%d ops: %.2f ms by default, %.2f ms tuned (%.3f); kept in %s\n", len(r.Ops), 1e3*r.Before, 1e3*r.After, r.After/r.Before, files.Quote(r.Folder))
	} else if err == nil {
		fmt.Fprintf(t.out, "all ops are tuned; --again tunes them once more; kept in %s\n", files.Quote(r.Folder))
	}
	return err
}

func (r *tuneReport) add(op gpu.OpTuning) {
	o := tuneOp{Tuning: op.Tuning, Uses: op.Uses}
	for _, m := range op.Measured {
		o.Measured = append(o.Measured, tuneMeasured{m.Program, m.Median.Seconds(), m.Ratio, m.Rounds})
	}
	for _, w := range op.Wrong {
		o.Wrong = append(o.Wrong, tuneWrong{w.Program, withoutCall(w.Err)})
	}
	before := float64(op.Uses) * op.Measured[0].Median.Seconds()
	r.Before, r.After = r.Before+before, r.After+before*op.Ratio
	r.Ops = append(r.Ops, o)
}

// show prints one line for an op and one for each wrong program.
func (t *tune) show(op gpu.OpTuning, p gpu.TuneProgress) {
	for _, w := range op.Wrong {
		complain(t.err, fmt.Errorf("%s is not used: %s: %w", w.Program, op.Op, w.Err))
	}
	if t.quiet || t.json {
		return
	}
	what := "is the fastest by default"
	if op.Program != op.Default {
		what = fmt.Sprintf("takes %.2f of the time of %s", op.Ratio, op.Default)
	}
	fmt.Fprintf(t.out, "%d/%d, %v left: %s: %s %s (%d tried)\n", p.Done, p.Ops, p.Left.Round(time.Second),
		strings.TrimPrefix(op.Op, "graph."), op.Program, what, len(op.Measured)+len(op.Wrong))
}

// graphs traces the models. done closes their files.
func (t *tune) graphs(names []string) (all []*graph.Graph, done func(), err error) {
	var open []*onnx.Model
	done = func() {
		for _, m := range open {
			m.Close()
		}
	}
	for _, name := range names {
		if file, ok := zoo.FindONNX(name); ok {
			g, m, err := onnxShape{t.dim, t.size, t.batch, t.batched}.graph(file)
			if err != nil {
				return nil, done, err
			}
			all, open = append(all, g), append(open, m)
			continue
		}
		e, err := lookupFile(name, "")
		if err != nil {
			return nil, done, err
		}
		s := bench.Setup{Network: e, Batch: t.batch, Zeros: true}
		if t.size != "" {
			if s.Height, s.Width, err = parseSize(t.size); err != nil {
				return nil, done, err
			}
		}
		for _, s.Text = range []bool{false, true}[:towers(e)] {
			o, err := s.Options()
			if err != nil {
				return nil, done, err
			}
			g, err := models.TraceForward(o.Model, o.Input.Shape...)
			if err != nil {
				return nil, done, fmt.Errorf("%s: %w", e.Name, err)
			}
			all = append(all, g)
		}
	}
	return all, done, nil
}

// towers returns how many networks a model has.
func towers(e zoo.Model) int {
	if _, clip := e.New().(*models.CLIP); clip {
		return 2
	}
	return 1
}

// move exports or imports.
func (t *tune) move() error {
	kept := t.tunings()
	if kept.Folder == "" {
		return errors.New("the system names no cache folder for this user")
	}
	n, path, verb := 0, t.export, "written to"
	if t.export != "" {
		if err := files.Write(path, func(w io.Writer) (err error) {
			n, err = kept.Export(w)
			return err
		}); err != nil {
			return err
		}
	} else {
		path, verb = t.imported, "taken from"
		f, err := files.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if n, err = kept.Import(f); err != nil {
			return files.Named(path, err)
		}
	}
	if t.json {
		return printJSON(t.out, tuneReport{Folder: kept.Folder, Moved: &n})
	}
	if !t.quiet {
		fmt.Fprintf(t.out, "%d tunings %s %s\n", n, verb, files.Quote(path))
	}
	return nil
}
