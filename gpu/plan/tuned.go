package plan

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

// Op is a distinct op of graphs, fused as New fuses them.
type Op struct {
	Value *graph.Value // its first use
	Key   string
	Uses  int
	Work  int64 // operations of all its uses, at least one for each element of a result
}

// Ops lists the distinct ops of graphs that have several programs, those with the most
// work first.
func Ops(graphs []*graph.Graph, choice Choice, lim shaders.Limits) []Op {
	choice.Search = true
	l := &lowerer{lim: lim, choice: choice, lists: map[string][]shaders.Program{}}
	var ops []Op
	at := map[string]int{}
	for _, g := range graphs {
		for _, v := range g.Fuse().Nodes {
			if v.Op == nil || root(v) != v {
				continue
			}
			key := l.key(v)
			i, seen := at[key]
			if !seen {
				i = -1
				if c := (shaders.Call{Op: v.Op, Args: v.ArgShapes(), Result: v.Shape}); len(l.listed(c, lim)) > 1 {
					i = len(ops)
					ops = append(ops, Op{Value: v, Key: key})
				}
				at[key] = i
			}
			if i >= 0 {
				ops[i].Uses++
				ops[i].Work += max(graph.FLOPs(v.Op, v.ArgShapes(), v.Shape), int64(v.Shape.Len()))
			}
		}
	}
	slices.SortStableFunc(ops, func(a, b Op) int { return cmp.Compare(b.Work, a.Work) })
	return ops
}

// key names an op with its attributes, the shapes of its args, which of them are
// constant or f16, and the caller's own programs for it.
func (l *lowerer) key(v *graph.Value) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%#v", v.Op)
	weight, weighted := shaders.Weight(v.Op)
	for i, a := range v.Args {
		fmt.Fprintf(&b, " %v", []int(a.Shape))
		if root(a).Const != nil {
			b.WriteString("c")
			if l.choice.F16 && weighted && i == weight {
				b.WriteString("16")
			}
		}
	}
	if l.choice.Own != nil {
		for _, p := range l.choice.Own(shaders.Call{Op: v.Op, Args: v.ArgShapes(), Result: v.Shape}, l.lim) {
			b.WriteString(" own " + p.Name)
		}
	}
	return b.String()
}

// tuned returns the program that the tuning of v names, from the list of a section.
func (l *lowerer) tuned(v *graph.Value, c section, able []shaders.Program) shaders.Program {
	name := l.choice.Tuned(l.key(v))
	if name == "" {
		return l.first(able)
	}
	named := func(p shaders.Program) bool { return p.Name == name }
	i := slices.IndexFunc(able, named)
	if i < 0 && !l.choice.Search {
		wide := *l
		wide.choice.Search, wide.lists = true, map[string][]shaders.Program{}
		more := wide.programs(v, c)
		if i := slices.IndexFunc(more, named); i >= 0 {
			return more[i]
		}
	}
	if i >= 0 {
		return able[i]
	}
	return l.first(able)
}

// Alone returns a graph of the op alone, with random numbers for its constants, and
// random inputs. Its key is o.Key. Sums over a weight's rows have values of usual size:
// an activation would show the rounding of large ones as an error of small results. All
// constants fit in f16 without loss.
func (o Op) Alone(seed uint64) (*graph.Graph, []*tensor.Tensor, error) {
	r := rand.New(rand.NewPCG(seed, 1))
	random := func(s tensor.Shape, most float64) *tensor.Tensor {
		t := tensor.New(s...)
		for i := range t.Data {
			t.Data[i] = float32(most * (2*r.Float64() - 1))
		}
		return t
	}
	var inputs []*tensor.Tensor
	g, err := graph.Trace(func(g *graph.Graph) {
		var args []*graph.Value
		at := map[*graph.Value]*graph.Value{} // an op may take one value twice
		for _, a := range o.Value.Args {
			v := at[a]
			if v == nil {
				if root(a).Const != nil {
					most := 1.0
					if len(a.Shape) > 1 && a.Shape.Len() > 0 { // sums of products then have a variance of 1
						most = 3 / math.Sqrt(float64(a.Shape.Len()/a.Shape[0]))
					}
					c := random(a.Shape, most)
					for i, x := range c.Data {
						c.Data[i] = tensor.FromHalf(tensor.Half(x))
					}
					v = g.Const(c)
				} else {
					x := random(a.Shape, 1)
					inputs = append(inputs, x)
					v = g.Input(fmt.Sprint("x", len(inputs)), a.Shape...)
				}
				at[a] = v
			}
			args = append(args, v)
		}
		g.Output("y", graph.Apply(o.Value.Op, args...))
	})
	return g, inputs, err
}

// Programs lists the names of the programs for a graph of one op, the default first, and
// its plain one: the kernel that is a direct translation of the formula, or "". With f16
// weights it leaves out programs that need them exact, unless all do.
func Programs(g *graph.Graph, lim shaders.Limits, most int64, choice Choice) (names []string, plain string, err error) {
	choice.Search, choice.Tuned = true, nil
	choice.Program = func(_ shaders.Call, programs []shaders.Program) int {
		if names == nil {
			for _, p := range programs {
				if choice.F16 && p.Exact() && slices.ContainsFunc(programs, func(p shaders.Program) bool { return !p.Exact() }) {
					continue
				}
				names = append(names, p.Name)
				if strings.HasSuffix(p.Name, "_naive") {
					plain = p.Name
				}
			}
		}
		return 0
	}
	_, err = New(g, lim, most, choice)
	return names, plain, err
}
