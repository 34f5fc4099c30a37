package gpu

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/rajveermalviya/go-webgpu/wgpu"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

const (
	storage = wgpu.BufferUsage_Storage | wgpu.BufferUsage_Uniform | wgpu.BufferUsage_CopySrc | wgpu.BufferUsage_CopyDst
	staging = wgpu.BufferUsage_MapRead | wgpu.BufferUsage_CopyDst

	// submissionFLOPs is the work of one submission at most, unless a single
	// dispatch is larger: a submission of seconds makes a desktop reset its GPU.
	submissionFLOPs = 100e9
)

// Plan is a graph compiled for a device: pipelines, buffers and the order of
// dispatches. Plans may run concurrently, and so may runs of one plan.
type Plan struct {
	d *Device
	listing
	graph *graph.Graph

	pipelines []*pipeline // of each step
	groups    []*wgpu.BindGroup
	buffers   []*wgpu.Buffer // of values
	uniforms  *wgpu.Buffer
	staging   []*wgpu.Buffer // of each output
	constants []constantKey
	stats     Stats
	closed    bool
}

// Stats counts what a plan takes.
type Stats struct {
	ActivationBytes int64 // of the buffers for values
	ActivationBound int64 // most bytes alive at once: no plan can take less
	WeightBytes     int64 // of constants, as they are laid out on the device
	Dispatches      int
	Pipelines       int // kernels with different texts
	FLOPs           int64
}

