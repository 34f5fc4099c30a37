package onnx

import (
	"math"

	"github.com/vertebra/vertebra/graph"
)

// activations has the functions of one number, and the softmax of lines.
func activations() map[string]converter {
	all := map[string]converter{
		"Clip":       convertClip,
		"Abs":        each(step(graph.Abs), func(x int64) int64 { return max(x, -x) }),
		"Neg":        each(step(graph.Neg), func(x int64) int64 { return -x }),
		"IsNaN":      truth(step(graph.IsNaN)),
		"Not":        truth(step(graph.Not)),
		"LogSoftmax": softmax(true),
		"Softmax":    softmax(false),
		"Hardmax":    convertHardmax,
		"IsInf": truth(func(c *call) graph.Step {
			return graph.Step{Fn: graph.IsInf, A: float32(c.int("detect_negative", 1)), B: float32(c.int("detect_positive", 1))}
		}),
	}
	for name, f := range map[string]func(c *call) graph.Step{
		"Relu":                   act(graph.ReLU),
		"Sigmoid":                act(graph.Sigmoid),
		"Tanh":                   act(graph.Tanh),
		"HardSwish":              act(graph.HardSwish),
		"Softplus":               act(graph.Softplus),
		"com.microsoft.Gelu":     act(graph.GELU),
		"com.microsoft.FastGelu": act(graph.GELUTanh),
		"Gelu": func(c *call) graph.Step {
			switch a := c.string("approximate", "none"); a {
			case "none":
				return graph.Step{Fn: graph.Function(graph.GELU)}
			case "tanh":
				return graph.Step{Fn: graph.Function(graph.GELUTanh)}
			default:
				failf("approximation %.40q", a)
			}
			return graph.Step{}
		},
		"Ceil":                    step(graph.Ceil),
		"Floor":                   step(graph.Floor),
		"Round":                   step(graph.Round),
		"Sqrt":                    step(graph.Sqrt),
		"Exp":                     step(graph.Exp),
		"Log":                     step(graph.Log),
		"Erf":                     step(graph.Erf),
		"Sign":                    step(graph.Sign),
		"Reciprocal":              step(graph.Reciprocal),
		"Sin":                     step(graph.Sin),
		"Cos":                     step(graph.Cos),
		"Tan":                     step(graph.Tan),
		"Asin":                    step(graph.Asin),
		"Acos":                    step(graph.Acos),
		"Atan":                    step(graph.Atan),
		"Sinh":                    step(graph.Sinh),
		"Cosh":                    step(graph.Cosh),
		"Asinh":                   step(graph.Asinh),
		"Acosh":                   step(graph.Acosh),
		"Atanh":                   step(graph.Atanh),
		"Softsign":                step(graph.Softsign),
		"Mish":                    step(graph.Mish),
		"LeakyRelu":               with(graph.Leaky, "alpha", 0.01, "", 0),
		"Elu":                     with(graph.Exponential, "alpha", 1, "", 0),
		"Celu":                    with(graph.Celu, "alpha", 1, "", 0),
		"Selu":                    with(graph.Selu, "alpha", 1.67326319217681884765625, "gamma", 1.05070102214813232421875),
		"HardSigmoid":             with(graph.HardSigmoid, "alpha", 0.2, "beta", 0.5),
		"ThresholdedRelu":         with(graph.Thresholded, "alpha", 1, "", 0),
		"Shrink":                  with(graph.Shrink, "lambd", 0.5, "bias", 0),
		"Swish":                   with(graph.Swish, "alpha", 1, "", 0),
		"com.microsoft.QuickGelu": with(graph.Swish, "alpha", 1.702, "", 0),
	} {
		all[name] = each(f, nil)
	}
	for _, name := range []string{"com.microsoft.BiasGelu", "com.microsoft.FastGelu"} {
		gelu := act(graph.GELU)
		if name == "com.microsoft.FastGelu" {
			gelu = act(graph.GELUTanh)
		}
		all[name] = func(c *call) []*value {
			x := c.x(0)
			if c.has(1) {
				x = x.Add(c.x(1))
			}
			return c.like(graph.Apply(graph.Unary{Chain: graph.Steps(gelu(c))}, x))
		}
	}
	return all
}

// step returns the step of a function without parameters.
func step(f graph.Function) func(*call) graph.Step {
	return func(*call) graph.Step { return graph.Step{Fn: f} }
}

// act returns the step of an activation.
func act(a graph.Activation) func(*call) graph.Step { return step(graph.Function(a)) }

