package graph

import "slices"

// splittable is a fusable op that sums over the last dimension of x, its first
// arg, and a dimension of a weight, its second, so that its result for joined
// channels is the sum of its results for the parts.
type splittable interface {
	fusable
	// channels is the weight's dimension; ok is false if the op has groups.
	channels() (axis int, ok bool)
}

func (o Conv2d) channels() (axis int, ok bool)          { return 1, o.Groups <= 1 }
func (o ConvTranspose2d) channels() (axis int, ok bool) { return 0, o.Groups <= 1 }
func (o Linear) channels() (axis int, ok bool)          { return 1, true }

// split puts op v into the new graph. A layer over joined channels becomes a
// chain of layers over the parts, each added to what the one before left:
//
//	Act(w·cat(a, b) + bias + residual) = Act(w_b·b + (w_a·a + bias + residual))
//
// The joined channels need no memory then, and each sum takes that of the one
// before. The largest part, whose layer may need the most scratch, is first,
// when there is no sum yet.
func (f *fuser) split(v *Value) *Value {
	args := f.args(v)
	op, ok := v.Op.(splittable)
	if !ok {
		return f.apply(v, v.Op, args...)
	}
	axis, ok := op.channels()
	parts := f.joined(nil, v.Args[0])
	if !ok || args[1].Const == nil || !worthSplitting(parts, v) {
		return f.apply(v, v.Op, args...)
	}
	slices.SortStableFunc(parts, func(a, b part) int { return b.channels - a.channels })
	last := op.epilogue()
	e := last // of the first part's layer
	e.Act = None
	rest := args[2:]
	var y *Value
	for i, p := range parts {
		if i == len(parts)-1 {
			e.Act = last.Act
		}
		w := f.out.constant(args[1].cut(axis, p.from, p.channels))
		y = f.apply(v, op.withEpilogue(e), append([]*Value{f.at[p.x], w}, rest...)...)
		e, rest = Epilogue{Residual: true}, []*Value{y}
	}
	return y
}

// part is a value whose channels are, from the given one on, among those that
// a Concat joins.
type part struct {
	x              *Value
	from, channels int
}

// joined appends to parts those that v joins along the last dimension, if v
// does that and is needed only once; else v.
func (f *fuser) joined(parts []part, v *Value) []part {
	if op, ok := v.Op.(Concat); ok && f.uses[v] == 1 && op.Along(len(v.Shape)) == len(v.Shape)-1 {
		for _, a := range v.Args {
			parts = f.joined(parts, a)
		}
		return parts
	}
	p := part{x: v, channels: v.Shape[len(v.Shape)-1]}
	if n := len(parts); n > 0 {
		p.from = parts[n-1].from + parts[n-1].channels
	}
	return append(parts, p)
}

// worthSplitting reports whether layer v is better computed of each part of its
// first arg by itself: the result is then written and read once more for each
// part but one, where the whole of the arg would be. Kernels are slow for few
// channels.
func worthSplitting(parts []part, v *Value) bool {
	const few = 16
	for _, p := range parts {
		if p.x.Const != nil || p.channels < few {
			return false
		}
	}
	return len(parts) > 1 && (len(parts)-1)*v.Shape.Len() <= v.Args[0].Shape.Len()
}
