package zoo

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// outline has the names and shapes of a source. It stays when the source is closed.
type outline struct {
	names   []string
	entries map[string]weights.Entry
}

func outlineOf(src weights.Source) *outline {
	o := &outline{src.Names(), map[string]weights.Entry{}}
	for _, n := range o.names {
		if e, ok := weights.Describe(src, n); ok {
			o.entries[n] = e
		}
	}
	return o
}

// Names lists the tensors in the checkpoint's order.
func (o *outline) Names() []string { return o.names }

// Entry describes a tensor.
func (o *outline) Entry(name string) (weights.Entry, bool) {
	e, ok := o.entries[name]
	return e, ok
}

// Tensor is an error: an outline has no numbers.
func (o *outline) Tensor(name string) (*tensor.Tensor, error) {
	return nil, fmt.Errorf("no numbers of %s", name)
}
