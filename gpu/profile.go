package gpu

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/rajveermalviya/go-webgpu/wgpu"

	"github.com/vertebra/vertebra/tensor"
)

// Timing is how long one dispatch of a plan took.
type Timing struct {
	Op, Layer, Program string
	FLOPs, Bytes       int64
	Time               time.Duration
}

// Profile runs the plan and times every dispatch: by the GPU's clock where
// the device has timestamps, else one submission each, by the wall clock. The
// GPU's ticks are calibrated on the run itself, against the wall clock.
func (p *Plan) Profile(ctx context.Context, inputs ...*tensor.Tensor) ([]Timing, error) {
	if _, err := p.Run(ctx, inputs...); err != nil { // warm, and inputs in place
		return nil, err
	}
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	if err := p.write(inputs); err != nil {
		return nil, err
	}
	wait(p.d.device)
	times, err := p.stamps()
	if err != nil || times == nil {
		times, err = p.wall()
	}
	if err != nil {
		return nil, err
	}
	out := make([]Timing, len(p.steps))
	for i, s := range p.steps {
		out[i] = Timing{s.op, s.layer, s.program, s.flops, s.bytes, times[i]}
	}
	return out, nil
}

// wall times each step as a submission of its own.
func (p *Plan) wall() ([]time.Duration, error) {
	times := make([]time.Duration, len(p.steps))
	for i := range p.steps {
		start := time.Now()
		if err := p.d.record(func(e *wgpu.CommandEncoder) error { return p.pass(e, i) }); err != nil {
			return nil, err
		}
		wait(p.d.device)
		times[i] = time.Since(start)
	}
	return times, nil
}

// record submits what f encodes. The caller holds the lock.
func (d *Device) record(f func(*wgpu.CommandEncoder) error) error {
	encoder, err := d.device.CreateCommandEncoder(nil)
	if err != nil {
		return err
	}
	defer encoder.Release()
	if err := f(encoder); err != nil {
		return err
	}
	commands, err := encoder.Finish(nil)
	if err != nil {
		return err
	}
	defer commands.Release()
	d.queue.Submit(commands)
	return nil
}

// pass encodes step i in a compute pass of its own.
func (p *Plan) pass(e *wgpu.CommandEncoder, i int) error {
	return pass(e, p.pipelines[i], p.groups[i], p.steps[i].kernel.Grid)
}

// pass encodes a dispatch in a compute pass of its own.
func pass(e *wgpu.CommandEncoder, pipe *pipeline, group *wgpu.BindGroup, grid [3]int) error {
	pass := e.BeginComputePass(nil)
	defer pass.Release()
	dispatch(pass, pipe, group, grid)
	return pass.End()
}

// stamps times the steps by the GPU's clock. It returns nil if the device has
// none, or one that does not run.
func (p *Plan) stamps() ([]time.Duration, error) {
	n := len(p.steps) + 1
	if !p.d.info.Timestamps || n > wgpu.QuerySetMaxQueries {
		return nil, nil
	}
	set, err := p.d.device.CreateQuerySet(&wgpu.QuerySetDescriptor{Type: wgpu.QueryType_Timestamp, Count: uint32(n)})
	if err != nil {
		return nil, err
	}
	defer set.Release()
	resolve, err := newBuffer(p.d.device, 8*int64(n), wgpu.BufferUsage_QueryResolve|wgpu.BufferUsage_CopySrc)
	if err != nil {
		return nil, err
	}
	defer resolve.Release()
	back, err := newBuffer(p.d.device, 8*int64(n), staging)
	if err != nil {
		return nil, err
	}
	defer back.Release()
	start := time.Now()
	err = p.d.record(func(e *wgpu.CommandEncoder) error {
		for i := range p.steps {
			if err := e.WriteTimestamp(set, uint32(i)); err != nil {
				return err
			}
			if err := p.pass(e, i); err != nil {
				return err
			}
		}
		if err := e.WriteTimestamp(set, uint32(n-1)); err != nil {
			return err
		}
		if err := e.ResolveQuerySet(set, 0, uint32(n), resolve, 0); err != nil {
			return err
		}
		return e.CopyBufferToBuffer(resolve, 0, back, 0, 8*uint64(n))
	})
	if err != nil {
		return nil, fmt.Errorf("gpu: timestamps: %w", err)
	}
	words := make([]float32, 2*n)
	if err := read(back, words); err != nil {
		return nil, err
	}
	took := time.Since(start)
	ticks := make([]uint64, n)
	for i := range ticks {
		ticks[i] = binary.LittleEndian.Uint64(raw(words)[8*i:])
		if i > 0 && ticks[i] < ticks[i-1] {
			return nil, nil
		}
	}
	all := ticks[n-1] - ticks[0]
	if all == 0 {
		return nil, nil
	}
	times := make([]time.Duration, len(p.steps))
	for i := range times {
		times[i] = time.Duration(float64(took) * float64(ticks[i+1]-ticks[i]) / float64(all))
	}
	return times, nil
}
