package passes

import (
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// SinkPermutes moves each Permute down, past ops that can work in any order of dimensions,
// until it meets its inverse and vanishes, or an op that needs its order. In a network of
// convolutions whose file has the channels first, Permutes then remain only at inputs and
// outputs.
//
// A value of the old graph has a stored value of the new graph, with its dimensions in some
// order. An op is applied to stored values, if it can be.
func SinkPermutes(g *graph.Graph) *graph.Graph {
	s := &sinker{stored: map[*graph.Value]stored{}, placed: map[*graph.Value]*graph.Value{}}
	outputs := map[*graph.Value]bool{}
	for _, o := range g.Outputs {
		outputs[o.Value] = true
	}
	return rewrite(g, func(r *rewriter, v *graph.Value) *graph.Value {
		s.rewriter = r
		s.stored[v] = s.put(v)
		if outputs[v] {
			return s.value(v)
		}
		return nil
	})
}

// stored is a value of the new graph. Dimension i of the old value is its dimension order[i].
type stored struct {
	v     *graph.Value
	order []int
}

type sinker struct {
	*rewriter
	stored map[*graph.Value]stored
	placed map[*graph.Value]*graph.Value // old values with their own order of dimensions
}

func identity(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

func plain(order []int) bool { return slices.IsSorted(order) }

// of returns how an old value is stored.
func (s *sinker) of(v *graph.Value) stored {
	if w, ok := s.stored[v]; ok {
		return w
	}
	return stored{s.at[v], identity(len(v.Shape))} // an input or a constant
}

// value returns an old value in its own order.
func (s *sinker) value(v *graph.Value) *graph.Value {
	if w := s.placed[v]; w != nil {
		return w
	}
	w := s.of(v)
	s.placed[v] = permuted(w.v, w.order)
	return s.placed[v]
}

// permuted returns v with its dimensions in another order, with one Permute at most, and
// without one if only dimensions of extent 1 move.
func permuted(v *graph.Value, order []int) *graph.Value {
	if before, ok := v.Op.(graph.Permute); ok {
		joined := make([]int, len(order))
		for i, o := range order {
			joined[i] = before.Order[o]
		}
		v, order = v.Args[0], joined
	}
	switch {
	case plain(order):
		return v
	case v.Const != nil && v.Const.Data != nil:
		return v.Graph().Const(v.Tensor(nil).Permute(order...))
	case moved(v.Shape, order):
		return v.Permute(order...)
	}
	to := make(tensor.Shape, len(order))
	for i, o := range order {
		to[i] = v.Shape[o]
	}
	return reshaped(v, to)
}

// in returns an old value stored in the given order, for a result of that rank to which it
// broadcasts. With shorten, a constant loses dimensions of extent 1 in front.
func (s *sinker) in(v *graph.Value, order []int, shorten bool) *graph.Value {
	if w := s.of(v); slices.Equal(w.order, order) && v.Const == nil {
		return w.v
	}
	x := s.value(v)
	if len(v.Shape) == 1 && len(order) > 1 && order[len(order)-1] == len(order)-1 || len(v.Shape) == 0 {
		return x // it lies along the last dimension as before
	}
	if n := len(order) - len(v.Shape); n > 0 {
		x = reshaped(x, slices.Concat(slices.Repeat([]int{1}, n), v.Shape))
	}
	x = permuted(x, inverse(order))
	if x.Const != nil && x.Const.Data != nil && shorten {
		x = reshaped(x, trimmed(x.Shape))
	}
	return x
}

// cost is the number of elements that in moves.
func (s *sinker) cost(v *graph.Value, order []int) int {
	w := s.of(v)
	if v.Const != nil || slices.Equal(w.order, order) || v.Shape.Len() == 1 {
		return 0
	}
	// What the stored value's dimensions become in the wanted order.
	skip := len(order) - len(v.Shape)
	back := inverse(order)
	var to []int
	for _, d := range back {
		if d >= skip {
			to = append(to, w.order[d-skip])
		}
	}
	if moved(w.v.Shape, to) {
		return v.Shape.Len()
	}
	return 0
}

func inverse(order []int) []int {
	back := make([]int, len(order))
	for i, o := range order {
		back[o] = i
	}
	return back
}

// put applies the op of v to stored values.
func (s *sinker) put(v *graph.Value) stored {
	switch op := v.Op.(type) {
	case graph.Permute:
		w := s.of(v.Args[0])
		order := make([]int, op.Rank)
		for i, o := range op.Order[:op.Rank] {
			order[i] = w.order[o]
		}
		return stored{w.v, order}
	case graph.Reshape:
		if w, ok := s.reshape(v); ok {
			return w
		}
		return stored{reshaped(s.value(v.Args[0]), v.Shape), identity(len(v.Shape))}
	case graph.Concat:
		order := s.best(v.Args, len(v.Shape))
		op.Axis = order[op.Along(len(order))]
		return s.apply(op, v.Args, order)
	case graph.Slice, graph.Pad, graph.Roll, graph.Softmax, graph.Reduce, graph.Argmax, graph.Argsort, graph.TopK, graph.Normalize, graph.CumSum:
		if w, ok := s.along(v); ok {
			return w
		}
	case graph.Resample, graph.Select:
		if w, ok := s.firstAlong(v); ok {
			return w
		}
	case graph.LayerNorm:
		if w := s.of(v.Args[0]); s.keepsLast(w.order, max(op.Dims, 1)) && !plain(w.order) {
			return s.first(v, w)
		}
	case graph.BatchNorm, graph.Linear:
		if w := s.of(v.Args[0]); s.keepsLast(w.order, 1) && !plain(w.order) {
			if l, ok := op.(graph.Linear); ok && l.Residual {
				break
			}
			return s.first(v, w)
		}
	case graph.MatMul:
		if w, ok := s.matmul(op, v); ok {
			return w
		}
	default:
		if elementwise(v) {
			return s.apply(v.Op, v.Args, s.best(v.Args, len(v.Shape)))
		}
	}
	args := make([]*graph.Value, len(v.Args))
	for i, a := range v.Args {
		args[i] = s.value(a)
	}
	return stored{graph.Apply(v.Op, args...), identity(len(v.Shape))}
}

// elementwise reports whether each element of v comes from the elements of its args at the
// same place, with broadcasting.
func elementwise(v *graph.Value) bool {
	switch v.Op.(type) {
	case graph.Activate, graph.Binary, graph.Unary, graph.Where:
		return true
	}
	return false
}

// keepsLast reports whether an order leaves the last n dimensions in their places.
func (s *sinker) keepsLast(order []int, n int) bool {
	for d := len(order) - n; d < len(order); d++ {
		if d < 0 || order[d] != d {
			return false
		}
	}
	return true
}

// first applies an op to its first arg as it is stored, and to the others in their own order.
func (s *sinker) first(v *graph.Value, w stored) stored {
	args := []*graph.Value{w.v}
	for _, a := range v.Args[1:] {
		args = append(args, s.value(a))
	}
	return stored{graph.Apply(v.Op, args...), w.order}
}

// apply applies an op to args that are all stored in an order.
func (s *sinker) apply(op graph.Op, args []*graph.Value, order []int) stored {
	in := make([]*graph.Value, len(args))
	for i, a := range args {
		_, joins := op.(graph.Concat)
		whole := false // another arg has the rank of the result
		for k, other := range args {
			whole = whole || k != i && len(other.Shape) == len(order)
		}
		in[i] = s.in(a, order, whole && !joins)
	}
	return stored{graph.Apply(op, in...), order}
}

// best returns the order of a result of this rank in which the fewest elements of args have
// to be moved.
func (s *sinker) best(args []*graph.Value, rank int) []int {
	orders := [][]int{}
	for _, a := range args {
		if w := s.of(a); len(w.order) == rank && a.Const == nil {
			orders = append(orders, w.order)
		}
	}
	orders = append(orders, identity(rank))
	best, least := orders[0], -1
	for _, order := range orders {
		total := 0
		for _, a := range args {
			total += s.cost(a, order)
		}
		if least < 0 || total < least {
			best, least = order, total
		}
	}
	return best
}

// along applies an op that names dimensions of its only arg.
func (s *sinker) along(v *graph.Value) (stored, bool) {
	w := s.of(v.Args[0])
	if plain(w.order) {
		return stored{}, false
	}
	place := func(axis int) int {
		if axis < 0 {
			axis += len(w.order)
		}
		return w.order[axis]
	}
	op, order := v.Op, w.order
	switch o := v.Op.(type) {
	case graph.Slice:
		p := graph.Slice{}
		for i, d := range w.order {
			p.Start[d], p.Stop[d], p.Step[d] = o.Start[i], o.Stop[i], o.Step[i]
		}
		op = p
	case graph.Pad:
		p := graph.Pad{Mode: o.Mode, Value: o.Value}
		for i, d := range w.order {
			p.Before[d], p.After[d] = o.Before[i], o.After[i]
		}
		op = p
	case graph.Roll:
		p := graph.Roll{}
		for i, d := range w.order {
			p.Shift[d] = o.Shift[i]
		}
		op = p
	case graph.Softmax:
		o.Axis = place(o.Axis)
		op = o
	case graph.Argsort:
		o.Axis = place(o.Axis)
		op = o
	case graph.TopK:
		o.Axis = place(o.Axis)
		op = o
	case graph.Normalize:
		o.Axis = place(o.Axis)
		op = o
	case graph.CumSum:
		o.Axis = place(o.Axis)
		op = o
	case graph.Argmax:
		if !o.KeepDim {
			order = without(w.order, func(i int) bool { return w.order[i] == place(o.Axis) })
		}
		o.Axis = place(o.Axis)
		op = o
	case graph.Reduce:
		if o.Axes == 0 {
			return stored{graph.Apply(op, w.v), identity(len(v.Shape))}, true
		}
		if !o.KeepDims {
			order = without(w.order, func(i int) bool { return o.Axes.Has(i) })
		}
		var dims []int
		for i, d := range w.order {
			if o.Axes.Has(i) {
				dims = append(dims, d)
			}
		}
		o.Axes = graph.Dims(dims...)
		op = o
	}
	return stored{graph.Apply(op, w.v), order}, true
}

// firstAlong applies an op that names a dimension of its first arg.
func (s *sinker) firstAlong(v *graph.Value) (stored, bool) {
	w := s.of(v.Args[0])
	op := v.Op
	switch o := v.Op.(type) {
	case graph.Resample:
		o.Axis = w.order[o.Axis]
		op = o
	case graph.Select:
		if len(v.Args[1].Shape) != 1 {
			return stored{}, false
		}
		o.Axis = w.order[o.Axis]
		op = o
	}
	args := []*graph.Value{w.v}
	for _, a := range v.Args[1:] {
		args = append(args, s.value(a))
	}
	return stored{graph.Apply(op, args...), w.order}, true
}

// without returns an order after some of the old dimensions are dropped.
func without(order []int, drop func(i int) bool) []int {
	var kept []int
	for i, d := range order {
		if !drop(i) {
			kept = append(kept, d)
		}
	}
	out := make([]int, len(kept))
	for i, d := range kept {
		for _, e := range kept {
			if e < d {
				out[i]++
			}
		}
	}
	return out
}

// matmul reads a second factor that is stored with its last two dimensions exchanged.
func (s *sinker) matmul(op graph.MatMul, v *graph.Value) (stored, bool) {
	w := s.of(v.Args[1])
	n := len(w.order)
	if n < 2 || w.order[n-1] != n-2 || w.order[n-2] != n-1 || !plain(w.order[:n-2]) {
		return stored{}, false
	}
	op.TransB = !op.TransB
	return stored{graph.Apply(op, s.value(v.Args[0]), w.v), identity(len(v.Shape))}, true
}
