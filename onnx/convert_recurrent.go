package onnx

import (
	"slices"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// recurrences has the recurrent layers. Their steps are unrolled.
func recurrences() map[string]converter {
	return map[string]converter{
		"LSTM": func(c *call) []*value { return c.recurrent(4, lstm) },
		"GRU":  func(c *call) []*value { return c.recurrent(3, gru) },
		"RNN":  func(c *call) []*value { return c.recurrent(1, rnn) },
	}
}

// cell is one direction of a recurrent layer. Rows are the items of a batch.
type cell struct {
	c               *call
	n               int // channels of the state
	w, r            *value
	bias, innerBias *graph.Value // of the inputs and of the state; nil for none
	peep            *value       // [3n], of an LSTM
	f               []activator  // the activations
	clip            float64
}

// state is what a step hands to the next one, each [B, N].
type state struct{ h, c *graph.Value }

// stepper computes a state from the one before and the products [B, gates·N] of the input.
type stepper func(l *cell, x *graph.Value, s state) state

// recurrent unrolls a layer whose state has some gates.
func (c *call) recurrent(gates int, next stepper) []*value {
	x := c.arg(0)
	batchFirst := c.int("layout", 0) == 1
	if len(x.shape) != 3 || x.shape.Len() == 0 {
		failf("input %v", x.shape)
	}
	if batchFirst {
		x = x.permute(1, 0, 2)
	}
	length, batch := x.shape[0], x.shape[1]
	if length > mostSteps {
		failf("%d steps", length)
	}
	direction := c.string("direction", "forward")
	directions := map[string][]bool{"forward": {false}, "reverse": {true}, "bidirectional": {false, true}}[direction]
	w, r := c.arg(1), c.arg(2)
	if directions == nil || len(w.shape) != 3 || len(r.shape) != 3 || w.shape[0] != len(directions) || r.shape[0] != len(directions) {
		failf("direction %.40q, weights %v and %v", direction, w.shape, r.shape)
	}
	n := r.shape[2]
	if !w.shape[1:].Equal(tensor.Shape{gates * n, x.shape[2]}) || !r.shape[1:].Equal(tensor.Shape{gates * n, n}) {
		failf("weights %v and %v for %v", w.shape, r.shape, x.shape)
	}
	lengths := c.lengths(length, batch)
	var all, hs, cs []*graph.Value
	for d, backward := range directions {
		l := c.cell(d, gates, len(directions), n)
		ys, last := l.run(next, x, c.start(d, batch, n), lengths, backward)
		y := graph.Cat(0, ys...)
		all = append(all, y.Reshape(length, 1, batch, n))
		hs = append(hs, last.h.Reshape(1, batch, n))
		if last.c != nil {
			cs = append(cs, last.c.Reshape(1, batch, n))
		}
	}
	y, h := graph.Cat(1, all...), graph.Cat(0, hs...)
	if batchFirst {
		y, h = y.Permute(2, 0, 1, 3), h.Permute(1, 0, 2)
	}
	outs := []*value{computed(x.typ, y), computed(x.typ, h)}
	if cs != nil {
		s := graph.Cat(0, cs...)
		if batchFirst {
			s = s.Permute(1, 0, 2)
		}
		outs = append(outs, computed(x.typ, s))
	}
	return outs
}

// mostSteps is how many steps of a recurrent layer are unrolled.
const mostSteps = 4096

// lengths returns how many steps each item of a batch has, or nil if all have all.
func (c *call) lengths(steps, batch int) []int {
	if !c.has(4) {
		return nil
	}
	n := c.knownInts(4)
	if len(n) != batch {
		failf("%d lengths of %d sequences", len(n), batch)
	}
	if slices.Min(n) >= steps {
		return nil
	}
	return n
}

// start returns the state before the first step of a direction.
func (c *call) start(d, batch, n int) state {
	zeros := c.constant(make([]float32, batch*n), batch, n)
	get := func(i int) *graph.Value {
		if !c.has(i) {
			return zeros
		}
		v := c.arg(i)
		if c.int("layout", 0) == 1 {
			v = v.permute(1, 0, 2)
		}
		return c.value(c.cut(v, 0, d, 1).reshape(tensor.Shape{batch, n}))
	}
	return state{get(5), get(6)}
}

// cell reads the weights of direction d.
func (c *call) cell(d, gates, directions, n int) *cell {
	part := func(v *value, at, n int) *value { return c.cut(c.cut(v, 0, d, 1), 1, at, n) }
	w, r := c.arg(1), c.arg(2)
	l := &cell{c: c, n: n, clip: c.float("clip", 0)}
	if !(l.clip >= 0) {
		failf("clip %v", l.clip)
	}
	if hidden := c.int("hidden_size", n); hidden != n {
		failf("hidden_size %d, and weights for %d", hidden, n)
	}
	l.w = part(w, 0, gates*n).reshape(w.shape[1:])
	l.r = part(r, 0, gates*n).reshape(r.shape[1:])
	if c.has(3) {
		b := c.arg(3)
		if !b.shape.Equal(tensor.Shape{directions, 2 * gates * n}) {
			failf("bias %v", b.shape)
		}
		s := tensor.Shape{gates * n}
		l.bias, l.innerBias = c.value(part(b, 0, gates*n).reshape(s)), c.value(part(b, gates*n, gates*n).reshape(s))
	}
	if gates == 4 && c.has(7) {
		l.peep = part(c.arg(7), 0, 3*n).reshape(tensor.Shape{3 * n})
	}
	l.f = c.cellActivations(d, directions, map[int][]string{4: {"sigmoid", "tanh", "tanh"}, 3: {"sigmoid", "tanh"}, 1: {"tanh"}}[gates])
	return l
}

// run unrolls the steps of one direction, and returns the state after each and after all.
func (l *cell) run(next stepper, x *value, s state, lengths []int, backward bool) ([]*graph.Value, state) {
	c := l.c
	steps, batch := x.shape[0], x.shape[1]
	products := l.linear(c.value(x), l.w, l.bias) // of all steps
	ys := make([]*graph.Value, steps)
	for i := range steps {
		t := i
		if backward {
			t = steps - 1 - i
		}
		after := next(l, products.Slice(0, t, t+1).Reshape(batch, -1), s)
		ys[t] = after.h
		if lengths != nil { // beyond its end an item keeps its state and gives zeros
			on := make([]float32, batch)
			for b, n := range lengths {
				if t < n {
					on[b] = 1
				}
			}
			mask := c.constant(on, batch, 1)
			ys[t] = after.h.Mul(mask)
			after.h = s.h.Add(after.h.Sub(s.h).Mul(mask))
			if after.c != nil {
				after.c = s.c.Add(after.c.Sub(s.c).Mul(mask))
			}
		}
		s = after
		ys[t] = ys[t].Reshape(1, batch, l.n)
	}
	return ys, s
}

// linear is v·wᵀ + bias.
func (l *cell) linear(v *graph.Value, w *value, bias *graph.Value) *graph.Value {
	o, args := graph.Linear{}, []*graph.Value{v, l.c.value(w)}
	if bias != nil {
		o.Bias = true
		args = append(args, bias)
	}
	return graph.Apply(o, args...)
}

// gate takes the numbers of gate i of several.
func (l *cell) gate(v *graph.Value, i int) *graph.Value {
	return v.Slice(-1, i*l.n, (i+1)*l.n)
}

// act applies activation i to v, after clipping it.
func (l *cell) act(i int, v *graph.Value) *graph.Value {
	if l.clip > 0 {
		v = v.Map(graph.Clip, float32(-l.clip), float32(l.clip))
	}
	return l.f[i](v)
}

// activator applies an activation.
type activator func(*graph.Value) *graph.Value

func activate(a graph.Activation) activator {
	return func(v *graph.Value) *graph.Value { return v.Activate(a) }
}

func steps(s ...graph.Step) activator {
	return func(v *graph.Value) *graph.Value { return graph.Apply(graph.Unary{Chain: graph.Steps(s...)}, v) }
}

// cellActivations returns the activations of direction d. The lists of parameters have one for
// each activation that takes it, in the order of the activations.
func (c *call) cellActivations(d, directions int, usual []string) []activator {
	names := slices.Repeat(usual, directions)
	if a := c.attrs["activations"]; a != nil && len(a.Strings) > 0 {
		if names = a.Strings; len(names) != len(usual)*directions {
			failf("activations %v", names)
		}
	}
	var alphas, betas []float32
	if a := c.attrs["activation_alpha"]; a != nil {
		alphas = a.Floats
	}
	if a := c.attrs["activation_beta"]; a != nil {
		betas = a.Floats
	}
	next := func(from *[]float32, absent float32) float32 {
		if len(*from) == 0 {
			return absent
		}
		v := (*from)[0]
		*from = (*from)[1:]
		return v
	}
	var all []activator
	for _, name := range names {
		alpha := func(absent float32) float32 { return next(&alphas, absent) }
		beta := func(absent float32) float32 { return next(&betas, absent) }
		switch strings.ToLower(name) {
		case "sigmoid":
			all = append(all, activate(graph.Sigmoid))
		case "tanh":
			all = append(all, activate(graph.Tanh))
		case "relu":
			all = append(all, activate(graph.ReLU))
		case "softplus":
			all = append(all, activate(graph.Softplus))
		case "softsign":
			all = append(all, steps(graph.Step{Fn: graph.Softsign}))
		case "affine":
			all = append(all, steps(graph.Step{Fn: graph.Times, A: alpha(1)}, graph.Step{Fn: graph.Plus, A: beta(0)}))
		case "scaledtanh":
			a := alpha(1)
			all = append(all, steps(graph.Step{Fn: graph.Times, A: beta(1)}, graph.Step{Fn: graph.Function(graph.Tanh)}, graph.Step{Fn: graph.Times, A: a}))
		case "leakyrelu":
			all = append(all, steps(graph.Step{Fn: graph.Leaky, A: alpha(0.01)}))
		case "thresholdedrelu":
			all = append(all, steps(graph.Step{Fn: graph.Thresholded, A: alpha(1)}))
		case "hardsigmoid":
			all = append(all, steps(graph.Step{Fn: graph.HardSigmoid, A: alpha(0.2), B: beta(0.5)}))
		case "elu":
			all = append(all, steps(graph.Step{Fn: graph.Exponential, A: alpha(1)}))
		default:
			failf("activation %.40q", name)
		}
	}
	return all[d*len(usual) : (d+1)*len(usual)]
}

// lstm is i, o, f = act_0(x + r·h + p·c), c' = f·c + i·act_1(x + r·h), h' = o·act_2(c').
func lstm(l *cell, x *graph.Value, s state) state {
	c := l.c
	all := x.Add(l.linear(s.h, l.r, l.innerBias))
	in, out, forget, cell := l.gate(all, 0), l.gate(all, 1), l.gate(all, 2), l.gate(all, 3)
	peep := func(v *graph.Value, i int, state *graph.Value) *graph.Value {
		if l.peep == nil {
			return v
		}
		return v.Add(state.Mul(c.value(c.cut(l.peep, 0, i*l.n, l.n))))
	}
	in = l.act(0, peep(in, 0, s.c))
	if c.flag("input_forget", false) {
		forget = c.scalar(1).Sub(in)
	} else {
		forget = l.act(0, peep(forget, 2, s.c))
	}
	next := forget.Mul(s.c).Add(in.Mul(l.act(1, cell)))
	return state{l.act(0, peep(out, 1, next)).Mul(l.f[2](next)), next}
}

// gru is z, r = act_0(x + R·h), n = act_1(x + R·(r·h)), h' = (1 − z)·n + z·h. With
// linear_before_reset n is act_1(x + r·(R·h)).
func gru(l *cell, x *graph.Value, s state) state {
	c := l.c
	part := func(at, n int) *value { return c.cut(l.r, 0, at*l.n, n*l.n) }
	var most, last *graph.Value
	if l.innerBias != nil {
		most, last = l.innerBias.Slice(0, 0, 2*l.n), l.innerBias.Slice(0, 2*l.n, 3*l.n)
	}
	gates := x.Slice(-1, 0, 2*l.n).Add(l.linear(s.h, part(0, 2), most))
	update, reset := l.act(0, l.gate(gates, 0)), l.act(0, l.gate(gates, 1))
	var fresh *graph.Value
	if c.flag("linear_before_reset", false) {
		fresh = reset.Mul(l.linear(s.h, part(2, 1), last))
	} else {
		fresh = l.linear(reset.Mul(s.h), part(2, 1), last)
	}
	fresh = l.act(1, l.gate(x, 2).Add(fresh))
	return state{h: fresh.Add(update.Mul(s.h.Sub(fresh)))}
}

// rnn is h' = act_0(x + r·h).
func rnn(l *cell, x *graph.Value, s state) state {
	return state{h: l.act(0, x.Add(l.linear(s.h, l.r, l.innerBias)))}
}
