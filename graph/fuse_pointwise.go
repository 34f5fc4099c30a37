package graph

import "slices"

// pointwise adds op v to the new graph, joined with an op on single elements that makes one
// of its args, if nothing else uses that arg.
func (f *fuser) pointwise(v *Value) *Value {
	args := f.args(v)
	best, most := -1, 0
	if _, done := v.Op.(Pointwise); done || pointwise(v.Op) == nil {
		return f.apply(v, v.Op, args...)
	}
	for i, a := range v.Args {
		p := f.at[a]
		_, one := p.Op.(Unary)
		_, other := v.Op.(Unary)
		if f.uses[a] == 1 && !(one && other) { // chains are already joined
			links := pointwise(p.Op)
			if len(links) > most && (isNew(p.Op) || isNew(v.Op)) && (p.Shape.Equal(v.Shape) || cheap(links)) {
				best, most = i, len(links)
			}
		}
	}
	if best >= 0 {
		if w := f.link(v, args, best); w != nil {
			return w
		}
		if op, ok := v.Op.(Binary); ok { // the next op may join it
			return f.apply(v, op.Pointwise(), args...)
		}
	}
	return f.apply(v, v.Op, args...)
}

// link joins v with the op that makes args[at]. It returns nil if that is too much for one
// op.
func (f *fuser) link(v *Value, args []*Value, at int) *Value {
	p := args[at]
	joined := slices.Clone(pointwise(p.Op))
	xs := slices.Clone(p.Args)
	for _, l := range pointwise(v.Op) {
		if l.Arg > 0 { // v is a Binary
			x := args[1-at]
			k := slices.Index(xs, x)
			if k < 0 {
				k = len(xs)
				xs = append(xs, x)
			}
			l = Link{Kind: l.Kind, Arg: uint8(k + 1), First: at == 1}
		}
		joined = append(joined, l)
	}
	if len(joined) > MaxLinks || len(xs) > MaxPointwiseArgs {
		return nil
	}
	var op Pointwise
	copy(op.Links[:], joined)
	return f.apply(v, op, xs...)
}

// pointwise returns an op on single elements as links, else nil. A Pointwise is only the
// first op of a join.
func pointwise(op Op) []Link {
	var steps []Step
	switch op := op.(type) {
	case Pointwise:
		return op.List()
	case Binary:
		p := op.Pointwise()
		return p.List()
	case Activate:
		steps = []Step{{Fn: Function(op.Act)}}
	case Unary:
		steps = op.Chain.List()
	}
	var links []Link
	for _, s := range steps {
		links = append(links, Link{Step: s})
	}
	return links
}

// cheap reports whether functions may be computed again for each element that a value is
// repeated for: they take less time than a dispatch.
func cheap(links []Link) bool {
	return !slices.ContainsFunc(links, func(l Link) bool {
		switch l.Step.Fn {
		case Plus, Times, Neg, Abs, Clip, HardSigmoid, Not, Truth, Function(ReLU), Function(ReLU6):
			return l.Arg > 0
		}
		return true
	})
}

// isNew reports whether an op is one that only imported graphs have. Others stay as they
// are, so that the plans of this project's models do.
func isNew(op Op) bool {
	switch op := op.(type) {
	case Unary, Pointwise:
		return true
	case Binary:
		return op.Kind > Div || op.Then[0].Fn != 0
	}
	return false
}
