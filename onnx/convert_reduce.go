package onnx

import (
	"math"
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// reductions has the functions of many numbers along axes.
func reductions() map[string]converter {
	abs, square, root, log := graph.Step{Fn: graph.Abs}, graph.Step{Fn: graph.Power, A: 2}, graph.Step{Fn: graph.Sqrt}, graph.Step{Fn: graph.Log}
	sum := &pairKind{graph.Add, func(a, b int64) int64 { return a + b }}
	return map[string]converter{
		"ReduceMean":      reduction{kind: graph.Mean}.convert,
		"ReduceSum":       reduction{kind: graph.Sum, join: sum}.convert,
		"ReduceMax":       reduction{kind: graph.Max, join: &pairKind{graph.Maximum, func(a, b int64) int64 { return max(a, b) }}}.convert,
		"ReduceMin":       reduction{kind: graph.Min, join: &pairKind{graph.Minimum, func(a, b int64) int64 { return min(a, b) }}}.convert,
		"ReduceProd":      reduction{kind: graph.Prod, join: &pairKind{graph.Mul, func(a, b int64) int64 { return a * b }}}.convert,
		"ReduceL1":        reduction{kind: graph.Sum, before: &abs}.convert,
		"ReduceL2":        reduction{kind: graph.Sum, before: &square, after: &root}.convert,
		"ReduceSumSquare": reduction{kind: graph.Sum, before: &square}.convert,
		"ReduceLogSum":    reduction{kind: graph.Sum, after: &log}.convert,
		"ReduceLogSumExp": convertLogSumExp,
		"ArgMax":          argmax(false),
		"ArgMin":          argmax(true),
		"CumSum":          convertCumSum,
	}
}

// reducedAxes returns the axes of a reduction. It reports false if the operator passes its
// input on.
func (c *call) reducedAxes(rank int) ([]int, bool) {
	axes, ok := c.intsOf(1, "axes")
	if ok && len(axes) > 0 {
		return axesOf(axes, rank), true
	}
	if c.flag("noop_with_empty_axes", false) {
		return nil, false
	}
	axes = nil
	for d := range rank {
		axes = append(axes, d)
	}
	return axes, true
}

// reduced returns the shape of a reduction.
func reduced(s tensor.Shape, axes []int, keep bool) tensor.Shape {
	y := tensor.Shape{}
	for d, n := range s {
		switch {
		case !slices.Contains(axes, d):
			y = append(y, n)
		case keep:
			y = append(y, 1)
		}
	}
	return y
}

// reduction is a reduction of functions of the elements, and a function of its result.
type reduction struct {
	kind          graph.ReduceKind
	join          *pairKind // of integers that are known; nil if the graph computes these, too
	before, after *graph.Step
}

func (r reduction) convert(c *call) []*value {
	x := c.arg(0)
	axes, some := c.reducedAxes(len(x.shape))
	to := reduced(x.shape, axes, c.flag("keepdims", true))
	switch {
	case x.host != nil && x.host.I != nil && r.join != nil && some && x.shape.Len() > 0:
		return []*value{known(r.join.fold(x.host, axes).reshaped(to))}
	case x.shape.Len() == 0:
		return []*value{known(r.empty(x.typ, to))}
	}
	apply := func(s *graph.Step) {
		if s != nil {
			x = c.each(x, x.typ, *s, nil)
		}
	}
	apply(r.before)
	if some && len(axes) > 0 && wide(x.shape) {
		x = shaped(x.typ, c.reduceWide(r.kind, x, axes), to)
	} else if some && len(axes) > 0 {
		o := graph.Reduce{Kind: r.kind, Axes: graph.Dims(axes...), KeepDims: c.flag("keepdims", true)}
		x = computed(x.typ, graph.Apply(o, c.value(x)))
	}
	apply(r.after)
	if x.typ.Integer() && (r.kind == graph.Mean || r.after != nil) { // a whole number, rounded to zero
		x = c.each(x, x.typ, graph.Step{Fn: graph.Trunc}, nil)
	}
	return []*value{x}
}

// empty returns what the reduction of no elements is.
func (r reduction) empty(t Type, s tensor.Shape) *Array {
	y := newArray(t, s)
	x := map[graph.ReduceKind]float64{graph.Mean: math.NaN(), graph.Max: math.Inf(-1), graph.Min: math.Inf(1), graph.Prod: 1}[r.kind]
	if math.IsInf(x, 0) && t.Integer() { // the least or the largest of the type
		bits := t.bits()
		switch {
		case t == Bool:
			x = float64(b2i(x > 0))
		case t.signed():
			x = math.Copysign(math.Ldexp(1, bits-1), x)
			if x > 0 && bits < 64 {
				x--
			}
		case x > 0:
			x = math.Ldexp(1, bits) - 1
		default:
			x = 0
		}
	}
	if r.after != nil {
		x = r.after.Of(x)
	}
	for i := range y.Len() {
		y.set(i, x)
	}
	return y
}

// convertLogSumExp takes the largest element away before it applies exp, and adds it at the
// end.
func convertLogSumExp(c *call) []*value {
	x := c.arg(0)
	exp, log := graph.Step{Fn: graph.Exp}, graph.Step{Fn: graph.Log}
	axes, some := c.reducedAxes(len(x.shape))
	if x.shape.Len() == 0 || !some || len(axes) == 0 {
		return reduction{kind: graph.Sum, before: &exp, after: &log}.convert(c)
	}
	over := func(kind graph.ReduceKind, v *graph.Value) *graph.Value {
		return graph.Apply(graph.Reduce{Kind: kind, Axes: graph.Dims(axes...), KeepDims: true}, v)
	}
	v := c.x(0)
	largest := over(graph.Max, v).Map(graph.Clip, -math.MaxFloat32, math.MaxFloat32)
	y := over(graph.Sum, v.Sub(largest).Map(graph.Exp)).Map(graph.Log).Add(largest)
	if x.typ.Integer() {
		y = y.Map(graph.Trunc)
	}
	return c.like(y.Reshape(reduced(x.shape, axes, c.flag("keepdims", true))...))
}

// fold reduces an array that has elements along some axes, and keeps them as 1.
func (k *pairKind) fold(a *Array, axes []int) *Array {
	y := newArray(a.Type, reduced(a.Shape, axes, true))
	strides, seen := graph.BroadcastStrides(y.Shape, a.Shape), make([]bool, y.Len())
	all := a.Shape.Strides()
	for i := range a.Len() {
		at, rest := 0, i
		for d, n := range all {
			at += rest / n * strides[d]
			rest %= n
		}
		switch {
		case !seen[at]:
			y.copy(at, a, i)
			seen[at] = true
		case a.I != nil:
			y.I[at] = a.Type.wrap(k.int(y.I[at], a.I[i]))
		default:
			y.set(at, k.kind.Of(y.At(at), a.At(i)))
		}
	}
	return y
}

// argmax returns the index of the largest element, or of the least one.
func argmax(least bool) converter {
	return func(c *call) []*value {
		axis := c.axis("axis", 0, len(c.arg(0).shape))
		o := graph.Argmax{Axis: axis, KeepDim: c.flag("keepdims", true), Min: least, Last: c.flag("select_last_index", false)}
		return c.only(Int64, graph.Apply(o, c.x(0)))
	}
}

func convertCumSum(c *call) []*value {
	axes := c.knownInts(1)
	if len(axes) != 1 {
		failf("%d axes", len(axes))
	}
	o := graph.CumSum{Axis: axisOf(axes[0], len(c.arg(0).shape)), Exclusive: c.flag("exclusive", false), Reverse: c.flag("reverse", false)}
	return c.like(graph.Apply(o, c.x(0)))
}
