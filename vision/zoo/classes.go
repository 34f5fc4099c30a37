package zoo

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/weights"
)

// heads finds the layers that make m's outputs: it follows first arguments back
// from each output to a layer with weights. A layer with another number of channels
// than the first one found has no channels for classes and is left out.
func heads(e Model, m models.Network) ([]models.Head, error) {
	switch e.Task {
	case Classify, Segment, Detect:
	default:
		return nil, fmt.Errorf("zoo: %s has no classes: it %s", e.Name, e.Task.Does())
	}
	if models.Headless(m) {
		return nil, errNoHead(e)
	}
	g, err := models.Trace(m, 1, e.Size, e.Size, e.Channels)
	if err != nil {
		return nil, err
	}
	var found []models.Head
	for _, o := range g.Outputs {
		v := o.Value
		for v.Op != nil && !isLayer(v.Op) {
			v = v.Args[0]
		}
		if v.Op == nil || v.Args[1].Const == nil {
			return nil, errNoHead(e)
		}
		h := models.Head{Weight: v.Args[1].Const}
		if len(v.Args) > 2 {
			h.Bias = v.Args[2].Const
		}
		if len(found) > 0 && h.Weight.Shape[0] != found[0].Weight.Shape[0] {
			continue // such as the head for boxes
		}
		found = append(found, h)
	}
	if f, ok := m.(interface{ AuxiliaryHeads() []models.Head }); ok {
		found = append(found, f.AuxiliaryHeads()...)
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

// SetClasses changes the number of classes of m, the network of e, which has no
// weights yet.
func SetClasses(e Model, m models.Network, classes int) error {
	if classes < 1 || classes > 1<<20 {
		return fmt.Errorf("zoo: a head cannot have %d classes", classes)
	}
	all, err := heads(e, m)
	if err != nil {
		return err
	}
	before := all[0].Weight.Shape[0]
	set := func(n int) {
		for _, h := range all {
			h.Weight.Shape[0] = n
			if h.Bias != nil {
				h.Bias.Shape[0] = n
			}
		}
	}
	set(classes)
	g, err := models.TraceForward(m, 1, e.Size, e.Size, e.Channels)
	if err == nil {
		if y := g.Outputs[0].Value.Shape; y[len(y)-1] == classes {
			return nil
		}
	}
	set(before)
	return errNoHead(e)
}

func errNoHead(e Model) error {
	return fmt.Errorf("zoo: %s has no layer with a channel for each class", e.Name)
}

// ClassesIn returns the number of classes of the head in a checkpoint for e, or 0 if
// src has no such head. It reads a tensor only if src cannot describe it.
func ClassesIn(e Model, src weights.Source) int {
	m := e.NewFor(src)
	all, err := heads(e, m)
	if err != nil {
		return 0
	}
	shape, err := weights.ShapeOf(weights.Canonical(m, src), all[0].Weight.Name)
	if err != nil || len(shape) != len(all[0].Weight.Shape) || !shape[1:].Equal(all[0].Weight.Shape[1:]) {
		return 0
	}
	return shape[0]
}
