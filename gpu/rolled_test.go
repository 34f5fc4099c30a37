package gpu

import (
	"context"
	"fmt"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// rolled is what WindowAttention does told as the paper tells it, with an op
// for each step: pad, roll and cut, attend in every window under a mask, join
// and roll back.
func rolled(a *layers.WindowAttention, x *graph.Value) *graph.Value {
	g, b, h, w := x.Graph(), x.Shape[0], x.Shape[1], x.Shape[2]
	ws, err := a.Op.Windows(x.Shape)
	if err != nil {
		panic(err)
	}
	x = x.WindowPartition(ws.Window, ws.Shift)
	count, tokens, dim := x.Shape[0], ws.Window[0]*ws.Window[1], x.Shape[3]
	x = x.Reshape(count, tokens, dim)
	qkvBias := a.QKV.Bias
	if a.Op.Cosine {
		qkvBias = tensor.Of(append([]float32{}, qkvBias.Data...), 3*dim)
		clear(qkvBias.Data[dim : 2*dim])
	}
	qkv := graph.Apply(graph.Linear{Epilogue: graph.Epilogue{Bias: true}}, x, g.Const(a.QKV.Weight), g.Const(qkvBias))
	part := func(i int) *graph.Value { return qkv.Slice(2, i*dim, (i+1)*dim) }
	q, k := part(0), part(1)

	op := graph.Attention{Heads: a.Op.Heads, Biases: 2}
	var bias *graph.Value
	if !a.Op.Cosine {
		bias = g.Const(a.Table)
	} else {
		op.Scale = 1
		unit := func(v *graph.Value) *graph.Value {
			return v.Reshape(count, tokens, a.Op.Heads, dim/a.Op.Heads).Normalize(3)
		}
		scale := g.Const(a.LogitScale).Activate(graph.ExpClamped).Reshape(a.Op.Heads, 1)
		q, k = unit(q).Mul(scale).Reshape(count, tokens, dim), unit(k).Reshape(count, tokens, dim)
		bias = a.CPB2.Forward(a.CPB0.Forward(g.Const(a.Coordinates())).ReLU()).Sigmoid().Mul(g.Const(tensor.Of([]float32{16}, 1)))
	}
	bias = graph.Apply(graph.RelativePositionBias{Window: ws.Window}, bias).Reshape(1, a.Op.Heads, tokens, tokens)
	one := graph.ShiftMask(ws.Padded, ws.Window, ws.Shift)
	mask := tensor.New(count, 1, tokens, tokens)
	for i := range b {
		copy(mask.Data[i*len(one.Data):], one.Data)
	}
	y := graph.Apply(op, q, k, part(2), bias, g.Const(mask))
	return a.Proj.Forward(y.Reshape(count, ws.Window[0], ws.Window[1], dim).WindowReverse(h, w, ws.Shift))
}

// TestShiftByIndex holds the kernels that shift by index arithmetic against
// that path, for windows, shifts and sizes that fit and that do not.
func TestShiftByIndex(t *testing.T) {
	d := open(t)
	for _, c := range []struct{ window, shift, size graph.Pair }{
		{graph.Both(1), graph.Both(0), graph.Pair{3, 5}},
		{graph.Both(2), graph.Both(1), graph.Pair{4, 6}},
		{graph.Both(2), graph.Both(1), graph.Pair{3, 3}},
		{graph.Both(3), graph.Both(1), graph.Pair{7, 8}},
		{graph.Both(3), graph.Both(2), graph.Pair{9, 10}},
		{graph.Both(4), graph.Both(0), graph.Pair{9, 11}},
		{graph.Both(4), graph.Both(2), graph.Pair{8, 16}},
		{graph.Both(4), graph.Both(3), graph.Pair{5, 13}},
		{graph.Both(4), graph.Both(2), graph.Pair{3, 9}}, // not shifted down
		{graph.Both(7), graph.Both(3), graph.Pair{14, 14}},
		{graph.Both(7), graph.Both(3), graph.Pair{15, 11}},
		{graph.Both(7), graph.Both(3), graph.Pair{5, 7}}, // one window
		{graph.Both(8), graph.Both(4), graph.Pair{10, 17}},
		{graph.Pair{3, 5}, graph.Pair{1, 2}, graph.Pair{8, 12}},
		{graph.Pair{4, 2}, graph.Pair{0, 1}, graph.Pair{9, 9}},
		{graph.Both(12), graph.Both(6), graph.Pair{13, 25}},
	} {
		for _, cosine := range []bool{false, true} {
			t.Run(fmt.Sprintf("w%v s%v %v cosine=%v", c.window, c.shift, c.size, cosine), func(t *testing.T) {
				a := layers.NewWindowAttention(12, graph.WindowAttention{Heads: 3, Window: c.window, Shift: c.shift, Cosine: cosine})
				weights.Random(a, 3)
				x := ramp(2, c.size[0], c.size[1], 12)
				p, err := d.Compile(trace(t, func(g *graph.Graph) { g.Output("y", rolled(a, g.Input("x", x.Shape...))) }))
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				want, err := p.Run(context.Background(), x)
				if err != nil {
					t.Fatal(err)
				}
				g := trace(t, func(g *graph.Graph) { g.Output("y", a.Forward(g.Input("x", x.Shape...))) })
				everyProgram(t, d, g, []*tensor.Tensor{x}, want, 1e-5)
			})
		}
	}
}
