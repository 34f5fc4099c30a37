package models

import (
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// Summary says what a model computes for an input, step by step. Shapes are in
// PyTorch's order: an image is [B, C, H, W].
type Summary struct {
	Input   tensor.Shape   `json:"input"`
	Layers  []SummaryLayer `json:"layers"` // in the order of computation
	Stages  []SummaryStage `json:"stages"` // the coarsest stages, and the outputs
	Outputs []SummaryStage `json:"outputs"`

	Unused int64 `json:"unused_parameters"` // of layers that inference does not need

	Cost // of all layers
}

// SummaryLayer is one operation.
type SummaryLayer struct {
	Name   string       `json:"name,omitempty"` // of the layer whose weights it uses
	Op     string       `json:"op"`
	Stages []string     `json:"stages,omitempty"` // the stages that end here
	Shape  tensor.Shape `json:"output"`

	Cost
}

// SummaryStage is a part of a model, from the end of the stage before to a named
// value.
type SummaryStage struct {
	Name   string       `json:"name"`
	Blocks int          `json:"blocks,omitempty"` // number of blocks; 0 if it is not a sequence of blocks
	Shape  tensor.Shape `json:"output"`

	Cost
}

// Cost is the work and memory of a part of a model. Attention between h×w tokens
// with C channels takes 4·h·w·C² multiply-adds in projections. Scores and weighted
// sums take 2·(h·w)²·C, or 2·M²·h·w·C inside windows of M×M tokens.
type Cost struct {
	Parameters      int64 `json:"parameters"`       // trained numbers in the layers used
	MultiplyAdds    int64 `json:"multiply_adds"`    // in convolutions and matrix products
	Projections     int64 `json:"projections"`      // part of MultiplyAdds: the linear layers before and after attention
	Attention       int64 `json:"attention"`        // part of MultiplyAdds: scores and weighted sums
	ActivationBytes int64 `json:"activation_bytes"` // of the results of all layers, in float32
}

// Add adds the cost of another part.
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
	trained, all := map[*tensor.Tensor]int64{}, int64(0)
	weights.Walk(m, func(name string, t *tensor.Tensor) {
		if !strings.HasSuffix(name, ".running_mean") && !strings.HasSuffix(name, ".running_var") {
			trained[t] = int64(t.Shape.Len())
			all += trained[t]
		}
	})
	s := summarize(g, trained, channelsFirst)
	s.Unused = all - s.Parameters
	return s, nil
}

// SummarizeGraph describes a graph, such as that of an ONNX file, with shapes as they are there.
// All its constants count as parameters.
func SummarizeGraph(g *graph.Graph) *Summary {
	trained := map[*tensor.Tensor]int64{}
	for _, v := range g.Nodes {
		if v.Const != nil {
			trained[v.Const] = int64(v.Const.Shape.Len())
		}
	}
	return summarize(g, trained, func(s tensor.Shape) tensor.Shape { return s })
}

// summarize describes a graph with these numbers of parameters, and shapes as order makes them.
func summarize(g *graph.Graph, trained map[*tensor.Tensor]int64, order func(tensor.Shape) tensor.Shape) *Summary {
	s := &Summary{Input: order(g.Inputs[0].Shape)}
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
		l := SummaryLayer{Name: v.Name, Op: v.Op.Name(), Stages: names[v], Shape: order(v.Shape)}
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
	return s
}

// cost returns the cost of an operation. It counts the weights that are still in
// trained and removes them, so that each weight counts once.
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

// isAttention reports whether v computes scores and weighted sums.
func isAttention(v *graph.Value) bool {
	switch v.Op.(type) {
	case graph.Attention, graph.WindowAttention:
		return true
	}
	return false
}

// attentionProjections returns the linear layers directly before and after
// attention. Reshapes may lie between.
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

// stageEnds returns the stages that are not inside another one, by the values at
// which they end. Stages with their name and a number are their blocks.
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
		stage := SummaryStage{Name: s.Name, Shape: channelsFirst(s.Value.Shape)}
		for all[fmt.Sprintf("%s.%d", s.Name, stage.Blocks)] {
			stage.Blocks++
		}
		ends[s.Value] = append(ends[s.Value], stage)
	}
	return ends
}

// channelsFirst returns the shape of an image [B, H, W, C] in PyTorch's order, and
// any other shape unchanged.
func channelsFirst(s tensor.Shape) tensor.Shape {
	if len(s) != 4 {
		return s
	}
	return tensor.Shape{s[0], s[3], s[1], s[2]}
}
