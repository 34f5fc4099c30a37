package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision"
	"github.com/vertebra/vertebra/vision/batch"
)

// batched is the JSON output of a run.
type batched struct {
	Output   string `json:"output"`
	Device   string `json:"device,omitempty"`
	Units    int    `json:"units"`    // of the job
	Done     int    `json:"done"`     // units by this run
	Pictures int    `json:"pictures"` // in them
	Errors   int    `json:"errors"`   // pictures of these without a result
}

// sourcesChanged reports whether an error says that sources have changed.
func sourcesChanged(err error) bool {
	var c *batch.ChangedError
	return errors.As(err, &c)
}

// run does the job, or a share of it in this process.
func (b *batchRun) run(c *cobra.Command, m *vision.Model, sources []string) error {
	j, err := b.job(c, m, sources)
	if err != nil {
		return err
	}
	defer j.Close()
	if b.share == "" {
		return b.distribute(c, j)
	}
	missing, err := j.Missing(c.Context())
	if err != nil {
		return err
	}
	var own []int
	for _, n := range missing {
		if b.ofShard == 0 || n%b.ofShard == b.shard {
			own = append(own, n)
		}
	}
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	w := &batch.Worker{Job: j, Model: m, Name: name, Folder: here}
	var failed []error
	total := batched{Output: b.out, Units: j.Units()}
	bar := b.bar(b.err, "units", len(own))
	for _, n := range own {
		report, err := w.Do(c.Context(), n)
		var place *batch.PlaceError
		switch {
		case err == nil:
			total.add(report)
			bar.Add(1)
		case c.Context().Err() == nil && errors.As(err, &place):
			failed = append(failed, err)
		default:
			bar.Clear()
			return withoutGPU(err, b.backend)
		}
	}
	bar.Clear()
	if d := m.Device(); d != nil {
		total.Device = d.String()
	}
	if err := b.tellBatch(total); err != nil || len(failed) == 0 {
		return err
	}
	return fmt.Errorf("%s: %d of %d units failed: %w; a second start tries again", files.Quote(b.out), len(failed), len(own), failed[0])
}

func (t *batched) add(r batch.Report) {
	t.Done++
	t.Pictures += r.Pictures
	t.Errors += r.Errors
}

// tellBatch prints what a run has done. It is an error if that is nothing but errors.
func (b *batchRun) tellBatch(t batched) error {
	switch {
	case b.json:
		if err := printJSON(b.modelFlags.out, t); err != nil {
			return err
		}
	case !b.quiet:
		if t.Device != "" {
			fmt.Fprintf(b.modelFlags.out, "device: %s\n", t.Device)
		}
		fmt.Fprintf(b.modelFlags.out, "%s: %d of %d units by this run, %d pictures, %d of them without a result\n", files.Quote(b.out), t.Done, t.Units, t.Pictures, t.Errors)
	}
	if t.Pictures > 0 && t.Errors == t.Pictures {
		return fmt.Errorf("%s: none of the %d pictures of this run has a result; their rows say why", files.Quote(b.out), t.Pictures)
	}
	if b.strict && t.Errors > 0 {
		return fmt.Errorf("%s: %d pictures have no result; their rows say why", files.Quote(b.out), t.Errors)
	}
	return nil
}