// with returns the step of a function whose parameters are attributes.
func with(f graph.Function, a string, absentA float64, b string, absentB float64) func(*call) graph.Step {
	return func(c *call) graph.Step {
		s := graph.Step{Fn: f, A: float32(c.float(a, absentA)), B: float32(absentB)}
		if b != "" {
			s.B = float32(c.float(b, absentB))
		}
		return s
	}
}

// each applies a function to each element. If whole is not nil, it computes integers that
// are known.
func each(f func(c *call) graph.Step, whole func(int64) int64) converter {
	return func(c *call) []*value { return []*value{c.each(c.arg(0), c.arg(0).typ, f(c), whole)} }
}

// truth applies a function whose result is a bool.
func truth(f func(c *call) graph.Step) converter {
	return func(c *call) []*value { return []*value{c.each(c.arg(0), Bool, f(c), nil)} }
}

// each applies a step to each element of v, and gives the results type t.
func (c *call) each(v *value, t Type, s graph.Step, whole func(int64) int64) *value {
	if v.host == nil {
		return shaped(t, graph.Apply(graph.Unary{Chain: graph.Steps(s)}, v.dev), v.shape)
	}
	y := newArray(t, v.shape)
	for i := range y.Len() {
		if v.host.I != nil && whole != nil {
			y.I[i] = t.wrap(whole(v.host.I[i]))
		} else {
			y.set(i, s.Of(v.host.At(i)))
		}
	}
	return known(y)
}

// convertClip takes limits from attributes or inputs. An input may depend on the run.
func convertClip(c *call) []*value {
	x := c.arg(0)
	low, high := c.float("min", math.Inf(-1)), c.float("max", math.Inf(1))
	for i, k := range []pairKind{{graph.Maximum, func(a, b int64) int64 { return max(a, b) }},
		{graph.Minimum, func(a, b int64) int64 { return min(a, b) }}} {
		switch {
		case !c.has(1 + i):
			continue
		case c.arg(1+i).host == nil || x.host != nil && x.host.I != nil:
			x = c.pair(k, x, c.arg(1+i))
			continue
		case c.arg(1+i).host.Len() != 1:
			failf("limit %v is not one number", c.arg(1+i))
		}
		if at := c.arg(1 + i).host.At(0); i == 0 {
			low = at
		} else {
			high = at
		}
	}
	if low == math.Inf(-1) && high == math.Inf(1) {
		return []*value{x}
	}
	if low < -math.MaxFloat32 || low > math.MaxFloat32 { // also limits of wide integers
		low = math.Inf(int(math.Copysign(1, low)))
	}
	return []*value{c.each(x, x.typ, graph.Step{Fn: graph.Clip, A: float32(low), B: float32(high)}, nil)}
}

// softmax converts Softmax and LogSoftmax. Before opset 13 they saw the input as a matrix
// that is divided at the axis.
func softmax(log bool) converter {
	return func(c *call) []*value {
		return c.lines(func(v *graph.Value, axis int) *graph.Value {
			return graph.Apply(graph.Softmax{Axis: axis, Log: log}, v)
		})
	}
}

// lines applies f to lines along an axis or, before opset 13, to the rows of a matrix that
// the axis divides.
func (c *call) lines(f func(v *graph.Value, axis int) *graph.Value) []*value {
	x := c.arg(0)
	if c.opset >= 13 {
		axis := c.axis("axis", -1, len(x.shape))
		if wide(x.shape) {
			y := f(c.narrow(x, x.shape[:axis].Len(), x.shape[axis], x.shape[axis+1:].Len()), 1)
			return []*value{shaped(x.typ, y, x.shape)}
		}
		return c.like(f(c.x(0), axis))
	}
	axis := c.axis("axis", 1, len(x.shape))
	if x.shape[axis+1:].Len() == 1 {
		return c.like(f(c.x(0), axis))
	}
	flat := c.x(0).Reshape(x.shape[:axis].Len(), x.shape[axis:].Len())
	return c.like(f(flat, 1).Reshape(x.shape...))
}

// convertHardmax compares the index of the first largest element with each index.
func convertHardmax(c *call) []*value {
	return c.lines(func(v *graph.Value, axis int) *graph.Value {
		index := make([]float32, v.Shape[axis])
		for i := range index {
			index[i] = float32(i)
		}
		shape := make([]int, len(v.Shape)-axis)
		for d := range shape {
			shape[d] = 1
		}
		shape[0] = len(index)
		first := graph.Apply(graph.Argmax{Axis: axis, KeepDim: true}, v)
		return graph.Apply(graph.Binary{Kind: graph.Equal}, first, c.constant(index, shape...))
	})
}
