package gpu

import (
	"context"
	"fmt"
	"time"

	"github.com/vertebra/vertebra/tensor"
)

// Timing is the time of one step of a plan: a dispatch or an op on the CPU.
type Timing struct {
	Op, Layer, Program string
	Kernel             string // file and constants, as in shaders.Kernel.Name
	FLOPs, Bytes       int64
	Time               time.Duration
}

// Profile runs the plan and times every dispatch by the GPU's clock, whose ticks it
// calibrates against the wall clock in the same run. If the device has no
// timestamps, it submits each dispatch alone and uses the wall clock.
func (p *Plan) Profile(ctx context.Context, inputs ...*tensor.Tensor) ([]Timing, error) {
	if _, err := p.Run(ctx, inputs...); err != nil { // warms the device up
		return nil, err
	}
	if err := p.take(ctx); err != nil {
		return nil, err
	}
	defer p.give()
	if err := p.write(ctx, inputs); err != nil {
		return nil, err
	}
	if err := p.d.run(ctx); err != nil {
		return nil, err
	}
	times, err := p.stamps(ctx)
	if err != nil || times == nil {
		times, err = p.wall(ctx)
	}
	if err != nil {
		return nil, err
	}
	out := make([]Timing, len(p.plan.Steps))
	for i, s := range p.plan.Steps {
		out[i] = Timing{s.Op, s.Layer, s.Program, s.Name, s.FLOPs, s.Bytes, times[i]}
	}
	return out, nil
}

// wall times each step as a submission of its own.
func (p *Plan) wall(ctx context.Context) ([]time.Duration, error) {
	times := make([]time.Duration, len(p.dispatches))
	for i, c := range p.dispatches {
		start := time.Now()
		step := func() error { return p.d.run(ctx, c) }
		if p.hosted[i] != nil {
			step = func() error { return p.eval(ctx, i) }
		}
		if err := step(); err != nil {
			return nil, err
		}
		times[i] = time.Since(start)
	}
	return times, nil
}

// stamps times the steps by the GPU's clock. It returns nil if the device has no
// clock or if its clock stands still or runs backwards.
func (p *Plan) stamps(ctx context.Context) ([]time.Duration, error) {
	times := make([]time.Duration, len(p.dispatches))
	for at := 0; at < len(times); {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		start := time.Now()
		if p.hosted[at] != nil {
			if err := p.eval(ctx, at); err != nil {
				return nil, err
			}
			times[at] = time.Since(start)
			at++
			continue
		}
		end := p.next(at).end
		ticks, err := p.d.driver.Stamp(p.dispatches[at:end])
		if err != nil {
			return nil, fmt.Errorf("gpu: timestamps: %w", err)
		}
		took, n := time.Since(start), end-at
		for i := range ticks {
			if i > 0 && ticks[i] < ticks[i-1] {
				return nil, nil
			}
		}
		if ticks == nil || ticks[n] == ticks[0] {
			return nil, nil
		}
		for i := range n {
			times[at+i] = time.Duration(float64(took) * float64(ticks[i+1]-ticks[i]) / float64(ticks[n]-ticks[0]))
		}
		at = end
	}
	return times, nil
}
