package graph

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

func TestFunctions(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		s       Step
		x, want float64
	}{
		{Step{Fn: Function(Sigmoid)}, 0, 0.5},
		{Step{Fn: Round}, 2.5, 2}, {Step{Fn: Round}, -1.5, -2},
		{Step{Fn: Trunc}, -1.5, -1},
		{Step{Fn: Sign}, -3, -1}, {Step{Fn: Sign}, 0, 0}, {Step{Fn: Sign}, nan, nan},
		{Step{Fn: Not}, 0, 1}, {Step{Fn: Not}, nan, 0}, {Step{Fn: Truth}, nan, 1}, {Step{Fn: Truth}, -2, 1},
		{Step{Fn: IsNaN}, nan, 1}, {Step{Fn: IsNaN}, inf, 0},
		{Step{Fn: IsInf, A: 1}, -inf, 1}, {Step{Fn: IsInf, A: 1}, inf, 0}, {Step{Fn: IsInf, B: 1}, inf, 1},
		{Step{Clip, -1, 1}, -7, -1}, {Step{Clip, -1, 1}, nan, nan}, {Step{Clip, 2, 1}, 5, 1},
		{Step{Fn: Leaky, A: 0.5}, -2, -1},
		{Step{Fn: Celu, A: 2}, -2, 2 * math.Expm1(-1)},
		{Step{Selu, 2, 3}, -1, 6 * math.Expm1(-1)}, {Step{Selu, 2, 3}, 1, 3},
		{Step{HardSigmoid, 0.25, 0.5}, 1, 0.75}, {Step{HardSigmoid, 0.25, 0.5}, 9, 1},
		{Step{Fn: Thresholded, A: 2}, 2, 0}, {Step{Fn: Thresholded, A: 2}, 3, 3},
		{Step{Shrink, 1, 0.25}, -3, -2.75}, {Step{Shrink, 1, 0.25}, 3, 2.75}, {Step{Shrink, 1, 0.25}, 1, 0},
		{Step{Fn: Power, A: 2}, -3, 9}, {Step{Fn: Power, A: 0.5}, -3, nan},
		{Step{Fn: Softsign}, -1, -0.5},
	} {
		if got := c.s.Of(c.x); math.Abs(got-c.want) > 1e-12 || math.IsNaN(got) != math.IsNaN(c.want) {
			t.Errorf("%v of %v is %v, want %v", c.s, c.x, got, c.want)
		}
	}
	for f := Function(ReLU); f.Valid(); f++ { // a case of its own
		if y := (Step{Fn: f, A: 0.5, B: 0.5}).Of(0.25); math.IsInf(y, 0) {
			t.Errorf("%v of 0.25 is %v", f, y)
		}
	}
}

func TestBinaryKinds(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		k          BinaryKind
		a, b, want float64
	}{
		{Pow, -2, 3, -8}, {Pow, -2, 0.5, nan}, {Pow, nan, 0, 1},
		{Maximum, nan, 1, nan}, {Minimum, 1, nan, nan},
		{Fmod, -7, 3, -1}, {Fmod, 7, -3, 1}, {Remainder, -7, 3, 2}, {Remainder, 7, -3, -2}, {Remainder, 6, -3, 0},
		{Quotient, -7, 2, -3}, {Quotient, 7, 2, 3},
		{Equal, nan, nan, 0}, {Less, 1, 2, 1}, {LessEqual, 2, 2, 1}, {Greater, 2, 2, 0}, {GreaterEqual, 2, 2, 1},
		{And, 2, 3, 1}, {And, 2, 0, 0}, {Or, 0, 3, 1}, {Xor, 2, 3, 0}, {Xor, 0, 3, 1},
		{PReLU, -2, 0.25, -0.5}, {PReLU, 2, 0.25, 2},
	} {
		if got := c.k.Of(c.a, c.b); got != c.want && (got == got || c.want == c.want) {
			t.Errorf("%v of %v and %v is %v, want %v", c.k, c.a, c.b, got, c.want)
		}
	}
}

func TestChainRefuses(t *testing.T) {
	for _, c := range []struct {
		op   Op
		want string
	}{
		{Unary{}, "no function"},
		{Unary{Chain{{Fn: functions}}}, "step 0 has function"},
		{Unary{Chain{{Fn: Abs}, {}, {Fn: Abs}}}, "follows the end"},
		{Unary{Chain{{Fn: Plus, A: float32(math.NaN())}}}, "NaN"},
		{Binary{Kind: binaryKinds}, "no function"},
		{Binary{Then: Chain{{Fn: functions}}}, "step 0 has function"},
		{Where{}, "1 arguments, want 3"},
		{Pointwise{}, "0 functions"},
		{Pointwise{[MaxLinks]Link{{Kind: Add, Arg: 2}}}, "of argument 2"},
		{Pointwise{[MaxLinks]Link{{Kind: Add, Arg: 1}, {}, {Kind: Add, Arg: 1}}}, "follows the end"},
		{Pointwise{[MaxLinks]Link{{Step: Step{Fn: functions}}}}, "has function"},
	} {
		args := []tensor.Shape{{2}, {2}}
		if _, ok := c.op.(Binary); !ok {
			args = args[:1]
		}
		if _, err := c.op.Shape(args); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%#v: %v, want %q", c.op, err, c.want)
		}
	}
}

