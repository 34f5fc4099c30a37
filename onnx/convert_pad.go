package onnx

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// padding has the operators that extend values.
func padding() map[string]converter {
	return map[string]converter{"Pad": convertPad}
}

func convertPad(c *call) []*value {
	x := c.arg(0)
	pads, ok := c.intsOf(1, "pads")
	if !ok {
		pads, ok = c.ints("paddings") // of opset 1
	}
	var axes []int
	if c.has(3) {
		axes = c.knownInts(3)
	} else {
		for d := range x.shape {
			axes = append(axes, d)
		}
	}
	if !ok || len(pads) != 2*len(axes) || len(x.shape) > graph.MaxRank {
		failf("pads %v of %v", pads, x.shape)
	}
	o := graph.Pad{Value: float32(c.float("value", 0))}
	if c.has(2) {
		if v := c.known(2); v.Len() == 1 {
			o.Value = float32(v.At(0))
		}
	}
	modes := map[string]graph.PadMode{"constant": graph.Constant, "reflect": graph.Reflect, "edge": graph.Replicate, "wrap": graph.Circular}
	mode := c.string("mode", "constant")
	if o.Mode, ok = modes[mode]; !ok {
		failf("mode %.40q", mode)
	}
	axesOf(axes, len(x.shape))
	to := x.shape.Clone()
	for i, a := range axes {
		d := axisOf(a, len(x.shape))
		if before, after := pads[i], pads[i+len(axes)]; max(before, after, -before, -after) > mostKnown {
			failf("pads %v", pads)
		}
		o.Before[d], o.After[d] = pads[i], pads[i+len(axes)]
		to[d] = max(to[d]+o.Before[d]+o.After[d], 0)
	}
	if to.Len() == 0 {
		return []*value{known(newArray(x.typ, to))}
	}
	if to.Equal(x.shape) && o.Before == [graph.MaxRank]int{} {
		return []*value{x}
	}
	if o.Mode != graph.Constant {
		return []*value{c.extended(x, o)}
	}
	return c.like(graph.Apply(o, c.x(0)))
}

// mostWide is the most indices of a dimension that a table of indices makes.
const mostWide = 1 << 20

// extended pads x with its own elements. What is cropped is no part of the pattern. The op
// repeats a pattern once; the indices of a longer one are a table.
func (c *call) extended(x *value, o graph.Pad) *value {
	var crop, grow graph.Pad
	for d := range x.shape {
		crop.Before[d], crop.After[d] = min(o.Before[d], 0), min(o.After[d], 0)
		grow.Before[d], grow.After[d] = max(o.Before[d], 0), max(o.After[d], 0)
	}
	grow.Mode = o.Mode
	rank := len(x.shape)
	x = c.padded(x, crop.Before[:rank], crop.After[:rank], graph.Constant, 0)
	if x.shape.Len() == 0 {
		failf("nothing of the input is left to be repeated")
	}
	if _, err := grow.Shape([]tensor.Shape{x.shape}); err == nil {
		return c.padded(x, grow.Before[:rank], grow.After[:rank], o.Mode, 0)
	}
	for d, n := range x.shape {
		wide := n + grow.Before[d] + grow.After[d]
		if wide == n {
			continue
		}
		if wide > mostWide {
			failf("pads make %d indices of %d", wide, n)
		}
		index := newArray(Int64, tensor.Shape{wide})
		for i := range index.I {
			index.I[i] = int64(repeated(i-grow.Before[d], n, o.Mode))
		}
		x = c.gather(x, known(index), d)
	}
	return x
}

// repeated maps an index that may lie outside [0, n) to one inside.
func repeated(i, n int, mode graph.PadMode) int {
	period := n
	switch {
	case mode == graph.Replicate:
		return max(0, min(i, n-1))
	case mode == graph.Reflect:
		period = max(2*(n-1), 1)
	}
	i = ((i % period) + period) % period
	if i >= n {
		i = period - i
	}
	return i
}
