package passes

import (
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// LayerNorms finds (x − mean)/√(var + eps), and a weight and a bias after it. If the mean is
// not over the last dimensions, it adds Permutes.
func LayerNorms(g *graph.Graph) *graph.Graph {
	norms := map[*graph.Value]norm{}
	return rewrite(g, func(r *rewriter, v *graph.Value) *graph.Value {
		if n, ok := normOf(v); ok {
			norms[v] = n
			return n.apply(r)
		}
		// A weight and a bias move into the norm before them.
		if op, ok := v.Op.(graph.Binary); ok && op.Then[0].Fn == 0 {
			for i, a := range v.Args {
				n, ok := norms[a]
				w := v.Args[1-i]
				if !ok || r.uses[a] != 1 || !n.fits(w) {
					continue
				}
				switch {
				case op.Kind == graph.Mul && n.weight == nil && n.bias == nil:
					n.weight = w
				case op.Kind == graph.Add && n.weight != nil && n.bias == nil:
					n.bias = w
				default:
					continue
				}
				norms[v] = n
				return n.apply(r)
			}
		}
		return r.same(v)
	})
}

// norm is a LayerNorm over some dimensions.
type norm struct {
	x            *graph.Value
	axes         graph.Axes
	eps          float64
	weight, bias *graph.Value // constants, or nil
}

// row is the shape of what is normalised together.
func (n norm) row() tensor.Shape {
	var s tensor.Shape
	for d, extent := range n.x.Shape {
		if n.axes.Has(d) {
			s = append(s, extent)
		}
	}
	return s
}

// fits reports whether w is a constant with a number for each element of a row.
func (n norm) fits(w *graph.Value) bool {
	if w.Const == nil || w.Const.Data == nil || len(w.Shape) > len(n.x.Shape) || w.Shape.Len() != n.row().Len() {
		return false
	}
	skip := len(n.x.Shape) - len(w.Shape)
	for d, extent := range w.Shape {
		if n.axes.Has(d+skip) && extent != n.x.Shape[d+skip] || !n.axes.Has(d+skip) && extent != 1 {
			return false
		}
	}
	return true
}

func (n norm) apply(r *rewriter) *graph.Value {
	var order []int
	for d := range n.x.Shape {
		if !n.axes.Has(d) {
			order = append(order, d)
		}
	}
	for d := range n.x.Shape {
		if n.axes.Has(d) {
			order = append(order, d)
		}
	}
	row := n.row()
	o := graph.LayerNorm{Dims: len(row), Eps: n.eps, Weight: n.weight != nil, Bias: n.bias != nil}
	args := []*graph.Value{permuted(r.at[n.x], order)}
	for _, w := range []*graph.Value{n.weight, n.bias} {
		if w != nil {
			args = append(args, reshaped(r.at[w], row))
		}
	}
	return permuted(graph.Apply(o, args...), inverse(order))
}

// normOf matches v = d/s or d·s with d = x − mean and s a function of the mean of d².
func normOf(v *graph.Value) (norm, bool) {
	op, ok := v.Op.(graph.Binary)
	if !ok || op.Then[0].Fn != 0 || op.Kind != graph.Div && op.Kind != graph.Mul {
		return norm{}, false
	}
	for i, d := range v.Args {
		if i == 1 && op.Kind == graph.Div {
			break
		}
		x, axes, ok := centred(d)
		if !ok {
			continue
		}
		variance := roots(v.Args[1-i])[0]
		s, ok := as(v.Args[1-i], variance)
		if !ok || !meanOfSquares(variance, x, axes) {
			continue
		}
		root := s.of
		if op.Kind == graph.Mul {
			root = func(t float64) float64 { return 1 / s.of(t) }
		}
		eps := root(0) * root(0)
		if !(eps > 0 && eps < 1) || !is(root, func(t float64) float64 { return math.Sqrt(t + eps) }, []float64{0, 1e-4, 0.01, 0.3, 1, 7, 100}) {
			continue
		}
		return norm{x: x, axes: axes, eps: float64(float32(eps))}, true
	}
	return norm{}, false
}

// meanOfSquares matches the mean of (x − mean)² over the same dimensions.
func meanOfSquares(v, x *graph.Value, axes graph.Axes) bool {
	op, ok := v.Op.(graph.Reduce)
	if !ok || op != (graph.Reduce{Kind: graph.Mean, Axes: axes, KeepDims: true}) {
		return false
	}
	for _, d := range roots(v.Args[0]) {
		other, same, ok := centred(d)
		if !ok || other != x || same != axes {
			continue
		}
		f, ok := as(v.Args[0], d)
		return ok && is(f.of, func(t float64) float64 { return t * t }, samples())
	}
	return false
}

// centred matches d = x − mean(x) over some dimensions.
func centred(d *graph.Value) (x *graph.Value, axes graph.Axes, ok bool) {
	if d.Op != (graph.Binary{Kind: graph.Sub}) {
		return nil, 0, false
	}
	x = d.Args[0]
	mean, ok := d.Args[1].Op.(graph.Reduce)
	if !ok || mean.Kind != graph.Mean || !mean.KeepDims || d.Args[1].Args[0] != x || x.Const != nil {
		return nil, 0, false
	}
	return x, mean.Axes, true
}

// trimmed returns a shape without the ones in front.
func trimmed(s tensor.Shape) tensor.Shape {
	for len(s) > 1 && s[0] == 1 {
		s = s[1:]
	}
	return s
}
