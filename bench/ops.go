package bench

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

// OpResult is one shape, computed by one program.
type OpResult struct {
	Name    string `json:"name"`
	Shape   string `json:"shape"`
	Count   int    `json:"count,omitempty"`
	Program string `json:"program"`
	Adapter string `json:"adapter"`
	FLOPs   int64  `json:"flops"`
	Bytes   int64  `json:"bytes"` // read and written by the kernels
	Runs    int    `json:"runs"`

	// From the input in host memory to the output in host memory. The first run
	// is the cold one, and is not among the others.
	Cold   float64 `json:"cold_ms"`
	Median float64 `json:"median_ms,omitempty"`
	Min    float64 `json:"min_ms,omitempty"`

	// Of the kernels alone, the least of several runs.
	Kernel float64 `json:"kernel_ms,omitempty"`
	GFLOPS float64 `json:"gflops,omitempty"`
	GBS    float64 `json:"gbytes_per_second,omitempty"`

	// GFLOPS and GBS over the device's measured peak; 0 if it was not measured.
	ShareFLOPS float64 `json:"share_of_peak_flops,omitempty"`
	ShareCopy  float64 `json:"share_of_peak_copy,omitempty"`

	MaxAbsDiff *float64 `json:"max_abs_diff,omitempty"` // from the output wanted, if it is known
}

// OpOptions says how to measure ops.
type OpOptions struct {
	Runs   int   // timed runs, after the first and two more
	All    bool  // every program that can, not only the default
	Kernel bool  // time the kernels alone, too
	Peak   *Peak // to compare with; nil for none
}

// warmup is how many runs follow the first that do not count.
const warmup = 2

// Op measures one shape, the default program first.
func Op(ctx context.Context, d *gpu.Device, s Shape, o OpOptions) ([]OpResult, error) {
	w, err := s.work()
	if err != nil {
		return nil, err
	}
	var results []OpResult
	for i, most := 0, 1; i < most; i++ {
		r := OpResult{Name: s.Name, Shape: s.String(), Count: s.Count, Adapter: d.Info().Name, Runs: o.Runs}
		choice := gpu.Choice{Program: func(_ graph.Op, _ []tensor.Shape, programs []shaders.Program) int {
			if o.All {
				most = len(programs)
			}
			r.Program = programs[i].Name
			return i
		}}
		if err := measureOp(ctx, d, w, choice, o, &r); err != nil {
			return results, fmt.Errorf("bench: %s: %w", s.Name, err)
		}
		results = append(results, r)
	}
	return results, nil
}

func measureOp(ctx context.Context, d *gpu.Device, w work, c gpu.Choice, o OpOptions, r *OpResult) error {
	start := time.Now()
	p, err := d.CompileWith(w.graph, c)
	if err != nil {
		return err
	}
	defer p.Close()
	run := func() ([]*tensor.Tensor, error) { return p.Run(ctx, w.input) }
	out, err := run()
	if err != nil {
		return err
	}
	r.Cold = milliseconds(time.Since(start))
	if w.want != nil {
		if r.MaxAbsDiff, err = difference(out[0], w.want); err != nil {
			return err
		}
	}
	times, err := steady(run, o.Runs)
	if err != nil {
		return err
	}
	if len(times) > 0 {
		r.Median, r.Min = milliseconds(median(times)), milliseconds(smallest(times))
	}
	if !o.Kernel {
		return nil
	}
	for i := range max(1, min(o.Runs, 3)) {
		layers, err := p.Profile(ctx, w.input)
		if err != nil {
			return err
		}
		var all time.Duration
		r.FLOPs, r.Bytes = 0, 0
		for _, l := range layers {
			all += l.Time
			r.FLOPs += l.FLOPs
			r.Bytes += l.Bytes
		}
		if ms := float64(all.Nanoseconds()) / 1e6; i == 0 || ms < r.Kernel {
			r.Kernel = ms
		}
	}
	r.GFLOPS = float64(r.FLOPs) / r.Kernel / 1e6
	r.GBS = float64(r.Bytes) / r.Kernel / 1e6
	if o.Peak != nil {
		r.Compare(*o.Peak)
	}
	return nil
}

// Compare sets the shares of the device's peak.
func (r *OpResult) Compare(p Peak) {
	r.ShareFLOPS, r.ShareCopy = r.GFLOPS*1e9/p.FLOPS, r.GBS*1e9/p.Copy
}

// steady times runs after a few that do not count.
func steady(run func() ([]*tensor.Tensor, error), runs int) ([]time.Duration, error) {
	if runs == 0 {
		return nil, nil
	}
	times := make([]time.Duration, warmup+runs)
	for i := range times {
		start := time.Now()
		if _, err := run(); err != nil {
			return nil, err
		}
		times[i] = time.Since(start)
	}
	return times[warmup:], nil
}

// difference is the largest absolute one; a NaN counts as the largest number,
// since JSON has none.
func difference(got, want *tensor.Tensor) (*float64, error) {
	d, err := tensor.Diff(got, want)
	if err != nil {
		return nil, err
	}
	most := min(d.Max, math.MaxFloat64)
	return &most, nil
}
