package gpu

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// mapRows adds functions of one number in chains, functions of two, and choices of elements.
func mapRows(add func(op graph.Op, consts int, args ...tensor.Shape)) {
	chain := graph.Steps(graph.Step{Fn: graph.Abs}, graph.Step{Fn: graph.Plus, A: 1}, graph.Step{Fn: graph.Log})
	for _, n := range []int{1, 3, 4, 65, 1000} {
		add(graph.Unary{Chain: chain}, 1, tensor.Shape{n})
		add(graph.Binary{Kind: graph.Sub, Then: chain}, 2, tensor.Shape{n}, tensor.Shape{n})
		add(graph.Where{}, 3, tensor.Shape{n}, tensor.Shape{n}, tensor.Shape{1})
	}
	link := func(k graph.BinaryKind, arg uint8, first bool) graph.Link {
		return graph.Link{Kind: k, Arg: arg, First: first}
	}
	one := graph.Pointwise{Links: [graph.MaxLinks]graph.Link{{Step: graph.Step{Fn: graph.Abs}}, link(graph.Mul, 1, false), link(graph.Sub, 1, true)}}
	two, four := one, one
	two.Links[3], four.Links[3] = link(graph.Maximum, 2, true), link(graph.Sub, 2, true)
	four.Links[4], four.Links[5] = link(graph.Div, 3, false), link(graph.Add, 4, false)
	for _, n := range []int{1, 3, 64, 1001} {
		s := tensor.Shape{n}
		add(one, 1, s)
		add(two, 2, s, s)
		add(two, 2, tensor.Shape{1}, s)
		add(four, 4, s, s, s, s)
	}
	for _, c := range []int{5, 8} {
		add(four, 4, tensor.Shape{2, 1, 3, 1, 2, c}, tensor.Shape{4, 1, 7, 1, c}, tensor.Shape{7, 1, c}, tensor.Shape{c})
		add(two, 1, tensor.Shape{70, 9, c}, tensor.Shape{9, 1})
		add(graph.Binary{Kind: graph.Less}, 2, tensor.Shape{2, 1, 3, 1, 2, c}, tensor.Shape{4, 1, 7, 1, c})
		add(graph.Binary{Kind: graph.Maximum}, 2, tensor.Shape{7, 1, c}, tensor.Shape{1})
		add(graph.Binary{Kind: graph.PReLU}, 1, tensor.Shape{2, 9, c}, tensor.Shape{c})
		add(graph.Where{}, 3, tensor.Shape{7, 1, c}, tensor.Shape{2, 3, 1, 1, 4, c}, tensor.Shape{7, 4, c})
		add(graph.Where{}, 3, tensor.Shape{70, 1, c}, tensor.Shape{70, 4, c}, tensor.Shape{4, c})
	}
}

// parametersOf has parameters for functions that need some.
var parametersOf = map[graph.Function][]graph.Step{
	graph.IsInf:       {{A: 1, B: 1}, {A: 1}, {B: 1}},
	graph.Plus:        {{A: 1.5}},
	graph.Times:       {{A: -0.3}},
	graph.Over:        {{A: 7}},
	graph.Power:       {{A: 2}, {A: 3}, {A: -1}, {A: 0.5}, {A: -2.7}, {A: 0}, {A: 65}, {A: float32(math.Inf(1))}, {A: float32(math.Inf(-1))}},
	graph.Clip:        {{A: -0.5, B: 3}, {A: float32(math.Inf(-1)), B: 1}, {A: 2, B: 1}},
	graph.Leaky:       {{A: 0.1}},
	graph.Exponential: {{A: 1.3}},
	graph.Celu:        {{A: 2}},
	graph.Selu:        {{A: 1.67326319217681884765625, B: 1.05070102214813232421875}},
	graph.HardSigmoid: {{A: 0.2, B: 0.5}},
	graph.Thresholded: {{A: 0.7}},
	graph.Shrink:      {{A: 0.5, B: 0.2}},
	graph.Swish:       {{A: 1.2}},
}

// sizesOf lists the sizes of arguments that a function is tried with: all by default.
func sizesOf(f graph.Function) []float64 {
	switch f {
	case graph.Asin, graph.Acos, graph.Atanh:
		return []float64{1e-6, 1e-3, 0.1, 0.6, 0.999}
	case graph.Exp, graph.Sinh, graph.Cosh:
		return []float64{1e-6, 1e-3, 0.1, 1, 10, 80}
	case graph.Sin, graph.Cos, graph.Tan:
		return []float64{1e-6, 1e-3, 0.1, 1, 10, 100, 1000, 65536}
	}
	return []float64{1e-6, 1e-3, 0.1, 1, 10, 100, 1e4, 1e7}
}

// unusual are numbers with results of their own.
var unusual = []float32{0, float32(math.Copysign(0, -1)), 1, -1, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 2, -2, 3, -3,
	float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 1e30, -1e30, 200, -200, 8388607.5, 16777216}

// argumentRun is the number of arguments of a size.
const argumentRun = 48