// TestFuseChains compares what Fuse makes of small graphs.
func TestFuseChains(t *testing.T) {
	number := func(g *Graph, v float32) *Value { return g.Const(tensor.Of([]float32{v}, 1)) }
	for _, c := range []struct {
		name string
		f    func(g *Graph, x *Value) *Value
		want string // op of the only node
	}{
		{"a chain", func(g *Graph, x *Value) *Value { return x.Map(Abs).Map(Sqrt).Map(Clip, 0, 2) }, "abs+sqrt+clip(0,2)"},
		{"numbers", func(g *Graph, x *Value) *Value {
			return number(g, 3).Sub(x.Mul(number(g, 2)).Map(Floor)).Div(number(g, 5))
		}, "times(2)+floor+neg+plus(3)+over(5)"},
		{"activations", func(g *Graph, x *Value) *Value { return x.ReLU().Map(Exp).Sigmoid() }, "relu+exp+sigmoid"},
		{"after two args", func(g *Graph, x *Value) *Value { return x.Add(x).Map(Sqrt).ReLU() }, "add+sqrt+relu"},
		{"after a comparison", func(g *Graph, x *Value) *Value {
			return Apply(Binary{Kind: Less}, x, g.Const(tensor.New(8))).Map(Not)
		}, "less+not"},
		{"a function of itself", func(g *Graph, x *Value) *Value {
			return x.Mul(x.Map(Plus, 3).Map(Clip, 0, 6)).Div(number(g, 6)).Map(Exp)
		}, "plus(3)+clip(0,6)+mul+over(6)+exp"},
		{"three values", func(g *Graph, x *Value) *Value {
			a, b := g.Const(tensor.Of([]float32{1, 2, 3, 4, 5, 6, 7, 8}, 8)), g.Const(tensor.Of([]float32{3, 5}, 2, 1))
			return a.Sub(x.Sigmoid().Map(Times, 2)).Div(b)
		}, "sigmoid+times(2)+sub+div"},
		{"an epilogue", func(g *Graph, x *Value) *Value {
			return Apply(Linear{}, x, g.Const(tensor.New(8, 8))).Map(Clip, 0, 6)
		}, "linear+relu6"},
	} {
		g, err := Trace(func(g *Graph) { g.Output("y", c.f(g, g.Input("x", 2, 8))) })
		if err != nil {
			t.Fatal(err)
		}
		f := g.Fuse()
		var names []string
		for _, v := range f.Nodes {
			if v.Op != nil {
				names = append(names, v.Op.Name())
			}
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		x := random(rand.New(rand.NewPCG(1, 1)), 2, 8)
		want, err := g.Eval(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Eval(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := tensor.Diff(got[0], want[0]); err != nil || d.Max > 0 {
			t.Errorf("%s: %v, %v", c.name, d, err)
		}
	}
}

// TestFuseChainsStop keeps what a chain must not take.
func TestFuseChainsStop(t *testing.T) {
	count := func(f func(g *Graph, x *Value)) int {
		g, err := Trace(func(g *Graph) { f(g, g.Input("x", 2, 8)) })
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, v := range g.Fuse().Nodes {
			if v.Op != nil {
				n++
			}
		}
		return n
	}
	if n := count(func(g *Graph, x *Value) { // used twice
		y := x.Map(Abs)
		g.Output("y", y)
		g.Output("z", y.Map(Sqrt))
	}); n != 2 {
		t.Errorf("%d ops, want 2", n)
	}
	if n := count(func(g *Graph, x *Value) { // too long
		for range MaxSteps + 1 {
			x = x.Map(Sin)
		}
		g.Output("y", x)
	}); n != 2 {
		t.Errorf("%d ops, want 2", n)
	}
	if n := count(func(g *Graph, x *Value) { // the number has more dimensions
		g.Output("y", x.Map(Exp).Add(g.Const(tensor.New(1, 1, 1))))
	}); n != 2 {
		t.Errorf("%d ops, want 2", n)
	}
	if n := count(func(g *Graph, x *Value) { // too many args
		y := x.Map(Exp)
		for i := range MaxPointwiseArgs + 1 {
			y = y.Mul(g.Const(random(rand.New(rand.NewPCG(1, uint64(i))), 8)))
		}
		g.Output("y", y)
	}); n != 2 {
		t.Errorf("%d ops, want 2", n)
	}
	if n := count(func(g *Graph, x *Value) { // a row that costs little
		g.Output("y", x.Mul(x.Mean(0).Map(HardSigmoid, 0.2, 0.5)))
	}); n != 2 {
		t.Errorf("%d ops, want 2", n)
	}
	if n := count(func(g *Graph, x *Value) { // an op of lines
		g.Output("y", x.Map(Exp).Softmax(1).Map(Log))
	}); n != 3 {
		t.Errorf("%d ops, want 3", n)
	}
	if n := count(func(g *Graph, x *Value) { // one row is not computed for each row
		g.Output("y", x.Mul(x.Mean(0).Map(Exp)))
	}); n != 3 {
		t.Errorf("%d ops, want 3", n)
	}
	if n := count(func(g *Graph, x *Value) { // as before there were chains
		g.Output("y", x.Add(x).Mul(g.Const(tensor.New(1))).ReLU())
	}); n != 3 {
		t.Errorf("%d ops, want 3", n)
	}
}
