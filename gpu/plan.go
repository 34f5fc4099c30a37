package gpu

import (
	"context"
	"math"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

// submissionFLOPs is the work of one submission at most, unless a single
// dispatch is larger: a submission of seconds makes a desktop reset its GPU.
const submissionFLOPs = 100e9

// Plan is a graph compiled for a device: pipelines, buffers and the order of
// dispatches. Plans may run concurrently, and so may runs of one plan.
type Plan struct {
	d     *Device
	plan  *plan.Plan
	graph *graph.Graph

	dispatches []driver.Command // of each step
	copies     []driver.Command // of outputs to staging
	buffers    []driver.Buffer  // of values
	uniforms   driver.Buffer
	staging    []driver.Buffer // of each output; nil for one that is a constant
	constants  []constantKey
	stats      Stats
	closed     bool
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
	outputs := make([]*tensor.Tensor, len(p.plan.Outputs))
	for i, o := range p.plan.Outputs {
		outputs[i] = tensor.New(o.Shape...)
		outputs[i].Name = o.Name
		if o.Constant != nil {
			copy(outputs[i].Data, o.Constant.Data)
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
		if at = next; at >= len(p.dispatches) {
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	for i, b := range p.staging {
		if b == nil {
			continue
		}
		if err := p.d.driver.Read(b, raw(outputs[i].Data)); err != nil {
			return nil, err
		}
	}
	return outputs, nil
}

// write uploads the inputs.
func (p *Plan) write(inputs []*tensor.Tensor) error {
	pending := int64(0)
	for i, t := range inputs {
		at := p.rangeOf(p.plan.Inputs[i])
		if err := p.d.upload(at.Buffer, at.Offset, t.Data, &pending); err != nil {
			return err
		}
	}
	return nil
}

// submit runs the steps from at on, as many as one submission may hold, and
// returns the next. The last submission copies the outputs.
func (p *Plan) submit(at int) (next int, err error) {
	budget := float64(submissionFLOPs)
	if p.d.info.Limits.Kind == shaders.CPU {
		budget = math.Inf(1)
	}
	for next = at; next < len(p.dispatches); next++ {
		if budget -= float64(p.plan.Steps[next].FLOPs); budget < 0 && next > at {
			break
		}
	}
	commands := p.dispatches[at:next:next]
	if next == len(p.dispatches) {
		commands = append(commands, p.copies...)
	}
	return next, p.d.run(commands...)
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
		nan := make([]float32, p.plan.Sizes[i]/4)
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
	for _, c := range p.dispatches {
		c.Group.Release()
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
func (p *Plan) String() string { return p.plan.String() }
