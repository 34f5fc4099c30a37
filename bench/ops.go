package bench

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/tensor"
)

// OpResult is the result of one program for one shape.
type OpResult struct {
	Name    string `json:"name"`
	Shape   string `json:"shape"`
	Uses    int    `json:"uses,omitempty"` // in the network
	Program string `json:"program"`
	FLOPs   int64  `json:"flops,omitempty"` // of the formula
	Bytes   int64  `json:"bytes,omitempty"` // read and written by the kernels
	Runs    int    `json:"runs"`

	// From the input in host memory to the output in host memory. The first run
	// compiles the kernels and does not count among the others.
	FirstRun float64 `json:"first_run_seconds"`
	Median   float64 `json:"median_seconds,omitempty"`
	Least    float64 `json:"least_seconds,omitempty"`

	// Of the kernels alone, the shortest of several runs.
	Kernel float64 `json:"kernel_seconds,omitempty"`
	GFLOPS float64 `json:"gflops,omitempty"`
	GBS    float64 `json:"gigabytes_per_second,omitempty"`

	// GFLOPS and GBS over the device's measured peak; 0 if it was not measured.
	ShareFLOPS float64 `json:"share_of_peak_gflops,omitempty"`
	ShareCopy  float64 `json:"share_of_peak_gigabytes_per_second,omitempty"`

	// The time of the kernels relative to the default program's in the same round,
	// the median of all rounds; 0 if not measured.
	ToDefault float64 `json:"time_to_default,omitempty"`

	MaxAbsDiff *float64 `json:"max_abs_diff,omitempty"` // from the wanted output, if known
}

// OpOptions says how to measure ops.
type OpOptions struct {
	Runs   int   // timed runs, after the first and two to warm up
	All    bool  // every program, not only the default
	Kernel bool  // time the kernels alone, too
	Peak   *Peak // to compare with; nil for none
}

// warmup is the number of runs after the first that do not count.
const warmup = 2

// Op measures one shape, the default program first. Several programs take turns: a
// busy moment then slows all of them.
func Op(ctx context.Context, d *gpu.Device, s Shape, o OpOptions) ([]OpResult, error) {
	w, err := s.work()
	if err != nil {
		return nil, err
	}
	var ways []*way
	defer func() {
		for _, c := range ways {
			c.plan.Close()
		}
	}()
	for candidate := range gpu.Candidates(gpu.Choice{}) {
		c := &way{result: OpResult{Name: s.Name, Shape: s.String(), Uses: s.Count, Runs: o.Runs}}
		if err := c.first(ctx, d, w, candidate.Choice); err != nil {
			return nil, fmt.Errorf("bench: %s: %w", s.Name, err)
		}
		c.result.Program = candidate.Name
		if ways = append(ways, c); !o.All {
			break
		}
	}
	for round := range warmup + o.Runs {
		if o.Runs == 0 {
			break
		}
		for i := range ways {
			if round%2 == 1 { // in the reverse order
				i = len(ways) - 1 - i
			}
			if err := ways[i].again(ctx, w.input, round >= warmup, o.Kernel); err != nil {
				return nil, fmt.Errorf("bench: %s: %w", s.Name, err)
			}
		}
	}
	var results []OpResult
	for _, c := range ways {
		results = append(results, c.summary(ways[0].kernels, o.Peak))
	}
	return results, nil
}

// way is a program for an op while it is measured.
type way struct {
	plan          *gpu.Plan
	result        OpResult
	runs, kernels []float64 // seconds of each round
}

// first compiles and runs for the first time.
func (c *way) first(ctx context.Context, d *gpu.Device, w work, choice gpu.Choice) (err error) {
	start := time.Now()
	if c.plan, err = d.CompileWith(w.graph, choice); err != nil {
		return err
	}
	out, err := c.plan.Run(ctx, w.input)
	if err != nil {
		c.plan.Close()
		return err
	}
	c.result.FirstRun = time.Since(start).Seconds()
	if w.want != nil {
		if c.result.MaxAbsDiff, err = difference(out[0], w.want); err != nil {
			c.plan.Close()
			return err
		}
	}
	return nil
}

// again runs once more and keeps the time if the run counts.
func (c *way) again(ctx context.Context, x *tensor.Tensor, counts, kernel bool) error {
	start := time.Now()
	if _, err := c.plan.Run(ctx, x); err != nil || !counts {
		return err
	}
	c.runs = append(c.runs, time.Since(start).Seconds())
	if !kernel {
		return nil
	}
	dispatches, err := c.plan.Profile(ctx, x)
	if err != nil {
		return err
	}
	var all time.Duration
	c.result.FLOPs, c.result.Bytes = 0, 0
	for _, t := range dispatches {
		all += t.Time
		c.result.FLOPs += t.FLOPs
		c.result.Bytes += t.Bytes
	}
	c.kernels = append(c.kernels, all.Seconds())
	return nil
}

// summary returns the result of all rounds; kernels are the default program's times.
func (c *way) summary(kernels []float64, p *Peak) OpResult {
	r := c.result
	if len(c.runs) > 0 {
		r.Median, r.Least = medianAndLeast(c.runs)
	}
	if len(c.kernels) == 0 {
		return r
	}
	_, r.Kernel = medianAndLeast(c.kernels)
	r.GFLOPS, r.GBS = float64(r.FLOPs)/r.Kernel/1e9, float64(r.Bytes)/r.Kernel/1e9
	r.ToDefault = pairedRatio(c.kernels, kernels)
	if p != nil {
		r.Relate(*p)
	}
	return r
}

// pairedRatio returns the median of a[i] / b[i].
func pairedRatio(a, b []float64) float64 {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	median, _ := medianAndLeast(ratios)
	return median
}

// Relate sets the shares of the device's peak.
func (r *OpResult) Relate(p Peak) {
	r.ShareFLOPS, r.ShareCopy = r.GFLOPS/p.GFLOPS, r.GBS/p.GBS
}

// Faster takes results with every program. For each shape it lists the fastest program
// if that is more than a tenth faster than the default.
func Faster(results []OpResult) []OpResult {
	var faster []OpResult
	at := map[string]int{} // of a shape in faster
	for _, r := range results {
		if r.ToDefault == 0 || r.ToDefault*1.1 >= 1 {
			continue
		}
		key := r.Name + " " + r.Shape
		i, there := at[key]
		switch {
		case !there:
			at[key] = len(faster)
			faster = append(faster, r)
		case r.ToDefault < faster[i].ToDefault:
			faster[i] = r
		}
	}
	return faster
}

// difference returns the largest absolute difference. A NaN counts as the largest
// number, because JSON has no NaN.
func difference(got, want *tensor.Tensor) (*float64, error) {
	d, err := tensor.Diff(got, want)
	if err != nil {
		return nil, err
	}
	most := min(d.Max, math.MaxFloat64)
	return &most, nil
}
