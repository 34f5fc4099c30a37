package vision

import (
	"context"
	"iter"

	"github.com/vertebra/vertebra/tensor"
)

// Features are values inside a network for a picture.
type Features struct {
	Name   string // of the input
	Result *tensor.Tensor
	Stages []*tensor.Tensor // [1, …], in the order asked for; images are channels-last
}

// Features computes the values of the named stages for pictures, in order. Stages
// lists the names. If a picture cannot be read, it yields an *InputError and goes on;
// it stops at any other error.
func (m *Model) Features(ctx context.Context, stages []string, in ...Input) iter.Seq2[Features, error] {
	return func(yield func(Features, error) bool) {
		for c, err := range m.each(ctx, true, stages, in) {
			var r Features
			if c.prepared != nil {
				r.Name = c.name
			}
			if err == nil {
				r.Result, r.Stages = c.outputs[0], c.outputs[1:]
			}
			if !yield(r, err) {
				return
			}
		}
	}
}