// Run computes the outputs of the graph for these inputs, in the graph's
// layout. It returns early between submissions when ctx ends.
func (p *Plan) Run(ctx context.Context, inputs ...*tensor.Tensor) ([]*tensor.Tensor, error) {
	if err := p.graph.CheckInputs(inputs); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	outputs := make([]*tensor.Tensor, len(p.outputs))
	for i, o := range p.outputs {
		outputs[i] = tensor.New(o.shape...)
		outputs[i].Name = o.name
		if o.value < 0 {
			copy(outputs[i].Data, o.constant.Data)
		}
	}
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	if err := p.write(inputs); err != nil {
		return nil, err
	}
	for at := 0; ; {
		next, err := p.submit(at)
		if err != nil {
			return nil, err
		}
		if at = next; at >= len(p.steps) {
			break
		}
		wait(p.d.device)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	for i, o := range p.outputs {
		if o.value < 0 {
			continue
		}
		if err := read(p.staging[i], outputs[i].Data); err != nil {
			return nil, err
		}
	}
	return outputs, nil
}

// write uploads the inputs.
func (p *Plan) write(inputs []*tensor.Tensor) error {
	pending := int64(0)
	for i, t := range inputs {
		at := p.slots[p.inputs[i]]
		if err := p.d.upload(p.buffers[at.buffer], at.offset, t.Data, &pending); err != nil {
			return err
		}
	}
	return nil
}

// submit sends the steps from at on to the queue, as many as one submission
// may hold, and returns the next. The last submission copies the outputs.
func (p *Plan) submit(at int) (next int, err error) {
	err = p.d.record(func(e *wgpu.CommandEncoder) error {
		if next, err = p.encode(e, at); err != nil || next < len(p.steps) {
			return err
		}
		for i, o := range p.outputs {
			if o.value < 0 {
				continue
			}
			at := p.slots[o.value]
			if err := e.CopyBufferToBuffer(p.buffers[at.buffer], uint64(at.offset), p.staging[i], 0, 4*uint64(o.shape.Len())); err != nil {
				return err
			}
		}
		return nil
	})
	return next, err
}

// encode puts the steps from at on into one pass, as many as one submission may
// hold, and returns the next.
func (p *Plan) encode(e *wgpu.CommandEncoder, at int) (next int, err error) {
	if at == len(p.steps) {
		return at, nil
	}
	budget := float64(submissionFLOPs)
	if p.d.info.Limits.Kind == shaders.CPU {
		budget = math.Inf(1)
	}
	pass := e.BeginComputePass(nil)
	defer pass.Release()
	for next = at; next < len(p.steps); next++ {
		if budget -= float64(p.steps[next].flops); budget < 0 && next > at {
			break
		}
		dispatch(pass, p.pipelines[next], p.groups[next], p.steps[next].kernel.Grid)
	}
	return next, pass.End()
}

// dispatch adds one dispatch to a pass.
func dispatch(pass *wgpu.ComputePassEncoder, pipe *pipeline, group *wgpu.BindGroup, grid [3]int) {
	pass.SetPipeline(pipe.compute)
	pass.SetBindGroup(0, group, nil)
	pass.DispatchWorkgroups(uint32(grid[0]), uint32(grid[1]), uint32(grid[2]))
}

// Poison fills every value's memory with NaN, so that a test sees a kernel
// that reads or leaves out what it should not.
func (p *Plan) Poison() error {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	if p.closed {
		return errClosed
	}
	pending := int64(0)
	for i, b := range p.buffers {
		nan := make([]float32, p.sizes[i]/4)
		for j := range nan {
			nan[j] = float32(math.NaN())
		}
		if err := p.d.upload(b, 0, nan, &pending); err != nil {
			return err
		}
	}
	return nil
}

// Stats counts what the plan takes.
func (p *Plan) Stats() Stats { return p.stats }

// Close gives the plan's memory back. It is idempotent.
func (p *Plan) Close() error {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	p.release()
	return nil
}

// release gives up all GPU objects. The caller holds the device's lock.
func (p *Plan) release() {
	if p.closed {
		return
	}
	p.closed = true
	delete(p.d.plans, p)
	for _, g := range p.groups {
		g.Release()
	}
	for _, b := range append(append(p.buffers, p.staging...), p.uniforms) {
		if b != nil {
			b.Release()
		}
	}
	for _, k := range p.constants {
		c := p.d.constants[k]
		if c.users--; c.users == 0 {
			c.buffer.Release()
			delete(p.d.constants, k)
		}
	}
}

// String lists the dispatches: layer, program, grid, buffers and offsets read
// and written, operations and bytes; then what the plan takes. Dispatches in
// sequence that differ only in the part of a constant that they read share a
// line.
func (p *Plan) String() string { return p.listing.String() }

// String is the plan's.
func (l *listing) String() string {
	var b strings.Builder
	var flops int64
	for i := 0; i < len(l.steps); {
		line, first := l.line(i), i
		var work, bytes int64
		for ; i < len(l.steps) && l.line(i) == line; i++ {
			work, bytes = work+l.steps[i].flops, bytes+l.steps[i].bytes
		}
		times := ""
		if i-first > 1 {
			times = fmt.Sprintf("  %d times", i-first)
		}
		fmt.Fprintf(&b, "%3d %s%s  %d FLOP %d B\n", first, line, times, work, bytes)
		flops += work
	}
	var total int64
	for _, s := range l.sizes {
		total += s
	}
	fmt.Fprintf(&b, "%d dispatches, %d FLOP; activations %d B in %d buffers, lower bound %d B (%.3f)\n",
		len(l.steps), flops, total, len(l.sizes), l.bound, float64(total)/float64(max(1, l.bound)))
	return b.String()
}

// line is what a step's line of the listing says but its number, operations
// and bytes.
func (l *listing) line(i int) string {
	var b strings.Builder
	s := l.steps[i]
	fmt.Fprintf(&b, "%-32s %-28s %v", strings.TrimSpace(s.layer+" "+s.op), s.program, s.kernel.Grid)
	for _, o := range s.bind {
		switch {
		case o.value >= 0:
			fmt.Fprintf(&b, " b%d+%d", l.slots[o.value].buffer, l.slots[o.value].offset)
		case o.constant != nil:
			b.WriteString(" c")
		default:
			b.WriteString(" -")
		}
	}
	return b.String()
}
