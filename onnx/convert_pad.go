package onnx

import "github.com/vertebra/vertebra/graph"

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
	return c.like(graph.Apply(o, c.x(0)))
}
