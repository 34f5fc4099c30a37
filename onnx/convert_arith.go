package onnx

import (
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// arithmetic has the functions of two or more numbers.
func arithmetic() map[string]converter {
	return map[string]converter{
		"Add":   elementwise(hostBinary{math64(func(a, b float64) float64 { return a + b }), func(a, b int64) int64 { return a + b }}, graph.Add),
		"Sub":   elementwise(hostBinary{math64(func(a, b float64) float64 { return a - b }), func(a, b int64) int64 { return a - b }}, graph.Sub),
		"Mul":   elementwise(hostBinary{math64(func(a, b float64) float64 { return a * b }), func(a, b int64) int64 { return a * b }}, graph.Mul),
		"Div":   elementwise(hostBinary{math64(func(a, b float64) float64 { return a / b }), divided}, graph.Div),
		"Where": convertWhere,
	}
}

func math64(f func(a, b float64) float64) func(a, b float64) float64 { return f }

// divided is a / b, rounded to zero.
func divided(a, b int64) int64 {
	if b == 0 {
		failf("division by zero")
	}
	return a / b
}

// hostBinary computes with known numbers. Either function may be nil.
type hostBinary struct {
	float func(a, b float64) float64
	int   func(a, b int64) int64
}

// of computes the function of broadcast arrays, with elements of type t.
func (f hostBinary) of(t Type, a, b *Array) *Array {
	s := broadcast(a.Shape, b.Shape)
	y := newArray(t, s)
	sa, sb := a.spread(s), b.spread(s)
	for i := range s.Len() {
		if a.I != nil && b.I != nil {
			y.I[i] = t.wrap(f.int(a.I[sa(i)], b.I[sb(i)]))
			continue
		}
		y.set(i, f.float(a.At(sa(i)), b.At(sb(i))))
	}
	return y
}

// spread returns where element i of an array of shape s lies in a, which broadcasts to s.
func (a *Array) spread(s tensor.Shape) func(i int) int {
	if a.Shape.Equal(s) {
		return func(i int) int { return i }
	}
	from, all := graph.BroadcastStrides(a.Shape, s), s.Strides()
	return func(i int) int {
		at := 0
		for d, n := range all {
			at += i / n * from[d]
			i %= n
		}
		return at
	}
}

// elementwise converts a function of two numbers that the graph has as kind.
func elementwise(f hostBinary, kind graph.BinaryKind) converter {
	return func(c *call) []*value {
		a, b := c.arg(0), c.arg(1)
		if a.typ != b.typ {
			failf("types differ")
		}
		s := broadcast(a.shape, b.shape)
		switch {
		case s.Len() == 0:
			return []*value{known(newArray(a.typ, s))}
		case a.host != nil && b.host != nil:
			c.bound(s)
			return []*value{known(f.of(a.typ, a.host, b.host))}
		case kind == graph.Div && a.typ.Integer():
			failf("division of integers that are not known before the run")
		}
		return c.like(graph.Apply(graph.Binary{Kind: kind}, c.x(0), c.x(1)))
	}
}

func convertWhere(c *call) []*value {
	cond, a, b := c.arg(0), c.arg(1), c.arg(2)
	if a.typ != b.typ {
		failf("types differ")
	}
	if cond.host == nil || a.host == nil || b.host == nil {
		failf("a choice between values that are not known before the run")
	}
	s := broadcast(cond.shape, a.shape, b.shape)
	c.bound(s)
	y := newArray(a.typ, s)
	sc, sa, sb := cond.host.spread(s), a.host.spread(s), b.host.spread(s)
	for i := range s.Len() {
		if cond.host.At(sc(i)) != 0 {
			y.copy(i, a.host, sa(i))
		} else {
			y.copy(i, b.host, sb(i))
		}
	}
	return []*value{known(y)}
}

// activations has the functions of one number that package graph has.
func activations() map[string]converter {
	all := map[string]converter{
		"Clip": convertClip,
		"Gelu": func(c *call) []*value {
			switch a := c.string("approximate", "none"); a {
			case "none":
				return c.like(c.x(0).GELU())
			case "tanh":
				return c.like(c.x(0).Activate(graph.GELUTanh))
			default:
				failf("approximation %.40q", a)
			}
			return nil
		},
		"LeakyRelu": func(c *call) []*value {
			if a := float32(c.float("alpha", 0.01)); a != 0.01 {
				failf("alpha %v", a)
			}
			return c.like(c.x(0).Activate(graph.LeakyReLU))
		},
		"Elu": func(c *call) []*value {
			if a := c.float("alpha", 1); a != 1 {
				failf("alpha %v", a)
			}
			return c.like(c.x(0).Activate(graph.ELU))
		},
		"LogSoftmax": softmax(true),
		"Softmax":    softmax(false),
	}
	for name, act := range map[string]graph.Activation{
		"Relu": graph.ReLU, "Sigmoid": graph.Sigmoid, "Tanh": graph.Tanh, "HardSwish": graph.HardSwish, "Softplus": graph.Softplus,
		"com.microsoft.Gelu": graph.GELU,
	} {
		all[name] = func(c *call) []*value { return c.like(c.x(0).Activate(act)) }
	}
	for name, f := range map[string]func(float64) float64{
		"Abs": math.Abs, "Neg": func(x float64) float64 { return -x }, "Ceil": math.Ceil, "Floor": math.Floor,
		"Round": math.RoundToEven, "Sqrt": math.Sqrt, "Exp": math.Exp, "Log": math.Log, "Reciprocal": func(x float64) float64 { return 1 / x },
	} {
		all[name] = hostOnly(f)
	}
	return all
}

// hostOnly computes a function of numbers that are known.
func hostOnly(f func(float64) float64) converter {
	return func(c *call) []*value {
		x := c.arg(0)
		if x.host == nil {
			failf("values that are not known before the run")
		}
		y := newArray(x.typ, x.shape)
		for i := range y.Len() {
			y.set(i, f(x.host.At(i)))
		}
		return []*value{known(y)}
	}
}

func convertClip(c *call) []*value {
	x := c.arg(0)
	low, high := c.float("min", math.Inf(-1)), c.float("max", math.Inf(1))
	if c.has(1) {
		low = c.known(1).At(0)
	}
	if c.has(2) {
		high = c.known(2).At(0)
	}
	switch {
	case x.host != nil:
		y := newArray(x.typ, x.shape)
		for i := range y.Len() {
			y.set(i, min(max(x.host.At(i), low), high))
		}
		return []*value{known(y)}
	case low == 0 && high == 6:
		return c.like(x.dev.Activate(graph.ReLU6))
	case low == 0 && high >= math.MaxFloat32:
		return c.like(x.dev.ReLU())
	}
	failf("limits %v and %v", low, high)
	return nil
}

// softmax converts Softmax and LogSoftmax. Before opset 13 they saw the input as a matrix
// that is divided at the axis.
func softmax(log bool) converter {
	return func(c *call) []*value {
		x := c.arg(0)
		apply := func(v *graph.Value, axis int) *graph.Value {
			return graph.Apply(graph.Softmax{Axis: axis, Log: log}, v)
		}
		if c.opset >= 13 {
			return c.like(apply(c.x(0), c.axis("axis", -1, len(x.shape))))
		}
		axis := c.axis("axis", 1, len(x.shape))
		flat := c.x(0).Reshape(x.shape[:axis].Len(), x.shape[axis:].Len())
		return c.like(apply(flat, 1).Reshape(x.shape...))
	}
}
