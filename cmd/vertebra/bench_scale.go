package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/bench"
	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision/zoo"
)

func newBenchScale(s *settings) *cobra.Command {
	b := &benchScale{settings: s}
	c := &cobra.Command{
		Use:   "scale",
		Short: "Measure how the cost of transformers grows with the picture",
		Long: `Measures transformers with random weights at rising sizes: the time, and the memory
of attention on the device. The cost of attention inside windows grows with the number
of tokens. The time of global attention grows with its square, but its memory does
not, because no kernel stores the scores. The output is a plot of time and memory.`,
		Example: `  vertebra bench scale
  vertebra bench scale --size 224,448,896 --model swin_t -o scale.svg
  vertebra bench scale --json --runs 5`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return b.run(c) },
	}
	f := c.Flags()
	f.StringSliceVar(&b.size, "size", []string{"224", "320", "448"}, "height and width of the input, which is square; separate several by commas")
	f.StringArrayVar(&b.models, "model", []string{"swin_t", "vit_b_16"}, "model to measure, a transformer; may be given again")
	f.IntVar(&b.runs, "runs", 3, "timed runs at each size, after three warm-up runs")
	f.StringVarP(&b.path, "output", "o", "", "plot to write, .svg")
	f.BoolVar(&b.json, "json", false, "print a JSON object")
	c.MarkFlagFilename("output", "svg")
	modelFlag(c, attends)
	return c
}

type benchScale struct {
	*settings
	size   []string
	models []string
	runs   int
	path   string
	json   bool
}

func (b *benchScale) run(c *cobra.Command) error {
	if b.path != "" && !strings.EqualFold(filepath.Ext(b.path), ".svg") {
		return fmt.Errorf("%s: want a name that ends in .svg", files.Quote(b.path))
	}
	if b.runs < 1 {
		return fmt.Errorf("--runs %d, want 1 or more", b.runs)
	}
	sizes, err := squares(b.size)
	if err != nil {
		return err
	}
	var entries []zoo.Model
	for _, name := range b.models {
		e, err := lookupFile(name, "")
		if err != nil {
			return err
		}
		if err := checkScales(e, sizes); err != nil {
			return err
		}
		entries = append(entries, e)
	}
	m, err := b.gpu()
	if err != nil {
		return err
	}
	defer m.close()
	bar := b.bar(c.ErrOrStderr(), "measuring", len(entries)*len(sizes))
	report := bench.Report[bench.ScaleResult]{Kind: "scale", Machine: bench.Describe(m.dev)}
	load := bench.WatchLoad()
	for _, e := range entries {
		for _, size := range sizes {
			if err := c.Context().Err(); err != nil {
				return err
			}
			r, err := bench.Scale(c.Context(), m.dev, e, size, b.runs)
			if err != nil {
				return fmt.Errorf("%s at %d×%d: %w", e.Name, size, size, err)
			}
			report.Results = append(report.Results, r)
			bar.Add(1)
		}
	}
	bar.Clear()
	report.OthersCores = load.Others()
	b.warnBusy(c.ErrOrStderr(), report.Machine, report.OthersCores)
	if b.path != "" {
		if err := files.Write(b.path, func(w io.Writer) error { return bench.PlotScale(w, report) }); err != nil {
			return err
		}
	}
	out := c.OutOrStdout()
	if b.json {
		return printJSON(out, report)
	}
	if !b.quiet {
		fmt.Fprintf(out, "device: %v\n", m)
	}
	return printScale(out, report.Results)
}

// checkScales returns an error if a model has no attention or does not take a size.
func checkScales(e zoo.Model, sizes []int) error {
	for _, size := range sizes {
		s, err := models.Summarize(e.New(), 1, size, size, e.Channels)
		if err != nil {
			return fmt.Errorf("%s at %d×%d: %w", e.Name, size, size, err)
		}
		if s.Attention == 0 {
			return fmt.Errorf("%s has no attention; bench scale takes transformers, such as vit_b_16 or swin_t", e.Name)
		}
	}
	return nil
}

// squares returns the sides of square sizes, in rising order.
func squares(sizes []string) ([]int, error) {
	var sides []int
	for _, s := range sizes {
		h, w, err := parseSize(s)
		if err != nil {
			return nil, err
		}
		if h != w {
			return nil, fmt.Errorf("--size %s, want a square", s)
		}
		sides = append(sides, h)
	}
	if len(sides) == 0 {
		return nil, errors.New("--size: no size is given")
	}
	slices.Sort(sides)
	return slices.Compact(sides), nil
}

// printScale prints a table. Growth is relative to the smallest size of each model.
func printScale(out io.Writer, results []bench.ScaleResult) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "model\tsize\ttokens\tmedian ms\tgrowth\tGFLOP\tin attention\tactivations\tattention's memory\tgrowth\tscores would take\tgrowth")
	first := results[0]
	for _, r := range results {
		if r.Name != first.Name {
			first = r
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%.1f\t%.2f ×\t%.2f\t%.2f\t%s\t%s\t%.2f ×\t%s\t%.2f ×\n", r.Name, r.Size, r.Tokens, 1e3*r.Median, r.Median/first.Median,
			float64(r.FLOPs)/1e9, float64(r.AttentionFLOPs)/1e9, bytesText(r.ActivationBytes),
			bytesText(r.AttentionBytes), float64(r.AttentionBytes)/float64(first.AttentionBytes),
			bytesText(r.ScoreBytes), float64(r.ScoreBytes)/float64(first.ScoreBytes))
	}
	return w.Flush()
}
