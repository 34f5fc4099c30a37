package golden

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// pool builds max_pool2d and avg_pool2d.
func pool(build func(w graph.Window, countPad bool) graph.Op) func(sub) (Case, error) {
	return func(s sub) (Case, error) {
		var a struct {
			Kernel, Stride, Padding, Dilation graph.Pair
			Ceil                              bool `json:"ceil_mode"`
			CountPad                          bool `json:"count_include_pad"`
		}
		if err := s.decode(&a); err != nil {
			return Case{}, err
		}
		op := build(graph.Window{Size: a.Kernel, Stride: a.Stride, Pad: a.Padding, Dilation: a.Dilation, Ceil: a.Ceil}, a.CountPad)
		return image(s, op)
	}
}

func maxPool(w graph.Window, _ bool) graph.Op { return graph.MaxPool2d{Window: w} }

func avgPool(w graph.Window, countPad bool) graph.Op {
	return graph.AvgPool2d{Window: w, ExcludePad: !countPad}
}

func adaptivePool(s sub) (Case, error) {
	var a struct {
		Out graph.Pair `json:"output_size"`
	}
	if err := s.decode(&a); err != nil {
		return Case{}, err
	}
	if s.Kind != "avg" && s.Kind != "max" {
		return Case{}, fmt.Errorf("kind %q is unknown", s.Kind)
	}
	return image(s, graph.AdaptivePool2d{Out: a.Out, Max: s.Kind == "max"})
}

// image makes a case with one op from image x to image y, with these weights.
func image(s sub, op graph.Op, names ...string) (Case, error) {
	return one(s.outImage("y"), []*tensor.Tensor{s.inImage("x")}, apply(s, op, names))
}

// plain is like image, but for values that are not images.
func plain(s sub, op graph.Op, names ...string) (Case, error) {
	return one(s.out("y"), []*tensor.Tensor{s.in("x")}, apply(s, op, names))
}

func apply(s sub, op graph.Op, names []string) func(*graph.Graph, []*graph.Value) *graph.Value {
	return func(g *graph.Graph, args []*graph.Value) *graph.Value {
		for _, name := range names {
			args = append(args, g.Const(s.weight(name)))
		}
		return graph.Apply(op, args...)
	}
}
