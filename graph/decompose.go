package graph

import (
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// Decompose returns a graph with the same inputs, stages and outputs, in which
// smaller ops replace each attention op and keep all its scores in memory. It
// returns g itself if g has no attention. With the heads split, [B, H, N, D],
//
//   - Attention becomes a MatMul of queries and keys, an Add for each bias and
//     for the causal mask, a Softmax, and a MatMul with the values;
//   - WindowAttention becomes a Concat that pads, a Roll and a WindowPartition;
//     then the same ops in each window, with an Add of ShiftMask if it is
//     shifted and, if it is Cosine, with Normalize and a Mul by the scale;
//     then a WindowReverse, a Roll back and a Slice that crops.
//
// Other ops stay. The kernels of attention are checked against this graph.
func (g *Graph) Decompose() *Graph {
	there := false
	for _, v := range g.Nodes {
		_, ok := v.Op.(decomposable)
		there = there || ok
	}
	if !there {
		return g
	}
	d := decomposer{
		out:   &Graph{consts: map[*tensor.Tensor]*Value{}},
		masks: map[any]*tensor.Tensor{},
	}
	at := map[*Value]*Value{}
	for _, v := range g.Nodes {
		switch {
		case v.Const != nil:
			at[v] = d.out.constant(*v)
			continue
		case v.Op == nil:
			at[v] = d.out.Input(v.Name, v.Shape...)
			continue
		}
		args := make([]*Value, len(v.Args))
		for i, a := range v.Args {
			args[i] = at[a]
		}
		first := len(d.out.Nodes)
		if op, ok := v.Op.(decomposable); ok {
			at[v] = op.decompose(&d, v.ArgShapes(), args)
		} else {
			at[v] = Apply(v.Op, args...)
		}
		for _, w := range d.out.Nodes[first:] {
			if w.Op != nil {
				w.Name = v.Name
			}
		}
	}
	for _, s := range g.Stages {
		d.out.Stages = append(d.out.Stages, Output{s.Name, at[s.Value]})
	}
	for _, o := range g.Outputs {
		d.out.Output(o.Name, at[o.Value])
	}
	return d.out
}

// decomposable is an op that Decompose replaces.
type decomposable interface {
	Op
	decompose(d *decomposer, shapes []tensor.Shape, args []*Value) *Value
}

type decomposer struct {
	out   *Graph
	masks map[any]*tensor.Tensor // the key is what a mask depends on
}

// mask adds the constant for key, which build makes the first time.
func (d *decomposer) mask(key any, build func() *tensor.Tensor) *Value {
	if d.masks[key] == nil {
		d.masks[key] = build()
	}
	return d.out.Const(d.masks[key])
}

// apart takes h heads of c channels from x [B, N, channels], beginning at channel
// first, and puts the heads before the tokens: [B, h, N, c].
func apart(x *Value, first, h, c int) *Value {
	if h*c < x.Shape[2] {
		x = x.Slice(2, first, first+h*c)
	}
	return x.Reshape(x.Shape[0], x.Shape[1], h, c).Permute(0, 2, 1, 3)
}

// together is the inverse of apart: [B, h, N, c] to [B, N, h·c].
func together(x *Value) *Value {
	s := x.Shape
	return x.Permute(0, 2, 1, 3).Reshape(s[0], s[2], s[1]*s[3])
}

func (o Attention) decompose(d *decomposer, shapes []tensor.Shape, args []*Value) *Value {
	l, err := o.Layout(shapes)
	if err != nil {
		panic(shapeError{err})
	}
	part := func(p Operand, c int) *Value { return apart(args[p.Arg], p.First, l.H, c) }
	scores := part(l.Q, l.D).MatMulT(part(l.K, l.D), float32(o.ScaleFor(l.D)))
	for _, bias := range args[l.Biases:l.Rel] {
		scores = scores.Add(bias)
	}
	if l.Rel < len(args) {
		h, w := args[l.Rel], args[l.Rel+1]
		scores = scores.Reshape(l.B, l.H, l.N, o.KH, o.KW).
			Add(h.Reshape(l.B, l.H, l.N, o.KH, 1)).
			Add(w.Reshape(l.B, l.H, l.N, 1, o.KW)).
			Reshape(l.B, l.H, l.N, l.M)
	}
	if o.Causal {
		scores = scores.Add(d.mask(Pair{l.N, l.M}, func() *tensor.Tensor { return causalMask(l.N, l.M) }))
	}
	return together(scores.Softmax(-1).MatMul(part(l.V, l.Dv)))
}

// causalMask returns the mask [n, m] that Causal adds to the scores: −Inf for
// keys after the query, else 0.
func causalMask(n, m int) *tensor.Tensor {
	mask := tensor.New(n, m)
	mask.Name = "causal_mask"
	for i := range mask.Data {
		if i%m > i/m {
			mask.Data[i] = float32(math.Inf(-1))
		}
	}
	return mask
}

func (o WindowAttention) decompose(d *decomposer, _ []tensor.Shape, args []*Value) *Value {
	x, bias, padding := args[0], args[1], args[2]
	ws, err := o.Windows(x.Shape)
	if err != nil {
		panic(shapeError{err})
	}
	for axis := range 2 {
		if missing := ws.Padded[axis] - ws.Size[axis]; missing > 0 {
			shape := x.Shape.Clone()
			shape[axis+1] = missing
			x = Cat(axis+1, x, padding.Expand(shape...))
		}
	}
	x = rolled(x, -ws.Shift[0], -ws.Shift[1]).WindowPartition(ws.Window, Pair{})
	heads, tokens, c := max(o.Heads, 1), ws.tokens(), x.Shape[3]/3
	x = x.Reshape(x.Shape[0], tokens, 3*c)
	part := func(i int) *Value { return apart(x, i*c, heads, c/heads) }
	var scores *Value
	if o.Cosine {
		scores = part(0).Normalize(-1).MatMulT(part(1).Normalize(-1), 1).Mul(args[3].Reshape(heads, 1, 1))
	} else {
		scores = part(0).MatMulT(part(1), float32(1/math.Sqrt(float64(c/heads))))
	}
	scores = scores.Add(bias)
	if ws.Shift != (Pair{}) {
		all, count := scores.Shape, ws.Count[0]*ws.Count[1]
		mask := d.mask(ws, func() *tensor.Tensor {
			m := ShiftMask(ws.Padded, ws.Window, ws.Shift).Reshape(count, 1, tokens, tokens)
			m.Name = "shift_mask"
			return m
		})
		scores = scores.Reshape(all[0]/count, count, heads, tokens, tokens).Add(mask).Reshape(all...)
	}
	y := together(scores.Softmax(-1).MatMul(part(2)))
	y = y.Reshape(y.Shape[0], ws.Window[0], ws.Window[1], c).WindowReverse(ws.Padded[0], ws.Padded[1], Pair{})
	y = rolled(y, ws.Shift[0], ws.Shift[1])
	for axis := range 2 {
		if ws.Size[axis] < ws.Padded[axis] {
			y = y.Slice(axis+1, 0, ws.Size[axis])
		}
	}
	return y
}

// rolled moves the tokens of x [B, H, W, C] cyclically.
func rolled(x *Value, down, right int) *Value {
	if down == 0 && right == 0 {
		return x
	}
	return Apply(Roll{Shift: [MaxRank]int{1: down, 2: right}}, x)
}
