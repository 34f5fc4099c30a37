package onnx

import (
	"math"
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// movement has the operators that only move elements.
func movement() map[string]converter {
	return map[string]converter{
		"Reshape":      convertReshape,
		"Flatten":      convertFlatten,
		"Squeeze":      convertSqueeze,
		"Unsqueeze":    convertUnsqueeze,
		"Transpose":    convertTranspose,
		"Concat":       convertConcat,
		"Split":        convertSplit,
		"Slice":        convertSlice,
		"Expand":       convertExpand,
		"Tile":         convertTile,
		"DepthToSpace": convertDepthToSpace,
		"SpaceToDepth": convertSpaceToDepth,
	}
}

func convertReshape(c *call) []*value {
	x := c.arg(0)
	to, ok := c.intsOf(1, "shape")
	if !ok {
		failf("no shape")
	}
	to = slices.Clone(to)
	open, n := -1, 1
	for i, d := range to {
		switch {
		case d == 0 && !c.flag("allowzero", false):
			if i >= len(x.shape) {
				failf("dimension %d is to be kept, and there is none", i)
			}
			to[i] = x.shape[i]
		case d == -1 && open < 0:
			open = i
			continue
		case d < 0:
			failf("shape %v", tensor.Shape(to))
		}
		n *= to[i]
	}
	if open >= 0 {
		if n == 0 || x.shape.Len()%n != 0 {
			failf("%v cannot become %v", x.shape, tensor.Shape(to))
		}
		to[open] = x.shape.Len() / n
	}
	s := shapeOf(to)
	if s.Len() != x.shape.Len() {
		failf("%v cannot become %v", x.shape, s)
	}
	return []*value{x.reshape(s)}
}

func convertFlatten(c *call) []*value {
	x := c.arg(0)
	axis := c.int("axis", 1)
	if axis < 0 {
		axis += len(x.shape)
	}
	if axis < 0 || axis > len(x.shape) {
		failf("axis %d of a value with %d dimensions", axis, len(x.shape))
	}
	return []*value{x.reshape(tensor.Shape{x.shape[:axis].Len(), x.shape[axis:].Len()})}
}

func convertSqueeze(c *call) []*value {
	x := c.arg(0)
	axes, ok := c.intsOf(1, "axes")
	if ok {
		axes = axesOf(axes, len(x.shape))
	}
	s := tensor.Shape{}
	for i, d := range x.shape {
		drop := slices.Contains(axes, i) || !ok && d == 1
		if drop && d != 1 {
			failf("dimension %d is %d, want 1", i, d)
		}
		if !drop {
			s = append(s, d)
		}
	}
	return []*value{x.reshape(s)}
}

func convertUnsqueeze(c *call) []*value {
	x := c.arg(0)
	axes, ok := c.intsOf(1, "axes")
	if !ok {
		failf("no axes")
	}
	s := x.shape.Clone()
	for _, a := range axesOf(axes, len(s)+len(axes)) {
		s = slices.Insert(s, a, 1)
	}
	return []*value{x.reshape(s)}
}

func convertTranspose(c *call) []*value {
	x := c.arg(0)
	order, ok := c.ints("perm")
	if !ok {
		for i := range x.shape {
			order = append(order, len(x.shape)-1-i)
		}
	}
	if len(order) != len(x.shape) {
		failf("order %v of %d dimensions", order, len(x.shape))
	}
	axesOf(order, len(x.shape))
	for i, o := range order {
		order[i] = axisOf(o, len(order))
	}
	return []*value{x.permute(order...)}
}

func convertConcat(c *call) []*value {
	if len(c.in) == 0 {
		failf("no inputs")
	}
	return []*value{c.concat(c.int("axis", 1), c.in...)}
}

// concat joins values along an axis. Those without elements are left out.
func (c *call) concat(axis int, vs ...*value) *value {
	rank, all := len(vs[0].shape), true
	axis = axisOf(axis, rank)
	s := vs[0].shape.Clone()
	s[axis] = 0
	var some []*value
	for _, v := range vs {
		if v == nil || len(v.shape) != rank {
			failf("inputs have different numbers of dimensions")
		}
		for d, n := range v.shape {
			if d == axis {
				s[d] += n
			} else if n != s[d] {
				failf("dimension %d is %d and %d", d, s[d], n)
			}
		}
		if v.shape.Len() > 0 {
			some = append(some, v)
			all = all && v.host != nil
		}
	}
	switch {
	case len(some) == 0:
		return known(newArray(vs[0].typ, s))
	case len(some) == 1:
		return some[0]
	case all:
		return known(joined(axis, s, some))
	case wide(s):
		outer := s[:axis].Len()
		xs := make([]*graph.Value, len(some))
		for i, v := range some {
			xs[i] = c.narrow(v, outer, v.shape[axis:].Len())
		}
		return shaped(vs[0].typ, graph.Cat(1, xs...), s)
	}
	xs := make([]*graph.Value, len(some))
	for i, v := range some {
		xs[i] = c.value(v)
	}
	return computed(vs[0].typ, graph.Cat(axis, xs...))
}

func joined(axis int, s tensor.Shape, vs []*value) *Array {
	a := newArray(vs[0].typ, s)
	outer, at := s[:axis].Len(), 0
	for o := range outer {
		for _, v := range vs {
			n := v.shape[axis:].Len()
			for i := range n {
				a.copy(at, v.host, o*n+i)
				at++
			}
		}
	}
	return a
}

func convertSplit(c *call) []*value {
	x := c.arg(0)
	axis := c.axis("axis", 0, len(x.shape))
	sizes, ok := c.intsOf(1, "split")
	if n := x.shape[axis]; !ok {
		parts := c.int("num_outputs", len(c.node.Outputs))
		if parts < 1 || parts > len(c.node.Outputs) {
			failf("%d parts", parts)
		}
		part := (n + parts - 1) / parts
		for range parts {
			sizes = append(sizes, min(part, n))
			n -= min(part, n)
		}
	}
	total := 0
	for _, d := range sizes {
		total += max(d, 0)
	}
	if total != x.shape[axis] || len(sizes) < len(c.node.Outputs) {
		failf("parts %v of dimension %d", sizes, axis)
	}
	var outs []*value
	at := 0
	for _, d := range sizes {
		outs = append(outs, c.cut(x, axis, at, d))
		at += d
	}
	return outs
}

// cut takes n elements of v along an axis, from index at on.
func (c *call) cut(v *value, axis, at, n int) *value {
	start, step, size := make([]int, len(v.shape)), make([]int, len(v.shape)), slices.Clone(v.shape)
	for d := range step {
		step[d] = 1
	}
	start[axis], size[axis] = at, n
	return c.slice(v, start, step, size)
}

// slice is value.slice, also for no elements.
func (c *call) slice(v *value, start, step []int, n tensor.Shape) *value {
	if n.Len() == 0 {
		return known(newArray(v.typ, n.Clone()))
	}
	return v.slice(start, step, n)
}

func convertSlice(c *call) []*value {
	starts, _ := c.intsOf(1, "starts")
	ends, _ := c.intsOf(2, "ends")
	axes, ok := c.intsOf(3, "axes")
	if !ok {
		for i := range starts {
			axes = append(axes, i)
		}
	}
	var steps []int
	if c.has(4) {
		steps = c.knownInts(4)
	}
	return []*value{c.sliced(c.arg(0), starts, ends, axes, steps)}
}

// sliced cuts axes of a value. Without steps they are 1.
func (c *call) sliced(x *value, starts, ends, axes, steps []int) *value {
	if len(ends) != len(starts) || len(axes) != len(starts) || steps != nil && len(steps) != len(starts) {
		failf("%d starts, %d ends, %d axes, %d steps", len(starts), len(ends), len(axes), len(steps))
	}
	start, step, n := make([]int, len(x.shape)), make([]int, len(x.shape)), x.shape.Clone()
	for d := range step {
		step[d] = 1
	}
	axesOf(axes, len(x.shape))
	for i, a := range axes {
		d := axisOf(a, len(x.shape))
		by := 1
		if steps != nil {
			by = steps[i]
		}
		if by == 0 || by == -by {
			failf("step %d", by)
		}
		start[d], n[d] = sliceRange(starts[i], ends[i], by, x.shape[d])
		step[d] = by
		if n[d] <= 1 {
			step[d] = 1
		}
	}
	return c.slice(x, start, step, n)
}

// sliceRange returns the first index and the number of indices that a slice takes of n.
func sliceRange(start, end, step, n int) (from, count int) {
	if start < 0 {
		start += n
	}
	if end < 0 {
		end += n
	}
	if step > 0 {
		start, end = min(max(start, 0), n), min(max(end, 0), n)
		if end <= start {
			return 0, 0
		}
		return start, (end-start-1)/step + 1
	}
	start, end = min(max(start, 0), n-1), min(max(end, -1), n-1)
	if end >= start {
		return 0, 0
	}
	return start, (start-end-1)/-step + 1
}

func convertExpand(c *call) []*value {
	x := c.arg(0)
	s := broadcast(x.shape, shapeOf(c.knownInts(1)))
	if x.host != nil {
		c.bound(s)
	}
	if s.Len() == 0 {
		return []*value{known(newArray(x.typ, s))}
	}
	return []*value{x.expand(s)}
}

// convertTile repeats whole dimensions: x [.., n, ..] is seen as [.., 1, n, ..], expanded
// and joined.
func convertTile(c *call) []*value {
	x := c.arg(0)
	var repeats []int
	if len(c.in) == 3 { // of opset 1: a number and an axis
		axis, n := axisOf(int(c.known(2).At(0)), len(x.shape)), c.known(1).At(0)
		if n != math.Trunc(n) || !(math.Abs(n) <= mostElements) {
			failf("%v repeats", n)
		}
		repeats = slices.Repeat([]int{1}, len(x.shape))
		repeats[axis] = int(n)
	} else {
		repeats = c.knownInts(1)
	}
	if len(repeats) != len(x.shape) {
		failf("%d repeats of %d dimensions", len(repeats), len(x.shape))
	}
	for d := len(repeats) - 1; d >= 0; d-- {
		r := repeats[d]
		if r < 0 || r > mostElements {
			failf("%d repeats", r)
		}
		if r == 1 {
			continue
		}
		s := x.shape
		to := shapeOf(append(append(slices.Clone(s[:d]), r*s[d]), s[d+1:]...))
		if to.Len() == 0 {
			x = known(newArray(x.typ, to))
			continue
		}
		if x.host != nil {
			c.bound(to)
		}
		inner := s[d:].Len()
		x = x.reshape(tensor.Shape{s[:d].Len(), 1, inner}).expand(tensor.Shape{s[:d].Len(), r, inner}).reshape(to)
	}
	return []*value{x}
}

// convertDepthToSpace moves channels to pixels. DCR has the pixel's place before the channel,
// CRD after it.
func convertDepthToSpace(c *call) []*value {
	x, r := c.arg(0), c.int("blocksize", 0)
	if len(x.shape) != 4 || r < 1 || r > mostKnown || x.shape[1]%(r*r) != 0 {
		failf("block size %d of %v", r, x.shape)
	}
	b, ch, h, w := x.shape[0], x.shape[1]/r/r, x.shape[2], x.shape[3]
	to := tensor.Shape{b, ch, h * r, w * r}
	switch mode := c.string("mode", "DCR"); mode {
	case "DCR":
		return []*value{x.reshape(tensor.Shape{b, r, r, ch, h, w}).permute(0, 3, 4, 1, 5, 2).reshape(to)}
	case "CRD":
		if x.host == nil {
			return c.like(x.dev.Permute(0, 2, 3, 1).PixelShuffle(r).Permute(0, 3, 1, 2))
		}
		return []*value{x.reshape(tensor.Shape{b, ch, r, r, h, w}).permute(0, 1, 4, 2, 5, 3).reshape(to)}
	default:
		failf("mode %.40q", mode)
	}
	return nil
}

func convertSpaceToDepth(c *call) []*value {
	x, r := c.arg(0), c.int("blocksize", 0)
	if len(x.shape) != 4 || r < 1 || r > mostKnown || x.shape[2]%r != 0 || x.shape[3]%r != 0 {
		failf("block size %d of %v", r, x.shape)
	}
	b, ch, h, w := x.shape[0], x.shape[1], x.shape[2]/r, x.shape[3]/r
	return []*value{x.reshape(tensor.Shape{b, ch, h, r, w, r}).permute(0, 3, 5, 1, 2, 4).reshape(tensor.Shape{b, ch * r * r, h, w})}
}
