package graph

import (
	"slices"

	"github.com/vertebra/vertebra/tensor"
)

// fusable is an op with an epilogue, into which later ops can move.
type fusable interface {
	Op
	epilogue() Epilogue
	withEpilogue(Epilogue) Op
}

// foldable is a fusable op whose result is linear in a constant weight, so that a
// batch norm can be multiplied into it. The weight is arg number weight, and the
// result's channels lie along its dimension axis.
type foldable interface {
	fusable
	foldable() (weight, axis int)
}

// Fuse returns a graph with the same outputs and less work:
//
//   - a batch norm is folded into the weights of the op before it;
//   - an addition or activation moves into the epilogue of the op that makes its
//     argument, if nothing else uses the argument;
//   - functions of one number join those before them, or the Binary before them, and
//     these join functions of two;
//   - an op with only constant arguments becomes a constant, and so does a value
//     without elements;
//   - a layer over joined channels becomes a sum over the parts;
//   - an op that no output needs is left out;
//   - an op whose result is larger than the memory it frees moves to just before
//     its first use.
func (g *Graph) Fuse() *Graph {
	f := g.rewrite((*fuser).fuse).rewrite((*fuser).pointwise).rewrite((*fuser).split)
	f.late()
	return f
}

// rewrite returns a graph with the same outputs. It adds each constant that they
// need, and calls put to add each op.
func (g *Graph) rewrite(put func(f *fuser, v *Value) *Value) *Graph {
	f := fuser{
		out:  &Graph{consts: map[*tensor.Tensor]*Value{}},
		at:   map[*Value]*Value{},
		uses: map[*Value]int{},
	}
	live := map[*Value]bool{}
	for _, o := range g.Outputs {
		live[o.Value] = true
		f.uses[o.Value]++
	}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		if v := g.Nodes[i]; live[v] {
			for _, a := range v.Args {
				live[a] = true
				f.uses[a]++
			}
		}
	}
	for _, v := range g.Inputs {
		f.at[v] = f.out.Input(v.Name, v.Shape...)
		if v.Shape.Len() == 0 {
			f.at[v] = f.out.Const(tensor.New(v.Shape...))
		}
	}
	for _, v := range g.Nodes {
		switch {
		case !live[v]:
		case v.Const != nil:
			f.at[v] = f.out.constant(*v)
		case v.Op != nil && v.Shape.Len() == 0:
			f.at[v] = f.out.Const(tensor.New(v.Shape...))
		case v.Op != nil:
			f.at[v] = put(&f, v)
		}
	}
	for _, o := range g.Outputs {
		f.out.Output(o.Name, f.at[o.Value])
	}
	f.sweep()
	return f.out
}

type fuser struct {
	out  *Graph
	at   map[*Value]*Value // from the old graph to the new
	uses map[*Value]int    // of values of the old graph
}

// fuse adds op v to the new graph, merged into the op before it if possible.
func (f *fuser) fuse(v *Value) *Value {
	switch op := v.Op.(type) {
	case BatchNorm:
		if w := f.fold(op, v); w != nil {
			return w
		}
	case Binary:
		if op.Kind == Add {
			for i := range 2 {
				if w := f.residual(v, v.Args[i], v.Args[1-i]); w != nil {
					return w
				}
			}
		}
		if x, steps := op.Steps(v); steps != nil && (isNew(f.at[x].Op) || withNumber(f.at[x])) {
			if w := f.join(x, steps); w != nil {
				return w
			}
		}
	case Activate:
		if w := f.activation(op, v); w != nil {
			return w
		}
		if isNew(f.at[v.Args[0]].Op) {
			if w := f.join(v.Args[0], []Step{{Fn: Function(op.Act)}}); w != nil {
				return w
			}
		}
	case Unary:
		if w := f.chain(op, v); w != nil {
			return w
		}
	case Concat:
		if args := slices.DeleteFunc(f.args(v), func(a *Value) bool { return a.Shape.Len() == 0 }); len(args) == 1 {
			return args[0]
		} else if len(args) < len(v.Args) {
			return f.apply(v, v.Op, args...)
		}
	}
	args := f.args(v)
	if t := evaluated(v.Op, args); t != nil {
		return f.out.Const(t)
	}
	return f.apply(v, v.Op, args...)
}

// args returns the args of v in the new graph.
func (f *fuser) args(v *Value) []*Value {
	args := make([]*Value, len(v.Args))
	for i, a := range v.Args {
		args[i] = f.at[a]
	}
	return args
}

// evaluated returns the result of an op whose args are all constants, else nil.
func evaluated(op Op, args []*Value) *tensor.Tensor {
	consts := make([]*tensor.Tensor, len(args))
	for i, a := range args {
		if a.Const == nil || !a.Const.Bound() {
			return nil
		}
		consts[i] = a.Tensor(nil)
	}
	return op.Eval(consts)
}

