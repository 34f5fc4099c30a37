package models

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// head is the weights of a layer that has a channel for each class.
type head struct{ weight, bias *tensor.Tensor }

// further is a model with heads that its outputs do not show.
type further interface{ heads() []head }

// heads finds the layers that make m's outputs: from each back along first
// arguments to the first layer with weights. Those with other numbers of
// channels than the first have none for classes.
func heads(e Entry, m Model) ([]head, error) {
	g, err := Trace(m, 1, e.Size, e.Size, e.Channels)
	if err != nil {
		return nil, err
	}
	var found []head
	for _, o := range g.Outputs {
		v := o.Value
		for v.Op != nil && !isLayer(v.Op) {
			v = v.Args[0]
		}
		if v.Op == nil || v.Args[1].Const == nil {
			return nil, errNoHead(e)
		}
		h := head{weight: v.Args[1].Const}
		if len(v.Args) > 2 {
			h.bias = v.Args[2].Const
		}
		if len(found) > 0 && h.weight.Shape[0] != found[0].weight.Shape[0] {
			continue // of boxes, say
		}
		found = append(found, h)
	}
	if f, ok := m.(further); ok {
		found = append(found, f.heads()...)
	}
	return found, nil
}

func isLayer(op graph.Op) bool {
	switch op.(type) {
	case graph.Linear, graph.Conv2d:
		return true
	}
	return false
}

// SetClasses gives the heads of m, e's model with no weights yet, another
// number of classes.
func SetClasses(e Entry, m Model, classes int) error {
	if classes < 1 || classes > 1<<20 {
		return fmt.Errorf("models: a head of %d classes", classes)
	}
	all, err := heads(e, m)
	if err != nil {
		return err
	}
	before := all[0].weight.Shape[0]
	set := func(n int) {
		for _, h := range all {
			h.weight.Shape[0] = n
			if h.bias != nil {
				h.bias.Shape[0] = n
			}
		}
	}
	set(classes)
	g, err := TraceForward(m, 1, e.Size, e.Size, e.Channels)
	if err == nil {
		if y := g.Outputs[0].Value.Shape; y[len(y)-1] == classes {
			return nil
		}
	}
	set(before)
	return errNoHead(e)
}

func errNoHead(e Entry) error {
	return fmt.Errorf("models: %s has no layer with a channel for each class", e.Name)
}

// ClassesIn is the number of classes of the head in a checkpoint for e's model,
// or 0 if it has none of the kind. It reads no numbers of a source that can
// describe its tensors.
func ClassesIn(e Entry, src weights.Source) int {
	m := e.New()
	all, err := heads(e, m)
	if err != nil {
		return 0
	}
	shape, err := weights.ShapeOf(weights.Canonical(m, src), all[0].weight.Name)
	if err != nil || len(shape) != len(all[0].weight.Shape) || !shape[1:].Equal(all[0].weight.Shape[1:]) {
		return 0
	}
	return shape[0]
}
