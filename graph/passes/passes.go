// Package passes rewrites graphs that were not written for this project, such as those
// of ONNX files, into the ops and the order of channels that its kernels are made for.
// Each pass keeps what a graph computes. graph.Fuse comes after them.
package passes

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// Pass is a rewriting of a graph.
type Pass struct {
	Name string
	Run  func(*graph.Graph) *graph.Graph
}

// All lists the passes in their order. Patterns of a few ops come first, whatever the order
// of dimensions. Affine looks at the last dimension, which SinkPermutes makes that of the
// channels.
func All() []Pass {
	return []Pass{
		{"tidy", Tidy},
		{"normalizes", Normalizes},
		{"activations", Activations},
		{"pixel shuffles", PixelShuffles},
		{"patch merges", PatchMerges},
		{"rolls", Rolls},
		{"windows", Windows},
		{"attentions", Attentions},
		{"tidy again", Tidy},
		{"layer norms", LayerNorms},
		{"sink permutes", SinkPermutes},
		{"sink reshapes", SinkReshapes},
		{"tidy after sinking", Tidy},
		{"flattens", Flattens},
		{"packed attentions", PackedAttentions},
		{"window attentions", WindowAttentions},
		{"sink additions", SinkAdditions},
		{"pads", Pads},
		{"affine", Affine},
		{"numbers", Numbers},
		{"before", Before},
	}
}

// Run runs all passes. A pass that panics, which is a fault of this package, leaves the
// graph as it is. The result is right then, but slower, and an error names the pass.
func Run(g *graph.Graph) (*graph.Graph, error) {
	var faults []error
	for _, p := range All() {
		out, err := p.try(g)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		g = out
	}
	return g, errors.Join(faults...)
}

func (p Pass) try(g *graph.Graph) (out *graph.Graph, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the pass %q is left out, please report: %v", p.Name, r)
		}
	}()
	return p.Run(g), nil
}

// Tidy drops Reshapes, Permutes, Expands and Slices that change nothing, and joins Reshapes, and
// Permutes, that follow each other.
func Tidy(g *graph.Graph) *graph.Graph {
	return rewrite(g, func(r *rewriter, v *graph.Value) *graph.Value {
		switch op := v.Op.(type) {
		case graph.Reshape:
			return reshaped(r.at[v.Args[0]], v.Shape)
		case graph.Permute:
			return permuted(r.at[v.Args[0]], op.Order[:op.Rank])
		case graph.Expand:
			if v.Shape.Equal(v.Args[0].Shape) {
				return r.at[v.Args[0]]
			}
		case graph.Slice:
			if _, step, _, err := op.Ranges(v.Args[0].Shape); err == nil && v.Shape.Equal(v.Args[0].Shape) && !slices.ContainsFunc(step, func(s int) bool { return s < 0 }) {
				return r.at[v.Args[0]]
			}
		}
		return r.same(v)
	})
}

// rewriter makes a graph of another one, op by op.
type rewriter struct {
	in, out *graph.Graph
	at      map[*graph.Value]*graph.Value // from the old graph to the new
	uses    map[*graph.Value]int          // of values of the old graph
}

// rewrite returns a graph with the same inputs, outputs and stages. It calls put for each
// op that an output needs, which returns the value in the new graph.
func rewrite(g *graph.Graph, put func(r *rewriter, v *graph.Value) *graph.Value) *graph.Graph {
	r := &rewriter{in: g, at: map[*graph.Value]*graph.Value{}, uses: map[*graph.Value]int{}}
	for _, o := range g.Outputs {
		r.uses[o.Value]++
	}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		if v := g.Nodes[i]; r.uses[v] > 0 {
			for _, a := range v.Args {
				r.uses[a]++
			}
		}
	}
	out, err := graph.Trace(func(out *graph.Graph) {
		r.out = out
		for _, v := range g.Inputs {
			r.at[v] = out.Input(v.Name, v.Shape...)
		}
		for _, v := range g.Nodes {
			switch {
			case r.uses[v] == 0:
			case v.Const != nil:
				r.at[v] = out.Const(v.Tensor(nil))
			case v.Op != nil:
				from := len(out.Nodes)
				r.at[v] = put(r, v)
				for _, w := range out.Nodes[from:] {
					if w.Op != nil {
						w.Name = v.Name
					}
				}
			}
		}
		for _, o := range g.Outputs {
			out.Output(o.Name, r.at[o.Value])
		}
	})
	if err != nil {
		panic(err) // a pass makes ops of shapes that it has seen
	}
	return clean(out)
}

// same adds the op of v to the new graph as it is.
func (r *rewriter) same(v *graph.Value) *graph.Value { return graph.Apply(v.Op, r.args(v)...) }

func (r *rewriter) args(v *graph.Value) []*graph.Value {
	args := make([]*graph.Value, len(v.Args))
	for i, a := range v.Args {
		args[i] = r.at[a]
	}
	return args
}

// clean drops the nodes that no output needs.
func clean(g *graph.Graph) *graph.Graph {
	live := map[*graph.Value]bool{}
	for _, o := range g.Outputs {
		live[o.Value] = true
	}
	kept := make([]*graph.Value, 0, len(g.Nodes))
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		v := g.Nodes[i]
		if live[v] {
			for _, a := range v.Args {
				live[a] = true
			}
		}
		if live[v] || v.Op == nil && v.Const == nil {
			kept = append(kept, v)
		}
	}
	for i, j := 0, len(kept)-1; i < j; i, j = i+1, j-1 {
		kept[i], kept[j] = kept[j], kept[i]
	}
	g.Nodes = kept
	return g
}

// number returns the number that v has everywhere, if it is a constant of one element.
func number(v *graph.Value) (float64, bool) {
	if v.Const == nil || v.Shape.Len() != 1 || v.Const.Data == nil || v.Cut != (graph.Cut{}) || v.Scale != nil {
		return 0, false
	}
	return float64(v.Const.Data[0]), true
}

// moved reports whether an order changes the place of any element of a value of this
// shape, and not only dimensions of extent 1.
func moved(s tensor.Shape, order []int) bool {
	at := -1
	for _, o := range order {
		if s[o] == 1 {
			continue
		}
		if o < at {
			return true
		}
		at = o
	}
	return false
}

// reshaped returns v in another shape, with one Reshape at most.
func reshaped(v *graph.Value, s tensor.Shape) *graph.Value {
	if _, ok := v.Op.(graph.Reshape); ok && !v.Shape.Equal(s) {
		v = v.Args[0]
	}
	switch {
	case v.Shape.Equal(s):
		return v
	case v.Const != nil && v.Const.Data != nil:
		return v.Graph().Const(v.Tensor(nil).Reshape(s...))
	}
	return v.Reshape(s...)
}
