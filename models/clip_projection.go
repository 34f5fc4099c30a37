package models

import (
	"fmt"
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/weights"
)

// Projection maps embeddings to another width, such as that of a language model.
// Without a layer it returns them unchanged.
type Projection struct {
	Linear *layers.Linear
}

// LoadProjection reads a linear layer, such as "mm_projector", from a checkpoint:
// NAME.weight [out, in] and, if present, NAME.bias [out].
func LoadProjection(src weights.Source, name string) (*Projection, error) {
	w, err := src.Tensor(name + ".weight")
	if err != nil {
		return nil, fmt.Errorf("models: projection: %w", err)
	}
	if len(w.Shape) != 2 {
		return nil, fmt.Errorf("models: projection: %s.weight is %v, want [out, in]", name, w.Shape)
	}
	l := layers.NewLinear(w.Shape[1], w.Shape[0])
	if !slices.Contains(src.Names(), name+".bias") {
		l.NoBias()
	}
	rest := weights.Rename(src, func(n string) string {
		if n == name+".weight" || n == name+".bias" {
			return n[len(name)+1:]
		}
		return ""
	})
	return &Projection{l}, weights.Bind(l, rest)
}

// Forward maps embeddings [..., in] to [..., out].
func (p *Projection) Forward(x *graph.Value) *graph.Value {
	if p == nil || p.Linear == nil {
		return x
	}
	return p.Linear.Forward(x)
}
