package passes

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// Affine turns products and sums with a number for each channel, after a convolution or a
// linear layer, into a batch norm. Fuse multiplies it into the weights.
func Affine(g *graph.Graph) *graph.Graph {
	lines := map[*graph.Value]line{}
	return rewrite(g, func(r *rewriter, v *graph.Value) *graph.Value {
		op, ok := v.Op.(graph.Binary)
		if !ok || op.Then[0].Fn != 0 || op.Kind > graph.Div {
			return r.same(v)
		}
		for i, a := range v.Args {
			numbers, ok := perChannel(v.Args[1-i], v.Shape)
			if !ok || r.uses[a] != 1 || !a.Shape.Equal(v.Shape) || i == 1 && (op.Kind == graph.Sub || op.Kind == graph.Div) {
				continue
			}
			l, ok := lines[a]
			if !ok && foldable(a) {
				l, ok = newLine(a), true
			}
			if !ok {
				continue
			}
			l = l.then(op.Kind, numbers)
			if lines[v] = l; l.scaled {
				return l.apply(r)
			}
		}
		return r.same(v)
	})
}

func foldable(v *graph.Value) bool {
	var e graph.Epilogue
	switch op := v.Op.(type) {
	case graph.Conv2d:
		e = op.Epilogue
	case graph.ConvTranspose2d:
		if op.Groups > 1 {
			return false
		}
		e = op.Epilogue
	case graph.Linear:
		e = op.Epilogue
	default:
		return false
	}
	return e == graph.Epilogue{} || e == graph.Epilogue{Bias: true}
}

// line is x·w + b with a number for each channel of x.
type line struct {
	x      *graph.Value
	w, b   []float64
	scaled bool // by a product, and not only shifted
}

func newLine(x *graph.Value) line {
	l := line{x: x, w: make([]float64, x.Shape[len(x.Shape)-1])}
	l.b = make([]float64, len(l.w))
	for i := range l.w {
		l.w[i] = 1
	}
	return l
}

// then is l and another operation, with one number or one for each channel.
func (l line) then(kind graph.BinaryKind, numbers []float32) line {
	y := line{x: l.x, w: append([]float64{}, l.w...), b: append([]float64{}, l.b...), scaled: l.scaled || kind == graph.Mul || kind == graph.Div}
	for i := range y.w {
		n := float64(numbers[i%len(numbers)])
		switch kind {
		case graph.Add:
			y.b[i] += n
		case graph.Sub:
			y.b[i] -= n
		case graph.Mul:
			y.w[i], y.b[i] = y.w[i]*n, y.b[i]*n
		case graph.Div:
			y.w[i], y.b[i] = y.w[i]/n, y.b[i]/n
		}
	}
	return y
}

// apply adds the batch norm: the mean is 0 and the variance 1.
func (l line) apply(r *rewriter) *graph.Value {
	mean, variance, w, b := tensor.New(len(l.w)), tensor.New(len(l.w)), tensor.New(len(l.w)), tensor.New(len(l.w))
	for i := range l.w {
		variance.Data[i], w.Data[i], b.Data[i] = 1, float32(l.w[i]), float32(l.b[i])
	}
	o := graph.BatchNorm{Eps: 1e-30, Affine: true}
	return graph.Apply(o, r.at[l.x], r.out.Const(mean), r.out.Const(variance), r.out.Const(w), r.out.Const(b))
}

// perChannel returns the numbers of a constant that has one, or one for each channel of a
// value of shape s.
func perChannel(w *graph.Value, s tensor.Shape) ([]float32, bool) {
	if w.Const == nil || w.Const.Data == nil || len(s) == 0 {
		return nil, false
	}
	n := w.Shape.Len()
	if n == 1 || len(w.Shape) > 0 && n == s[len(s)-1] && w.Shape[len(w.Shape)-1] == n {
		return w.Tensor(nil).Data, true
	}
	return nil, false
}
