package gpu

import (
	"context"
	"fmt"

	"github.com/vertebra/vertebra/gpu/driver"
	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/tensor"
)

// hosted holds what a step on the host needs: copies of its args to memory that
// the host reads.
type hosted struct {
	copies  []driver.Command
	staging []driver.Buffer // of each arg; nil for a constant
}

func (h *hosted) release() {
	for _, b := range h.staging {
		if b != nil {
			b.Release()
		}
	}
}

// host makes what a step on the host needs.
func (p *Plan) host(s plan.Step) (*hosted, error) {
	h := &hosted{}
	for _, b := range s.Bindings[:len(s.Eval.Args)] {
		if b.Constant != nil {
			h.staging = append(h.staging, nil)
			continue
		}
		staging, err := p.d.driver.Buffer(b.Size, driver.Readable)
		if err != nil {
			h.release()
			return nil, err
		}
		h.staging = append(h.staging, staging)
		h.copies = append(h.copies, driver.Command{From: p.rangeOf(b.Range), To: driver.Range{Buffer: staging, Size: b.Size}})
	}
	return h, nil
}

// eval computes step i on the host and uploads its result. The result is on the
// device before the next submission runs.
func (p *Plan) eval(ctx context.Context, i int) error {
	s, h := p.plan.Steps[i], p.hosted[i]
	if err := p.d.run(ctx, h.copies...); err != nil {
		return err
	}
	args := make([]*tensor.Tensor, len(s.Eval.Args))
	for j, shape := range s.Eval.Args {
		if b := s.Bindings[j]; b.Constant != nil {
			args[j] = b.Constant.Tensor(nil).Reshape(shape...)
			continue
		}
		args[j] = tensor.New(shape...)
		if err := p.d.driver.Read(h.staging[j], raw(args[j].Data)); err != nil {
			return err
		}
	}
	y := s.Eval.Op.Eval(args)
	if !y.Shape.Equal(s.Eval.Result) {
		return fmt.Errorf("gpu: %s: Eval returns %v, but Shape says %v", s.Op, y.Shape, s.Eval.Result)
	}
	to, pending := p.rangeOf(s.Bindings[len(args)].Range), int64(0)
	return p.d.upload(ctx, to.Buffer, to.Offset, raw(y.Data), &pending)
}
