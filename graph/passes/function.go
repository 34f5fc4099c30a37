package passes

import (
	"math"
	"slices"

	"github.com/vertebra/vertebra/graph"
)

// function is a value seen as a function of one number, element by element, of another value.
type function struct {
	of    func(x float64) float64
	nodes int // ops, counted again where two args share them
}

// mostNodes is the most ops of a function.
const mostNodes = 24

// as returns v as a function of x, if only elementwise ops with numbers lead from x to v.
func as(v, x *graph.Value) (function, bool) { return within(v, x, mostNodes) }

func within(v, x *graph.Value, most int) (f function, ok bool) {
	switch {
	case v == x:
		return function{func(t float64) float64 { return t }, 0}, true
	case most == 0 || !v.Shape.Equal(x.Shape):
		return f, false
	}
	switch op := v.Op.(type) {
	case graph.Activate:
		if f, ok = within(v.Args[0], x, most-1); !ok {
			return f, false
		}
		inner := f.of
		return function{func(t float64) float64 { return op.Act.Of(inner(t)) }, f.nodes + 1}, true
	case graph.Unary:
		if f, ok = within(v.Args[0], x, most-1); !ok {
			return f, false
		}
		inner := f.of
		return function{func(t float64) float64 { return through(op.Chain, inner(t)) }, f.nodes + 1}, true
	case graph.Binary:
		args := [2]function{}
		for i, a := range v.Args {
			if n, ok := number(a); ok {
				args[i].of = func(float64) float64 { return n }
			} else if args[i], ok = within(a, x, most-1-f.nodes); !ok {
				return f, false
			}
			f.nodes += args[i].nodes
		}
		return function{func(t float64) float64 { return through(op.Then, op.Kind.Of(args[0].of(t), args[1].of(t))) }, f.nodes + 1}, true
	}
	return f, false
}

// through computes a chain without rounding.
func through(c graph.Chain, x float64) float64 {
	for _, s := range c.List() {
		x = s.Of(x)
	}
	return x
}

// roots lists the values of which v may be a function, the farthest first.
func roots(v *graph.Value) []*graph.Value {
	found := []*graph.Value{v}
	for at := 0; at < len(found) && len(found) < mostNodes; at++ {
		switch found[at].Op.(type) {
		case graph.Activate, graph.Unary, graph.Binary:
			for _, a := range found[at].Args {
				if a.Const == nil && a.Shape.Equal(v.Shape) && !slices.Contains(found, a) {
					found = append(found, a)
				}
			}
		}
	}
	slices.Reverse(found)
	return found
}

// samples are the numbers at which functions are compared: close together around zero,
// where most of them bend.
func samples() []float64 {
	var xs []float64
	for x := -10.0; x <= 10; x += 0.1015625 {
		xs = append(xs, x)
	}
	xs = append(xs, 0, -3, 3, 6, 1e-3, -1e-3, 15, -15, 30, -30, 80, -80)
	return append(xs, far...)
}

// far are numbers beyond any bound of a clip.
var far = []float64{-1e30, -1e10, -1e6, -1e4, -1e3, -200, 200, 1e3, 1e4, 1e6, 1e10, 1e30}

// is reports whether f and g have the same values, as far as float32 tells. Where f
// overflows, such as an exponential of a large number, it says nothing.
func is(f, g func(float64) float64, xs []float64) bool {
	for _, x := range xs {
		a, b := f(x), g(x)
		if math.Abs(x) > 80 && (math.IsInf(a, 0) || math.IsNaN(a)) {
			continue
		}
		if !(math.Abs(a-b) <= 2e-6*math.Max(math.Abs(b), 0.05)) {
			return false
		}
	}
	return true
}

// Activations replaces chains of elementwise ops that compute an activation: GELU from its
// error function, SiLU from a sigmoid, HardSwish from a clip.
func Activations(g *graph.Graph) *graph.Graph {
	xs := samples()
	candidates := []graph.Activation{graph.GELU, graph.GELUTanh, graph.QuickGELU, graph.SiLU, graph.HardSwish, graph.Softplus}
	return rewrite(g, func(r *rewriter, v *graph.Value) *graph.Value {
		for _, x := range roots(v) {
			f, ok := as(v, x)
			if !ok || f.nodes < 2 {
				continue
			}
			for _, act := range candidates {
				if is(f.of, act.Of, xs) {
					return r.at[x].Activate(act)
				}
			}
		}
		return r.same(v)
	})
}

// Numbers turns functions of a value and a number into steps, which graph.Fuse joins to chains.
func Numbers(g *graph.Graph) *graph.Graph {
	return rewrite(g, func(r *rewriter, v *graph.Value) *graph.Value {
		if op, ok := v.Op.(graph.Binary); ok {
			if x, steps := op.Steps(v); steps != nil {
				return graph.Apply(graph.Unary{Chain: graph.Steps(steps...)}, r.at[x])
			}
		}
		return r.same(v)
	})
}
