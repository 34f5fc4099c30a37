package gpu

import (
	"context"
	"errors"
	"fmt"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/tensor"
)

// Pending is a submitted run. The zero Pending is done.
type Pending struct {
	d          *Device
	submission driver.Submission
}

// Wait waits until the run is done. If ctx ends, it returns ctx's error and the
// run goes on.
func (r Pending) Wait(ctx context.Context) error {
	if r.d == nil {
		return ctx.Err()
	}
	if err := r.d.enter(); err != nil {
		return err
	}
	defer r.d.leave()
	return r.d.await(ctx, r.submission)
}

// Submit runs the plan on tensors of the device. It returns once the run is in the
// device's queue, and the queue keeps the order of calls. The caller can therefore
// pass an output to the next plan, read it, or write to an input at once.
//
// The queue holds about a second of work, and Submit waits for room in it. If ctx
// ends during this wait, Submit returns ctx's error and leaves the outputs as they
// are.
//
// Inputs and outputs have the graph's shapes and order. The plan works on copies,
// and an output may be an input, too.
func (p *Plan) Submit(ctx context.Context, outputs, inputs []*Tensor) (Pending, error) {
	if err := ctx.Err(); err != nil {
		return Pending{}, err
	}
	if err := p.check(outputs, inputs); err != nil {
		return Pending{}, err
	}
	if err := p.take(ctx); err != nil {
		return Pending{}, err
	}
	defer p.give()
	if err := p.hold(outputs, inputs); err != nil {
		return Pending{}, err
	}
	defer drop(outputs, inputs)
	p.before, p.after = p.before[:0], p.after[:0]
	for i, t := range inputs {
		p.before = append(p.before, driver.Command{From: t.memory, To: p.rangeOf(p.plan.Inputs[i])})
	}
	pending := int64(0)
	for i, t := range outputs {
		o := p.plan.Outputs[i]
		if o.Constant == nil {
			p.after = append(p.after, driver.Command{From: p.rangeOf(o.At), To: t.memory})
		} else if err := p.d.upload(ctx, t.memory.Buffer, 0, raw(o.Constant.Data), &pending); err != nil {
			return Pending{}, err
		}
	}
	last, err := p.enqueue(ctx, p.before, p.after)
	if err != nil {
		return Pending{}, err
	}
	return Pending{p.d, last.submission}, nil
}

// RunInto runs the plan on tensors of the device, as Submit does, and waits.
func (p *Plan) RunInto(ctx context.Context, outputs, inputs []*Tensor) error {
	r, err := p.Submit(ctx, outputs, inputs)
	if err != nil {
		return err
	}
	return r.Wait(ctx)
}

// NewOutputs makes a tensor for each of the plan's outputs. The caller closes the
// tensors.
func (p *Plan) NewOutputs() ([]*Tensor, error) {
	var made []*Tensor
	for _, o := range p.plan.Outputs {
		t, err := p.d.NewTensor(o.Shape...)
		if err != nil {
			for _, t := range made {
				t.Close()
			}
			return nil, err
		}
		made = append(made, t)
	}
	return made, nil
}

// check returns an error if a tensor cannot be an output or input.
func (p *Plan) check(outputs, inputs []*Tensor) error {
	if len(inputs) != len(p.graph.Inputs) || len(outputs) != len(p.plan.Outputs) {
		return fmt.Errorf("gpu: %d inputs and %d outputs given, want %d and %d",
			len(inputs), len(outputs), len(p.graph.Inputs), len(p.plan.Outputs))
	}
	for i, v := range p.graph.Inputs {
		if err := p.takes(inputs[i], v.Shape); err != nil {
			return fmt.Errorf("gpu: input %s: %w", v.Name, err)
		}
	}
	for i, o := range p.plan.Outputs {
		if err := p.takes(outputs[i], o.Shape); err != nil {
			return fmt.Errorf("gpu: output %s: %w", o.Name, err)
		}
		for j, t := range outputs[:i] {
			if t == outputs[i] {
				return fmt.Errorf("gpu: outputs %s and %s are the same tensor", p.plan.Outputs[j].Name, o.Name)
			}
		}
	}
	return nil
}

func (p *Plan) takes(t *Tensor, s tensor.Shape) error {
	switch {
	case t == nil:
		return errors.New("the tensor is nil")
	case t.d != p.d:
		return errors.New("the tensor is on another device")
	case !t.shape.Equal(s):
		return fmt.Errorf("the tensor has shape %v, want %v", t.shape, s)
	}
	return nil
}

// hold keeps the memory of all tensors until drop.
func (p *Plan) hold(outputs, inputs []*Tensor) error {
	for i, t := range inputs {
		if err := t.hold(); err != nil {
			drop(nil, inputs[:i])
			return fmt.Errorf("gpu: input %s: %w", p.graph.Inputs[i].Name, err)
		}
	}
	for i, t := range outputs {
		if err := t.hold(); err != nil {
			drop(outputs[:i], inputs)
			return fmt.Errorf("gpu: output %s: %w", p.plan.Outputs[i].Name, err)
		}
	}
	return nil
}

func drop(outputs, inputs []*Tensor) {
	for _, t := range inputs {
		t.drop()
	}
	for _, t := range outputs {
		t.drop()
	}
}