// activation moves v into the op that makes its argument, even past ops that only
// move elements.
func (f *fuser) activation(op Activate, v *Value) *Value {
	var moves []*Value
	a := v.Args[0]
	for f.uses[a] == 1 && movesOnly(a.Op) {
		moves = append(moves, a)
		a = a.Args[0]
	}
	e, p := f.producer(a)
	if p == nil || e.Act != None {
		return nil
	}
	e.Act = op.Act
	w := f.apply(p, p.Op.(fusable).withEpilogue(e), p.Args...)
	for i := len(moves) - 1; i >= 0; i-- {
		w = f.apply(moves[i], moves[i].Op, w)
	}
	return w
}

// movesOnly reports whether op has one arg and only reorders its elements.
func movesOnly(op Op) bool {
	switch op.(type) {
	case Reshape, Permute, PixelShuffle, PixelUnshuffle, Roll:
		return true
	}
	return false
}

// apply adds op in place of v and keeps the layer's name.
func (f *fuser) apply(v *Value, op Op, args ...*Value) *Value {
	w := Apply(op, args...)
	if v.Name != "" {
		w.Name = v.Name
	}
	return w
}

// producer returns the value of the new graph for a, and its op's epilogue. The
// value is nil if the op has no epilogue or if a has more than one use.
func (f *fuser) producer(a *Value) (Epilogue, *Value) {
	p := f.at[a]
	if op, ok := p.Op.(fusable); ok && f.uses[a] == 1 {
		return op.epilogue(), p
	}
	return Epilogue{}, nil
}

// residual moves v = a + b into the op that makes a.
func (f *fuser) residual(v, a, b *Value) *Value {
	e, p := f.producer(a)
	if p == nil || e.Act != None || e.Residual || a == b {
		return nil
	}
	switch {
	case b.Shape.Equal(a.Shape) && b.Const == nil:
		e.Residual = true
	case !e.Bias && b.Const != nil && b.Shape.Equal(a.Shape[len(a.Shape)-1:]):
		e.Bias = true
	default:
		return nil
	}
	return f.apply(p, p.Op.(fusable).withEpilogue(e), append(p.Args[:len(p.Args):len(p.Args)], f.at[b])...)
}

// fold multiplies batch norm v into the weights of the op before it.
func (f *fuser) fold(op BatchNorm, v *Value) *Value {
	e, p := f.producer(v.Args[0])
	if p == nil || e.Act != None || e.Residual {
		return nil
	}
	prod, ok := p.Op.(foldable)
	if !ok {
		return nil
	}
	stats := make([]*tensor.Tensor, len(v.Args)-1)
	for i, a := range v.Args[1:] {
		if a.Const == nil || !a.Const.Bound() {
			return nil
		}
		stats[i] = a.Tensor(nil)
	}
	at, axis := prod.foldable()
	w := p.Args[at]
	if w.Const == nil || !w.Const.Bound() || e.Bias && p.Args[at+1].Const == nil {
		return nil
	}
	scale, shift := op.ScaleShift(stats)
	if w.Shape[axis] != len(scale) {
		return nil // a transposed convolution with groups
	}
	bias := tensor.New(len(scale))
	bias.Name = v.Name + ".folded"
	var before *tensor.Tensor
	if e.Bias {
		before = p.Args[at+1].Const.Floats(nil)
	}
	for c := range scale {
		b := shift[c]
		if e.Bias {
			b += float64(before.Data[c]) * scale[c]
		}
		bias.Data[c] = float32(b)
	}
	if w.Scale != nil {
		for c, by := range w.Scale.By {
			scale[c] *= by
		}
	}
	args := append([]*Value{}, p.Args[:at+1]...)
	scaled := *w
	scaled.Scale = &Scale{scale, axis}
	args[at] = f.out.constant(scaled)
	e.Bias = true
	return f.apply(p, prod.withEpilogue(e), append(args, f.out.Const(bias))...)
}

// sweep drops nodes that no output needs, such as ops that were fused.
func (f *fuser) sweep() {
	live := map[*Value]bool{}
	for _, o := range f.out.Outputs {
		live[o.Value] = true
	}
	nodes := f.out.Nodes
	for i := len(nodes) - 1; i >= 0; i-- {
		if live[nodes[i]] {
			for _, a := range nodes[i].Args {
				live[a] = true
			}
		}
	}
	kept := nodes[:0]
	for _, v := range nodes {
		if live[v] || v.Op == nil && v.Const == nil {
			kept = append(kept, v)
		}
	}
	f.out.Nodes = kept
}
