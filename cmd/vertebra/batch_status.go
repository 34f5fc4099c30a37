package main

import (
	"cmp"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/vertebra/vertebra/internal/files"
	"github.com/vertebra/vertebra/vision/batch"
)

func newBatchStatus(s *settings) *cobra.Command {
	b := &batchStatus{settings: s}
	c := &cobra.Command{
		Use:   "status OUT",
		Short: "Say how far a job is",
		Long: `Says how far the job in OUT is, from its files alone: units and pictures, the rate of
late and the time left, what each worker does, and which units were given up.`,
		Example: "  vertebra batch status vectors/",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return b.run(c, files.Unquote(args[0])) },
	}
	c.Flags().BoolVar(&b.json, "json", false, "print JSON")
	c.Flags().BoolVar(&b.count, "count", false, "read all rows, and end with status 1 unless each picture of a finished job has one")
	return c
}

type batchStatus struct {
	*settings
	json, count bool
}

// stated is the JSON output of status.
type stated struct {
	Output      string         `json:"output"`
	Task        string         `json:"task"`
	Model       string         `json:"model"`
	Units       int            `json:"units"`
	Done        int            `json:"done"`
	Pictures    int            `json:"pictures"`
	Rate        float64        `json:"pictures_per_second,omitempty"`
	LeftSeconds float64        `json:"left_seconds,omitempty"`
	Workers     []statedWorker `json:"workers,omitempty"`
	Dead        []batch.Letter `json:"given_up,omitempty"`
	Rows        *statedRows    `json:"rows,omitempty"`
}

type statedWorker struct {
	Name   string    `json:"name"`
	Device string    `json:"device"`
	Units  int       `json:"units"` // among the latest
	Rate   float64   `json:"pictures_per_second"`
	Errors int       `json:"errors"`
	Last   time.Time `json:"last"`
}

type statedRows struct {
	Rows   int `json:"rows"`
	Paths  int `json:"paths"`
	Errors int `json:"errors"`
}

func (b *batchStatus) run(c *cobra.Command, path string) error {
	places := placesHere()
	out, err := places.Store(path)
	if err != nil {
		return err
	}
	j, err := batch.Attach(c.Context(), out, places)
	if err != nil {
		return fmt.Errorf("%s: %w", files.Quote(path), err)
	}
	defer j.Close()
	s, err := j.Status(c.Context())
	if err != nil {
		return fmt.Errorf("%s: %w", files.Quote(path), err)
	}
	r := stated{
		Output: path, Task: j.Spec.Task, Model: j.Spec.Model, Units: s.Units, Done: s.Done, Pictures: s.Pictures, Rate: s.Rate, LeftSeconds: s.Left.Seconds(), Dead: s.Dead,
	}
	for _, w := range s.Workers {
		r.Workers = append(r.Workers, statedWorker{w.Name, w.Device, w.Units, w.Rate, w.Errors, w.Last})
	}
	if b.count {
		r.Rows = &statedRows{}
		if r.Rows.Rows, r.Rows.Paths, r.Rows.Errors, err = j.Count(c.Context()); err != nil {
			return fmt.Errorf("%s: %w", files.Quote(path), err)
		}
	}
	if b.json {
		err = printJSON(c.OutOrStdout(), r)
	} else {
		b.print(c, r, s.Left)
	}
	if err == nil && r.Rows != nil && (r.Rows.Rows != r.Pictures || r.Rows.Paths != r.Pictures) {
		err = fmt.Errorf("%s: %d rows with %d paths for %d pictures", files.Quote(path), r.Rows.Rows, r.Rows.Paths, r.Pictures)
	}
	return err
}

func (b *batchStatus) print(c *cobra.Command, r stated, left time.Duration) {
	w := c.OutOrStdout()
	fmt.Fprintf(w, "%s: %s by %s, %d of %d units, of %d pictures\n", files.Quote(r.Output), r.Task, r.Model, r.Done, r.Units, r.Pictures)
	if r.Rate > 0 && r.Done < r.Units {
		fmt.Fprintf(w, "%.1f pictures a second, %v left\n", r.Rate, left.Round(time.Second))
	}
	for _, one := range r.Workers {
		fmt.Fprintf(w, "worker %s: %.1f pictures a second of work, last at %s, on %s\n", files.Quote(one.Name), one.Rate, one.Last.Format(time.DateTime), cmp.Or(one.Device, "no device"))
	}
	for _, l := range r.Dead {
		fmt.Fprintf(w, "given up: unit %d, whose first picture is %s: %s\n", l.Unit, files.Quote(l.First), files.Escape(l.Why))
	}
	if r.Rows != nil {
		fmt.Fprintf(w, "%d rows, %d paths, %d without a result\n", r.Rows.Rows, r.Rows.Paths, r.Rows.Errors)
	}
}
