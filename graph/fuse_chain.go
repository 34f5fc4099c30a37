package graph

import "math"

// chain adds v, a Unary, to the new graph. An epilogue takes its first step if that is an
// activation. If not, v joins the op that makes its argument.
func (f *fuser) chain(op Unary, v *Value) *Value {
	steps := op.Chain.List()
	if act := steps[0].activation(); act != None {
		if w := f.activation(Activate{act}, v); w != nil {
			if len(steps) > 1 {
				w = f.apply(v, Unary{Steps(steps[1:]...)}, w)
			}
			return w
		}
	}
	return f.join(v.Args[0], steps)
}

// join appends steps to the op that makes a, if nothing else uses a: to a chain, or to an op
// that becomes one.
func (f *fuser) join(a *Value, steps []Step) *Value {
	p := f.at[a]
	if f.uses[a] > 1 {
		return nil
	}
	before, x := []Step(nil), p.Args
	switch op := p.Op.(type) {
	case Unary:
		before = op.Chain.List()
	case Activate:
		before = []Step{{Fn: Function(op.Act)}}
	case Binary:
		arg, s := op.Steps(p)
		if s == nil {
			if all := joined(op.Then.List(), steps); all != nil {
				return f.apply(p, Binary{op.Kind, Steps(all...)}, p.Args...)
			}
			return nil
		}
		before, x = s, []*Value{arg}
	default:
		return nil
	}
	if all := joined(before, steps); all != nil {
		return f.apply(p, Unary{Steps(all...)}, x...)
	}
	return nil
}

// withNumber reports whether v is a Binary of a value and a constant number.
func withNumber(v *Value) bool {
	op, ok := v.Op.(Binary)
	if !ok {
		return false
	}
	_, steps := op.Steps(v)
	return steps != nil
}

// joined returns both lists of steps in one, or nil if they are too many.
func joined(before, after []Step) []Step {
	if len(before)+len(after) > MaxSteps {
		return nil
	}
	return append(before[:len(before):len(before)], after...)
}

// Steps returns v, a Binary of a value and a constant number, as steps on the value. It
// returns no steps for another v.
func (o Binary) Steps(v *Value) (x *Value, steps []Step) {
	if o.Then[0].Fn != 0 {
		return nil, nil
	}
	for i, c := range v.Args {
		x := v.Args[1-i]
		if c.Const == nil || !c.Const.Bound() || c.Shape.Len() != 1 || x.Const != nil || !x.Shape.Equal(v.Shape) {
			continue
		}
		if s := o.Kind.with(c.Tensor(nil).Data[0], i == 0); s != nil {
			return x, s
		}
	}
	return nil, nil
}

// with returns the function of x and a constant number as steps on x; first says that the
// constant is the first arg.
func (k BinaryKind) with(c float32, first bool) []Step {
	if c != c {
		return nil
	}
	inf := float32(math.Inf(1))
	switch k {
	case Add:
		return []Step{{Fn: Plus, A: c}}
	case Mul:
		return []Step{{Fn: Times, A: c}}
	case Maximum:
		return []Step{{Fn: Clip, A: c, B: inf}}
	case Minimum:
		return []Step{{Fn: Clip, A: -inf, B: c}}
	}
	if first {
		switch {
		case k == Sub:
			return []Step{{Fn: Neg}, {Fn: Plus, A: c}}
		case k == Div && c == 1:
			return []Step{{Fn: Reciprocal}}
		}
		return nil
	}
	switch k {
	case Sub:
		return []Step{{Fn: Plus, A: -c}}
	case Div:
		return []Step{{Fn: Over, A: c}}
	case Pow:
		return []Step{{Fn: Power, A: c}}
	case PReLU:
		return []Step{{Fn: Leaky, A: c}}
	}
	return nil
}

// activation returns the activation that a step is, or None.
func (s Step) activation() Activation {
	if s.Fn < Function(activations) {
		return Activation(s.Fn)
	}
	switch s {
	case Step{Clip, 0, float32(math.Inf(1))}:
		return ReLU
	case Step{Clip, 0, 6}:
		return ReLU6
	case Step{Fn: Leaky, A: 0.01}:
		return LeakyReLU
	case Step{Fn: Exponential, A: 1}, Step{Fn: Celu, A: 1}:
		return ELU
	case Step{Fn: Swish, A: 1}:
		return SiLU
	case Step{Fn: Swish, A: 1.702}:
		return QuickGELU
	}
	return None
}
