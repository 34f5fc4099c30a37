package gpu

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// Plan is a graph compiled for a device: pipelines, buffers and the order of
// dispatches. Many goroutines may run plans. Different plans run side by side; the
// runs of one plan share its buffers and happen one after the other.
type Plan struct {
	d     *Device
	plan  *plan.Plan
	graph *graph.Graph

	dispatches []driver.Command // of each step; zero for a step on the host
	pipelines  []*pipeline      // of each step; nil for a step on the host
	hosted     map[int]*hosted  // by step
	copies     []driver.Command // of outputs to staging
	buffers    []driver.Buffer  // of values
	uniforms   driver.Buffer
	staging    []driver.Buffer // of each output; nil for a constant
	constants  map[plan.ConstantKey]*constant
	stats      Stats

	turn     chan struct{} // holds a token while a goroutine uses the plan and the fields below
	closed   bool
	pace     pace
	commands []driver.Command // of one submission
	before   []driver.Command // copies of Submit's inputs
	after    []driver.Command // copies of Submit's outputs
}

// Device returns the device that the plan was compiled for.
func (p *Plan) Device() *Device { return p.d }

// take waits for the caller's turn and keeps the device open until give.
func (p *Plan) take(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	err := errPlanClosed
	if !p.closed {
		err = p.d.enter()
	}
	if err != nil {
		<-p.turn
	}
	return err
}

func (p *Plan) give() {
	p.d.leave()
	<-p.turn
}

// Stats counts the memory and the work of a plan.
type Stats struct {
	ActivationBytes int64 // of the buffers for values
	ActivationBound int64 // most bytes alive at once, a lower bound of ActivationBytes
	WeightBytes     int64 // of constants, as laid out on the device
	Dispatches      int
	Evals           int // ops that have no kernel and run on the CPU
	Pipelines       int // kernels with different texts
	Tuned           int // ops, or parts of ops, whose program was tuned on the device
	FLOPs           int64
}

// Run computes the outputs of the graph for these inputs, in the graph's layout.
// When ctx ends, Run returns ctx's error within a moment. The device then still has
// less than a second of work, or one long dispatch, and starts the next run after
// it.
func (p *Plan) Run(ctx context.Context, inputs ...*tensor.Tensor) ([]*tensor.Tensor, error) {
	if err := p.graph.CheckInputs(inputs); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := p.take(ctx); err != nil {
		return nil, err
	}
	defer p.give()
	outputs := make([]*tensor.Tensor, len(p.plan.Outputs))
	for i, o := range p.plan.Outputs {
		outputs[i] = tensor.New(o.Shape...)
		outputs[i].Name = o.Name
		if o.Constant != nil {
			copy(outputs[i].Data, o.Constant.Data)
		}
	}
	if err := p.write(ctx, inputs); err != nil {
		return nil, err
	}
	if err := p.compute(ctx, nil, p.copies); err != nil {
		return nil, err
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
func (p *Plan) write(ctx context.Context, inputs []*tensor.Tensor) error {
	pending := int64(0)
	for i, t := range inputs {
		at := p.rangeOf(p.plan.Inputs[i])
		if err := p.d.upload(ctx, at.Buffer, at.Offset, raw(t.Data), &pending); err != nil {
			return err
		}
	}
	return nil
}

// last describes the last submission of a run.
type last struct {
	submission driver.Submission
	piece      piece
	start      time.Time
}

// compute runs the copies in before, all steps and the copies in after, and waits
// for them.
func (p *Plan) compute(ctx context.Context, before, after []driver.Command) error {
	l, err := p.enqueue(ctx, before, after)
	if err != nil {
		return err
	}
	return p.finish(ctx, l)
}

// enqueue submits the copies in before, all steps and the copies in after. It waits
// for all submissions except the last. Steps on the host run between submissions.
func (p *Plan) enqueue(ctx context.Context, before, after []driver.Command) (last, error) {
	p.commands = append(p.commands[:0], before...)
	for at := 0; ; p.commands = p.commands[:0] {
		l := last{piece: p.next(at)}
		end := l.piece.end
		p.commands = append(p.commands, p.dispatches[at:end]...)
		if end == len(p.dispatches) {
			p.commands = append(p.commands, after...)
		}
		l.start = time.Now()
		var err error
		if l.submission, err = p.d.submit(ctx, p.commands, l.piece.seconds); err != nil {
			return l, err
		}
		for _, pipe := range p.pipelines[at:end] {
			pipe.ran.Store(true)
		}
		if at = end; at == len(p.dispatches) {
			return l, nil
		}
		if err := p.finish(ctx, l); err != nil {
			return l, err
		}
		for ; p.hosted[at] != nil; at++ {
			if err := p.eval(ctx, at); err != nil {
				return l, err
			}
		}
	}
}

// finish waits for a submission and adjusts the pace to it.
func (p *Plan) finish(ctx context.Context, l last) error {
	if err := p.d.await(ctx, l.submission); err != nil {
		return err
	}
	p.pace.learn(l.piece, time.Since(l.start))
	return nil
}

// Poison fills every value's memory with NaN. It lets a test detect a kernel that
// reads memory before a step writes it, or leaves out a part of its result.
func (p *Plan) Poison() error {
	if err := p.take(context.Background()); err != nil {
		return err
	}
	defer p.give()
	pending := int64(0)
	for i, b := range p.buffers {
		nan := make([]float32, p.plan.Sizes[i]/4)
		for j := range nan {
			nan[j] = float32(math.NaN())
		}
		if err := p.d.upload(context.Background(), b, 0, raw(nan), &pending); err != nil {
			return err
		}
	}
	return nil
}

// Stats returns the memory and the work of the plan.
func (p *Plan) Stats() Stats { return p.stats }

var errPlanClosed = errors.New("gpu: the plan is closed")

// Close waits for a run that is under way and then releases the plan's memory. It
// is idempotent.
func (p *Plan) Close() error {
	if err := p.take(context.Background()); err == nil {
		p.release()
		p.d.mu.Lock()
		delete(p.d.plans, p)
		p.d.mu.Unlock()
		p.closed = true
		p.give()
	}
	return nil
}

// release releases all GPU objects. The caller has the plan's turn or has locked
// the device to close it.
func (p *Plan) release() {
	for _, c := range p.dispatches {
		if c.Group != nil {
			c.Group.Release()
		}
	}
	for _, h := range p.hosted {
		h.release()
	}
	for _, b := range append(append(p.buffers, p.staging...), p.uniforms) {
		if b != nil {
			b.Release()
		}
	}
	for key, c := range p.constants {
		p.d.drop(key, c)
	}
}

// String lists the dispatches: layer, program, grid, buffers and offsets read
// and written, operations and bytes. The last line sums them up. Successive
// dispatches share a line if they differ only in the part of a constant that they
// read.
func (p *Plan) String() string { return p.plan.String() }
