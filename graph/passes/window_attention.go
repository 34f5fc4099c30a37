package passes

import (
	"math"
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// WindowAttentions finds Swin's attention: a WindowPartition, a layer for queries, keys and
// values, an Attention with the mask of the shift, and a WindowReverse. The layers then work on
// the map, since they take each token on its own, and a WindowAttention is between them.
func WindowAttentions(g *graph.Graph) *graph.Graph {
	return rewrite(g, func(r *rewriter, v *graph.Value) *graph.Value {
		m := v
		for r.crops(m) {
			m = m.Args[0]
		}
		w, ok := r.windowAttention(m)
		if !ok || !v.Shape[:3].Equal(w.x.Shape[:3]) {
			return r.same(v)
		}
		return w.apply(r)
	})
}

// windowAttention is what stands between a map and a map.
type windowAttention struct {
	x       *graph.Value   // [B, H, W, C]
	before  []*graph.Value // from x to queries, keys and values, on each token
	op      graph.WindowAttention
	bias    *tensor.Tensor // [Heads, T, T]
	padding *tensor.Tensor // [3·C]
	after   []*graph.Value // from the attention to the result, on each token
}

func (r *rewriter) windowAttention(v *graph.Value) (w windowAttention, ok bool) {
	join, ok := v.Op.(graph.WindowReverse)
	if !ok {
		return w, false
	}
	windows := v.Args[0].Shape
	w.op.Window, w.op.Shift = graph.Pair{windows[1], windows[2]}, join.Shift
	att, after := r.tokenwise(v.Args[0])
	a, ok := att.Op.(graph.Attention)
	if !ok || r.uses[att] != 1 || a.Packed != graph.PackedQKV || a.Causal || a.KH > 0 {
		return w, false
	}
	w.after, w.op.Heads = after, max(a.Heads, 1)
	cut, before := r.tokenwise(att.Args[0])
	part, ok := cut.Op.(graph.WindowPartition)
	if !ok || r.uses[cut] != 1 || part != (graph.WindowPartition{Window: w.op.Window, Shift: w.op.Shift}) {
		return w, false
	}
	w.before, w.x = before, cut.Args[0]
	size := graph.Pair{w.x.Shape[1], w.x.Shape[2]}
	qkv := att.Args[0].Shape
	d := float64(qkv[2]) / float64(3*w.op.Heads)
	if join.Size != size || qkv[1] != w.op.Window[0]*w.op.Window[1] || math.Abs(a.ScaleFor(int(d))*math.Sqrt(d)-1) > 1e-6 {
		return w, false
	}
	w.padding = tensor.New(qkv[2])
	if p, ok := w.x.Op.(graph.Pad); ok && r.uses[w.x] == 1 && w.pads(p) {
		if w.padding, ok = ofZeros(w.before, qkv[2]); !ok {
			return w, false
		}
		w.x = w.x.Args[0]
	}
	// The op has no shift where one window covers the map.
	if cutting, err := w.op.Windows(w.x.Shape); err != nil || cutting.Padded != size || cutting.Shift != w.op.Shift {
		return w, false
	}
	return w, w.biases(att.Args[1:], size)
}

// pads reports whether a Pad adds zeros below and to the right, and less than a window of them.
func (w windowAttention) pads(p graph.Pad) bool {
	if p.Mode != graph.Constant || p.Value != 0 {
		return false
	}
	for d := range p.After {
		if p.Before[d] != 0 || p.After[d] != 0 && d != 1 && d != 2 {
			return false
		}
	}
	return p.After[1] >= 0 && p.After[2] >= 0 && p.After[1] < w.op.Window[0] && p.After[2] < w.op.Window[1]
}

// crops reports whether v is the first rows and columns of a map that nothing else uses.
func (r *rewriter) crops(v *graph.Value) bool {
	s, ok := v.Op.(graph.Slice)
	if !ok || len(v.Shape) != 4 || r.uses[v.Args[0]] != 1 || v.Shape[0] != v.Args[0].Shape[0] || v.Shape[3] != v.Args[0].Shape[3] {
		return false
	}
	start, step, _, err := s.Ranges(v.Args[0].Shape)
	return err == nil && slices.Max(start) == 0 && slices.Min(step) == 1 && slices.Max(step) == 1
}

// biases reads the biases of an Attention of windows of a map: one for each head and pair of
// tokens, and the mask of the shift.
func (w *windowAttention) biases(args []*graph.Value, size graph.Pair) bool {
	t := w.op.Window[0] * w.op.Window[1]
	mask := graph.ShiftMask(size, w.op.Window, w.op.Shift)
	masked := w.op.Shift == graph.Pair{}
	w.bias = tensor.New(w.op.Heads, t, t)
	for _, a := range args {
		c := constantOf(a)
		if c == nil {
			return false
		}
		data, n := c.Data, a.Shape.Len()
		switch {
		case trimmed(a.Shape).Equal(w.bias.Shape) || trimmed(a.Shape).Equal(trimmed(w.bias.Shape)):
			for i, b := range data {
				w.bias.Data[i] += b
			}
		case !masked && len(a.Shape) == 4 && a.Shape[1] == 1 && a.Shape[2] == t && a.Shape[3] == t && n%len(mask.Data) == 0:
			for i, b := range data {
				if b != mask.Data[i%len(mask.Data)] {
					return false
				}
			}
			masked = true
		default:
			return false
		}
	}
	return masked
}

// constantOf returns the numbers of a constant, or of Reshapes and Expands of one.
func constantOf(v *graph.Value) *tensor.Tensor {
	if v.Const != nil && v.Const.Data != nil {
		return v.Tensor(nil)
	}
	switch v.Op.(type) {
	case graph.Reshape, graph.Expand:
		if c := constantOf(v.Args[0]); c != nil {
			return v.Op.Eval([]*tensor.Tensor{c})
		}
	}
	return nil
}

// apply makes the ops in the new graph.
func (w windowAttention) apply(r *rewriter) *graph.Value {
	x := onTokens(r, w.before, r.at[w.x])
	x = graph.Apply(w.op, x, r.out.Const(w.bias), r.out.Const(w.padding))
	return onTokens(r, w.after, x)
}

// onTokens applies ops that take each token on its own to a map.
func onTokens(r *rewriter, ops []*graph.Value, x *graph.Value) *graph.Value {
	for _, v := range ops {
		args := r.args(v)
		for i, a := range v.Args {
			if a.Const == nil {
				args[i] = x
			}
		}
		x = graph.Apply(v.Op, args...)
	}
	return x
}

// tokenwise walks back from v over ops that take each token, a row of the last dimension, on its
// own, and over Reshapes that leave the tokens as they are. It returns the value before them and
// the ops in order.
func (r *rewriter) tokenwise(v *graph.Value) (x *graph.Value, ops []*graph.Value) {
	for ; r.uses[v] == 1 && len(v.Args) > 0; v = x {
		x = v.Args[0]
		switch op := v.Op.(type) {
		case graph.Reshape:
			if n := len(v.Shape); n == 0 || len(x.Shape) == 0 || v.Shape[n-1] != x.Shape[len(x.Shape)-1] {
				return v, ops
			}
			continue
		case graph.Linear:
			if op.Residual || v.Args[1].Const == nil {
				return v, ops
			}
		case graph.Activate, graph.Unary:
		case graph.Binary:
			_, second := perChannel(v.Args[1], v.Shape)
			if _, first := perChannel(v.Args[0], v.Shape); !second && first {
				x = v.Args[1]
			} else if !second {
				return v, ops
			}
			if !x.Shape.Equal(v.Shape) {
				return v, ops
			}
		default:
			return v, ops
		}
		ops = append([]*graph.Value{v}, ops...)
	}
	return v, ops
}

// ofZeros returns what a layer with a bias makes of zeros, for a result of n channels.
func ofZeros(ops []*graph.Value, n int) (*tensor.Tensor, bool) {
	y := tensor.New(n)
	for i, v := range ops {
		switch op := v.Op.(type) {
		case graph.Linear:
			if i > 0 || op.Act != graph.None {
				return nil, false
			}
			if op.Bias {
				if v.Args[2].Const == nil || v.Args[2].Const.Data == nil {
					return nil, false
				}
				copy(y.Data, v.Args[2].Tensor(nil).Data)
			}
		case graph.Binary:
			b, ok := perChannel(v.Args[1], v.Shape)
			if !ok {
				b, ok = perChannel(v.Args[0], v.Shape)
			}
			if !ok || i == 0 || op != (graph.Binary{Kind: graph.Add}) {
				return nil, false
			}
			for c := range y.Data {
				y.Data[c] += b[c%len(b)]
			}
		default:
			return nil, false
		}
	}
	return y, true
}
