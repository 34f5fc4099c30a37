package models

import (
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// Summary says what a model computes for an input, step by step. Shapes are in
// PyTorch's order: [B, C, H, W] of images.
type Summary struct {
	Input   tensor.Shape   `json:"input"`
	Layers  []SummaryLayer `json:"layers"` // in the order of computation
	Stages  []SummaryStage `json:"stages"` // the coarsest named points, and the outputs
	Outputs []SummaryStage `json:"outputs"`

	Unused int64 `json:"unused_parameters"` // of layers that inference does without

	Cost // of all layers
}

// SummaryLayer is one operation.
type SummaryLayer struct {
	Name   string       `json:"name,omitempty"` // of the layer whose weights it uses
	Op     string       `json:"op"`
	Stages []string     `json:"stages,omitempty"` // the named points at its result
	Shape  tensor.Shape `json:"output"`

	Cost
}

// SummaryStage is what comes after the stage before it, up to a named point.
type SummaryStage struct {
	Name   string       `json:"name"`
	Blocks int          `json:"blocks,omitempty"` // of which it is a sequence; 0 if it is none
	Shape  tensor.Shape `json:"output"`

	Cost
}

// Cost is what a part of a model takes. Attention over h×w tokens of C channels
// takes 4·h·w·C² multiply-adds in projections, and in scores and weighted sums
// 2·(h·w)²·C, or 2·M²·h·w·C inside windows of M×M.
type Cost struct {
	Parameters      int64 `json:"parameters"`       // what is trained, of the layers used
	MultiplyAdds    int64 `json:"multiply_adds"`    // of convolutions and matrix products
	Projections     int64 `json:"projections"`      // of MultiplyAdds, in the linear layers before and after attention
	Attention       int64 `json:"attention"`        // of MultiplyAdds, in scores and weighted sums
	ActivationBytes int64 `json:"activation_bytes"` // of the results of all layers, in float32
}

// Add adds what another part takes.
func (c *Cost) Add(d Cost) {
	c.Parameters += d.Parameters
	c.MultiplyAdds += d.MultiplyAdds
	c.Projections += d.Projections
	c.Attention += d.Attention
	c.ActivationBytes += d.ActivationBytes
}

// Summarize describes m on an input [B, H, W, C]. It needs no weights.
func Summarize(m Network, shape ...int) (*Summary, error) {
	g, err := Trace(m, shape...)
	if err != nil {
		return nil, err
	}
	trained := map[*tensor.Tensor]int64{}
	s := &Summary{Input: ChannelsFirst(g.Inputs[0].Shape)}
	weights.Walk(m, func(name string, t *tensor.Tensor) {
		if !strings.HasSuffix(name, ".running_mean") && !strings.HasSuffix(name, ".running_var") {
			trained[t] = int64(t.Shape.Len())
			s.Unused += trained[t]
		}
	})
	live := map[*graph.Value]bool{}
	for _, o := range g.Outputs {
		live[o.Value] = true
	}
	names := map[*graph.Value][]string{}
	for _, stage := range g.Stages {
		names[stage.Value] = append(names[stage.Value], stage.Name)
	}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		if v := g.Nodes[i]; live[v] {
			for _, a := range v.Args {
				live[a] = true
			}
		}
	}
	ends, projections := stageEnds(g), attentionProjections(g)
	var since Cost
	for _, v := range g.Nodes {
		if v.Op == nil || !live[v] {
			continue
		}
		l := SummaryLayer{Name: v.Name, Op: v.Op.Name(), Stages: names[v], Shape: ChannelsFirst(v.Shape)}
		l.Cost = cost(v, trained)
		if projections[v] {
			l.Projections = l.MultiplyAdds
		}
		s.Layers = append(s.Layers, l)
		since.Add(l.Cost)
		s.Cost.Add(l.Cost)
		for _, stage := range ends[v] {
			stage.Cost = since
			s.Stages = append(s.Stages, stage)
			since = Cost{}
		}
		for _, o := range g.Outputs {
			if o.Value == v {
				s.Outputs = append(s.Outputs, SummaryStage{Name: o.Name, Shape: l.Shape, Cost: since})
				if ends[v] == nil {
					s.Stages = append(s.Stages, s.Outputs[len(s.Outputs)-1])
				}
				since = Cost{}
			}
		}
	}
	s.Unused -= s.Parameters
	return s, nil
}

// cost is what an operation takes. Of weights, those are taken away from
// trained that it is the first to use.
func cost(v *graph.Value, trained map[*tensor.Tensor]int64) Cost {
	var c Cost
	for _, a := range v.Args {
		if a.Const != nil {
			c.Parameters += trained[a.Const]
			delete(trained, a.Const)
		}
	}
	switch v.Op.(type) {
	case graph.Conv2d, graph.ConvTranspose2d, graph.Linear, graph.MatMul, graph.Attention, graph.WindowAttention:
		c.MultiplyAdds = graph.FLOPs(v.Op, v.ArgShapes(), v.Shape) / 2
	}
	if isAttention(v) {
		c.Attention = c.MultiplyAdds
	}
	if _, free := v.Op.(graph.Reshape); !free {
		c.ActivationBytes = 4 * int64(v.Shape.Len())
	}
	return c
}

// isAttention says whether v computes scores and sums weighted by them.
func isAttention(v *graph.Value) bool {
	switch v.Op.(type) {
	case graph.Attention, graph.WindowAttention:
		return true
	}
	return false
}

// attentionProjections are the linear layers that attention has directly, or
// but for a reshape, before and after it.
func attentionProjections(g *graph.Graph) map[*graph.Value]bool {
	plain := func(v *graph.Value) *graph.Value {
		for {
			if _, ok := v.Op.(graph.Reshape); !ok {
				return v
			}
			v = v.Args[0]
		}
	}
	found := map[*graph.Value]bool{}
	for _, v := range g.Nodes {
		if isAttention(v) {
			for _, a := range v.Args {
				if a = plain(a); isLinear(a) {
					found[a] = true
				}
			}
		}
		if isLinear(v) && isAttention(plain(v.Args[0])) {
			found[v] = true
		}
	}
	return found
}

func isLinear(v *graph.Value) bool {
	_, ok := v.Op.(graph.Linear)
	return ok
}

// stageEnds are the stages that lie in no other, by the values at which they
// end, with the number of their blocks: stages of their name and a number.
func stageEnds(g *graph.Graph) map[*graph.Value][]SummaryStage {
	all := map[string]bool{}
	for _, s := range g.Stages {
		all[s.Name] = true
	}
	ends := map[*graph.Value][]SummaryStage{}
next:
	for _, s := range g.Stages {
		for i := range s.Name {
			if s.Name[i] == '.' && all[s.Name[:i]] {
				continue next
			}
		}
		stage := SummaryStage{Name: s.Name, Shape: ChannelsFirst(s.Value.Shape)}
		for all[fmt.Sprintf("%s.%d", s.Name, stage.Blocks)] {
			stage.Blocks++
		}
		ends[s.Value] = append(ends[s.Value], stage)
	}
	return ends
}

// ChannelsFirst is the shape in PyTorch's order of an image [B, H, W, C]; others
// are as they are.
func ChannelsFirst(s tensor.Shape) tensor.Shape {
	if len(s) != 4 {
		return s
	}
	return tensor.Shape{s[0], s[3], s[1], s[2]}
}