// TestFunctions compares each function of one number with Eval, for arguments of each
// size apart, and for unusual ones.
func TestFunctions(t *testing.T) {
	t.Parallel()
	d := open(t)
	const run = argumentRun
	for f := graph.Function(graph.ReLU); f.Valid(); f++ {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			var data []float32
			for _, size := range sizesOf(f) {
				for i := range run {
					v := size * (float64(i%(run/2)) + 0.37) / (run / 2)
					if i >= run/2 {
						v = -v
					}
					switch f {
					case graph.Log: // near 1
						if size < 1 {
							v += 1
						}
					case graph.Acosh:
						v = 1 + math.Abs(v)
					case graph.Function(graph.Softplus), graph.Mish: // small for large negative arguments
						v = max(v, -20)
					}
					data = append(data, float32(v))
				}
			}
			first := len(data)
			data = append(data, unusual...)
			if f == graph.Sin || f == graph.Cos || f == graph.Tan {
				for i, v := range data {
					if m := math.Abs(float64(v)); m > 65536 && !math.IsInf(m, 0) {
						data[i] = 0.25
					}
				}
			}
			for len(data)%4 != 0 {
				data = append(data, 0)
			}
			steps := parametersOf[f]
			if steps == nil {
				steps = []graph.Step{{}}
			}
			for _, s := range steps {
				s.Fn = f
				for _, n := range []int{len(data), len(data) - 1} {
					if n < len(data) && !sweep && int(f)%8 > 0 {
						continue // the kernel for four numbers has the same text but for types
					}
					compareFunction(t, d, graph.Unary{Chain: graph.Steps(s)}, first, tensor.Of(data[:n], n))
				}
			}
		})
	}
}

// compareFunction compares an op with its Eval: the first arguments in runs of 48, the
// others one by one.
func compareFunction(t *testing.T, d *Device, op graph.Op, first int, inputs ...*tensor.Tensor) {
	t.Helper()
	g := trace(t, func(g *graph.Graph) {
		var args []*graph.Value
		for i, x := range inputs {
			args = append(args, g.Input(fmt.Sprint("x", i), x.Shape...))
		}
		g.Output("y", graph.Apply(op, args...))
	})
	want, err := g.Eval(context.Background(), inputs...)
	if err != nil {
		t.Fatal(err)
	}
	p, err := d.Compile(g)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.Stats().Evals > 0 {
		t.Fatalf("%s has no kernel", op.Name())
	}
	got, err := p.Run(context.Background(), inputs...)
	if err != nil {
		t.Fatal(err)
	}
	n, run := len(want[0].Data), argumentRun
	for from := 0; from < n; from += run {
		if from == first {
			run = 1
		}
		to := from + run
		part := func(x *tensor.Tensor) *tensor.Tensor { return tensor.Of(x.Data[from:to], to-from) }
		a, b := part(got[0]), part(want[0])
		if tiny(b.Data) {
			continue // a device may flush denormal numbers
		}
		diff, err := tensor.Diff(a, b)
		if run == 1 {
			diff.Relative = min(diff.Relative, diff.Max) // terms near 1 may cancel
		}
		if err != nil || !(diff.Relative <= opTolerance) {
			at := from
			if len(diff.Index) > 0 {
				at += diff.Index[0]
			}
			var x []float32
			for _, in := range inputs {
				x = append(x, in.Data[at])
			}
			t.Errorf("%s%v: %v, %v", op.Name(), x, diff, err)
		}
	}
}

// tiny reports whether all numbers are 0 or denormal, but not all are 0.
func tiny(data []float32) bool {
	some := false
	for _, v := range data {
		if m := math.Abs(float64(v)); m > 1.2e-38 || v != v {
			return false
		}
		some = some || v != 0
	}
	return some
}

// TestPairs compares each function of two numbers with Eval, for all pairs of unusual
// numbers, for numbers of many sizes, and for whole ones.
func TestPairs(t *testing.T) {
	t.Parallel()
	d := open(t)
	whole := func(k graph.BinaryKind) bool { return k == graph.Remainder || k == graph.Quotient }
	for k := graph.Pow; k.Valid(); k++ {
		t.Run(k.String(), func(t *testing.T) {
			t.Parallel()
			var as, bs []float32
			add := func(a, b float64) {
				if k == graph.Pow { // the result is finite and not denormal
					if l := b * math.Log2(math.Abs(a)); a == 0 || math.Abs(l) > 120 {
						b = 1
					}
				}
				as, bs = append(as, float32(a)), append(bs, float32(b))
			}
			r := rand.New(rand.NewPCG(1, uint64(k)))
			for _, size := range []float64{1, 3, 12, 300, 16777216} {
				for i := range argumentRun {
					a, b := size*(2*r.Float64()-1), 5*(2*r.Float64()-1)
					switch {
					case whole(k) || i%2 == 0:
						a, b = math.Round(a), math.Round(b)
					case k == graph.Pow:
						a = math.Abs(a)
					}
					if b == 0 {
						b = 7
					}
					if i%3 == 0 && !whole(k) && k != graph.Fmod {
						b = a
					}
					add(a, b)
				}
			}
			first := len(as)
			for i := range unusual {
				for _, b := range unusual {
					if a := unusual[i]; !whole(k) {
						as, bs = append(as, a), append(bs, b)
					}
				}
			}
			for len(as)%4 != 0 {
				as, bs = append(as, 1), append(bs, 1)
			}
			n := len(as)
			x, y := tensor.Of(as, n), tensor.Of(bs, n)
			compareFunction(t, d, graph.Binary{Kind: k}, first, x, y)
		})
	}
}
