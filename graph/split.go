package graph

import "slices"

// splittable is a fusable op that sums over the last dimension of its first arg
// and a dimension of its second, the weight. Its result for joined channels is
// thus the sum of its results for the parts.
type splittable interface {
	fusable
	// channels returns the weight's dimension; ok is false if the op has groups.
	channels() (axis int, ok bool)
}

func (o Conv2d) channels() (axis int, ok bool)          { return 1, o.Groups <= 1 }
func (o ConvTranspose2d) channels() (axis int, ok bool) { return 0, o.Groups <= 1 }
func (o Linear) channels() (axis int, ok bool)          { return 1, true }

// split adds op v to the new graph. A layer over joined channels becomes a chain
// of layers over the parts, each of which adds to the result of the one before:
//
//	Act(w·cat(a, b) + bias + residual) = Act(w_b·b + (w_a·a + bias + residual))
//
// The joined channels then need no memory, and each sum reuses the memory of the
// one before. The largest part comes first: its layer may need the most scratch,
// and no sum takes memory yet.
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
	e := last // epilogue of the next part's layer
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

// part is one of the values that a Concat joins. Its channels become the channels
// of the result that begin at from.
type part struct {
	x              *Value
	from, channels int
}

// joined appends to parts the values that v joins along the last dimension. It
// appends v itself if v is not such a Concat or has more than one use.
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

// worthSplitting reports whether it costs less to apply layer v to each part of
// its first arg. Each part after the first writes and reads the result once more,
// but the joined arg is never written and read. Kernels are slow for few
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
