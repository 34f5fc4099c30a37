package onnx

import (
	"math"
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// quantised has the operators on integers of 8 bits and fewer. They are computed in float32,
// which holds such integers, their products, and sums of them up to 2^24.
func quantised() map[string]converter {
	return map[string]converter{
		"QuantizeLinear":                 convertQuantize,
		"DequantizeLinear":               convertDequantize,
		"DynamicQuantizeLinear":          convertDynamicQuantize,
		"ConvInteger":                    convertConvInteger,
		"MatMulInteger":                  convertMatMulInteger,
		"QLinearConv":                    convertQLinearConv,
		"QLinearMatMul":                  convertQLinearMatMul,
		"com.microsoft.QLinearAdd":       qLinear(graph.Add),
		"com.microsoft.QLinearMul":       qLinear(graph.Mul),
		"com.microsoft.QLinearSigmoid":   qLinearOf((*graph.Value).Sigmoid),
		"com.microsoft.QLinearConcat":    convertQLinearConcat,
		"com.microsoft.QuantizeLinear":   convertQuantize,
		"com.microsoft.DequantizeLinear": convertDequantize,
		"com.microsoft.QLinearLeakyRelu": func(c *call) []*value {
			return qLinearOf(func(x *graph.Value) *graph.Value { return x.Map(graph.Leaky, float32(c.float("alpha", 0.01))) })(c)
		},
		"com.microsoft.QLinearGlobalAveragePool": func(c *call) []*value {
			if c.flag("channels_last", false) {
				failf("channels_last")
			}
			return qLinearOf(func(x *graph.Value) *graph.Value {
				var dims []int
				for d := 2; d < len(x.Shape); d++ {
					dims = append(dims, d)
				}
				return graph.Apply(graph.Reduce{Kind: graph.Mean, Axes: graph.Dims(dims...), KeepDims: true}, x)
			})(c)
		},
	}
}

// limits returns the smallest and the largest integer of a type of 16 bits or fewer.
func limits(t Type) (low, high float32) {
	bits := t.bits()
	switch {
	case !t.Integer() || t == Bool || bits > 16:
		failf("quantised elements of type %v", t)
	case t.signed():
		return -float32(int(1) << (bits - 1)), float32(int(1)<<(bits-1) - 1)
	}
	return 0, float32(int(1)<<bits - 1)
}

// along returns a scale or zero point as a value that broadcasts to x: of one number, of one
// for each index along an axis, or of one for each block of indices.
func (c *call) along(v *value, x tensor.Shape, axis, block int) *graph.Value {
	n := v.shape.Len()
	switch {
	case n == 1:
		return c.value(v.reshape(tensor.Shape{}))
	case len(v.shape) == 1:
		axis = axisOf(axis, len(x))
		if n != x[axis] {
			failf("%d scales for dimension %d of %v", n, axis, x)
		}
		s := tensor.Shape(slices.Repeat([]int{1}, len(x)))
		s[axis] = n
		return c.value(v.reshape(s))
	case block == 0 && len(v.shape) == len(x) && broadcast(v.shape, x).Equal(x):
		return c.value(v)
	case len(v.shape) == len(x):
		axis = axisOf(axis, len(x))
		blocks := v.shape[axis]
		if block == 0 && blocks > 0 {
			block = (x[axis] + blocks - 1) / blocks
		}
		if blocks*block < x[axis] || block < 1 {
			failf("blocks of %d in dimension %d: %v for %v", block, axis, v.shape, x)
		}
		outer, inner := v.shape[:axis].Len(), v.shape[axis+1:].Len()
		wide := v.reshape(tensor.Shape{outer, blocks, 1, inner}).expand(tensor.Shape{outer, blocks, block, inner})
		wide = c.cut(wide.reshape(tensor.Shape{outer, blocks * block, inner}), 1, 0, x[axis])
		return c.value(wide.reshape(x.Clone()))
	}
	failf("scales %v for %v", v.shape, x)
	return nil
}

// quantise is round(x / scale) + zero, as an integer of type t.
func (c *call) quantise(x, scale, zero *graph.Value, t Type) *value {
	y := x.Div(scale).Map(graph.Round)
	if zero != nil {
		y = y.Add(zero)
	}
	low, high := limits(t)
	return computed(t, y.Map(graph.Clip, low, high))
}

func convertQuantize(c *call) []*value {
	x := c.arg(0)
	t := Type(c.int("output_dtype", int(Uint8)))
	if t == Undefined {
		t = Uint8
	}
	axis, block := c.int("axis", 1), c.int("block_size", 0)
	var zero *graph.Value
	if c.has(2) {
		t = c.arg(2).typ
		zero = c.along(c.arg(2), x.shape, axis, block)
	}
	return []*value{c.quantise(c.x(0), c.along(c.arg(1), x.shape, axis, block), zero, t)}
}

// dequantised is (x − zero)·scale, where input i and those after it are x, scale and zero.
func (c *call) dequantised(x, scale, zero *value, axis, block int) *graph.Value {
	y := c.value(x)
	if zero != nil {
		y = y.Sub(c.along(zero, x.shape, axis, block))
	}
	return y.Mul(c.along(scale, x.shape, axis, block))
}

// opt returns input i, or nil.
func (c *call) opt(i int) *value {
	if c.has(i) {
		return c.in[i]
	}
	return nil
}

func convertDequantize(c *call) []*value {
	y := c.dequantised(c.arg(0), c.arg(1), c.opt(2), c.int("axis", 1), c.int("block_size", 0))
	return c.only(c.arg(1).typ, y)
}

// convertDynamicQuantize chooses the scale for the range of x and 0.
func convertDynamicQuantize(c *call) []*value {
	x := c.x(0)
	largest := x.Max().Map(graph.Clip, 0, float32(math.Inf(1)))
	smallest := x.Min().Map(graph.Clip, float32(math.Inf(-1)), 0)
	scale := largest.Sub(smallest).Map(graph.Over, 255)
	scale = scale.Where(scale, c.scalar(1)) // of zeros alone
	zero := smallest.Map(graph.Neg).Div(scale).Map(graph.Round).Map(graph.Clip, 0, 255)
	return []*value{c.quantise(x, scale, zero, Uint8), computed(Float32, scale), computed(Uint8, zero)}
}

// shifted is input i less its zero point, input j, which is one number or one for each index
// along an axis.
func (c *call) shifted(i, j, axis int) *value {
	v := c.arg(i)
	if !c.has(j) {
		return v
	}
	w := computed(Float32, c.value(v).Sub(c.along(c.arg(j), v.shape, axis, 0)))
	return w
}

// with runs a converter with other inputs.
func (c *call) with(convert converter, in ...*value) *value {
	inner := *c
	inner.in = in
	return convert(&inner)[0]
}

func convertConvInteger(c *call) []*value {
	return c.only(Int32, c.value(c.with(convertConv, c.shifted(0, 2, 0), c.shifted(1, 3, 0))))
}

func convertMatMulInteger(c *call) []*value {
	a, b := c.shifted(0, 2, -2), c.shifted(1, 3, -1)
	return c.only(Int32, c.value(c.matmul(a, b)))
}

// convertQLinearConv takes x, its scale and zero, w, its scale and zero, those of y, and a bias
// in units of both scales.
func convertQLinearConv(c *call) []*value {
	x, w := c.shifted(0, 2, 0), c.shifted(3, 5, 0)
	in := []*value{x, w}
	if c.has(8) {
		in = append(in, c.arg(8))
	}
	sum := c.value(c.with(convertConv, in...))
	return []*value{c.requantised(sum, c.along(c.arg(1), sum.Shape, 1, 0), c.along(c.arg(4), sum.Shape, 1, 0), 6)}
}

// requantised is sum·a·b / scale of y, as an integer, where input i is the scale of y, one or
// one for each row, and the next one its zero.
func (c *call) requantised(sum, a, b *graph.Value, i int) *value {
	by := a.Mul(b).Div(c.along(c.arg(i), sum.Shape, -2, 0))
	y := sum.Mul(by).Map(graph.Round).Add(c.along(c.arg(i+1), sum.Shape, -2, 0))
	low, high := limits(c.arg(i + 1).typ)
	return computed(c.arg(i+1).typ, y.Map(graph.Clip, low, high))
}

// convertQLinearMatMul takes a, its scale and zero, b, its scale and zero, and those of y.
func convertQLinearMatMul(c *call) []*value {
	a, b := c.shifted(0, 2, -2), c.shifted(3, 5, -1)
	sum := c.value(c.matmul(a, b))
	return []*value{c.requantised(sum, c.along(c.arg(1), sum.Shape, -2, 0), c.along(c.arg(4), sum.Shape, -1, 0), 6)}
}

// qLinear computes a function of two quantised values. The inputs are each with its scale and
// zero, and then those of the result.
func qLinear(kind graph.BinaryKind) converter {
	return func(c *call) []*value {
		a := c.dequantised(c.arg(0), c.arg(1), c.opt(2), 0, 0)
		b := c.dequantised(c.arg(3), c.arg(4), c.opt(5), 0, 0)
		return []*value{c.requantise(graph.Apply(graph.Binary{Kind: kind}, a, b), 6)}
	}
}

// requantise quantises y with input i as the scale and the next one as the zero point.
func (c *call) requantise(y *graph.Value, i int) *value {
	var zero *graph.Value
	if c.has(i + 1) {
		zero = c.along(c.arg(i+1), y.Shape, 0, 0)
	}
	return c.quantise(y, c.along(c.arg(i), y.Shape, 0, 0), zero, c.arg(0).typ)
}

// qLinearOf computes a function of a quantised value with its scale and zero, and then those
// of the result.
func qLinearOf(f func(*graph.Value) *graph.Value) converter {
	return func(c *call) []*value {
		return []*value{c.requantise(f(c.dequantised(c.arg(0), c.arg(1), c.opt(2), 0, 0)), 3)}
	}
}

// convertQLinearConcat takes the result's scale and zero, and then each value with its own.
func convertQLinearConcat(c *call) []*value {
	if len(c.in) < 5 || (len(c.in)-2)%3 != 0 {
		failf("%d inputs", len(c.in))
	}
	var parts []*graph.Value
	for i := 2; i < len(c.in); i += 3 {
		parts = append(parts, c.dequantised(c.arg(i), c.arg(i+1), c.opt(i+2), 0, 0))
	}
	y := graph.Cat(c.axis("axis", 0, len(parts[0].Shape)), parts...)
	return []*value{c.quantise(y, c.along(c.arg(0), y.Shape, 0, 0), c.along(c.arg(1), y.Shape, 0, 0), c.arg(1).typ)}
}
