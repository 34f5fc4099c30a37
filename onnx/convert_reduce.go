package onnx

import (
	"math"
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// reductions has the functions of many numbers along axes.
func reductions() map[string]converter {
	return map[string]converter{
		"ReduceMean": reduce(graph.Mean, nil),
		"ReduceSum":  reduce(graph.Sum, &hostBinary{func(a, b float64) float64 { return a + b }, func(a, b int64) int64 { return a + b }}),
		"ReduceMax":  reduce(graph.Max, &hostBinary{math.Max, func(a, b int64) int64 { return max(a, b) }}),
		"ReduceMin":  reduce(graph.Min, &hostBinary{math.Min, func(a, b int64) int64 { return min(a, b) }}),
		"ReduceProd": reduceHost(hostBinary{func(a, b float64) float64 { return a * b }, func(a, b int64) int64 { return a * b }}),
		"ArgMax":     convertArgMax,
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

func reduce(kind graph.ReduceKind, host *hostBinary) converter {
	return func(c *call) []*value {
		x := c.arg(0)
		axes, some := c.reducedAxes(len(x.shape))
		to := reduced(x.shape, axes, c.flag("keepdims", true))
		switch {
		case !some:
			return []*value{x}
		case x.host != nil && x.host.I != nil && host != nil && x.shape.Len() > 0:
			return []*value{known(host.fold(x.host, axes).reshaped(to))}
		case x.shape.Len() == 0:
			if kind != graph.Sum || to.Len() > 0 && x.typ == Bool {
				failf("an input without elements")
			}
			return []*value{known(newArray(x.typ, to))}
		case len(axes) == 0:
			return []*value{x}
		}
		y := graph.Apply(graph.Reduce{Kind: kind, Axes: graph.Dims(axes...), KeepDims: true}, c.x(0))
		return c.like(y.Reshape(to...))
	}
}

func reduceHost(host hostBinary) converter {
	return func(c *call) []*value {
		x := c.arg(0)
		axes, some := c.reducedAxes(len(x.shape))
		switch {
		case !some:
			return []*value{x}
		case x.host == nil || x.shape.Len() == 0:
			failf("values that are not known before the run")
		}
		return []*value{known(host.fold(x.host, axes).reshaped(reduced(x.shape, axes, c.flag("keepdims", true))))}
	}
}

// fold reduces an array that has elements along some axes, and keeps them as 1.
func (f *hostBinary) fold(a *Array, axes []int) *Array {
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
			y.I[at] = a.Type.wrap(f.int(y.I[at], a.I[i]))
		default:
			y.set(at, f.float(y.At(at), a.At(i)))
		}
	}
	return y
}

func convertArgMax(c *call) []*value {
	x := c.arg(0)
	axis := c.axis("axis", 0, len(x.shape))
	if c.flag("select_last_index", false) {
		failf("the last of equal elements")
	}
	y := graph.Apply(graph.Argmax{Axis: axis, KeepDim: c.flag("keepdims", true)}, c.x(0))
	return c.only(Int64, y)
}
