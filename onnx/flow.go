package onnx

import (
	"math"
	"slices"

	"github.com/vertebra/vertebra/graph"
)

// A flow runs a node with inputs of which only some rows exist. It gives the outputs their
// rows, and keeps those that do not exist out of them.
type flow func(c *call, convert converter) []*value

// flows has the operators that take such inputs. All others end the import.
func flows() map[string]flow {
	all := map[string]flow{
		"Shape":              flowShape,
		"Size":               flowSize,
		"NonZero":            flowWithout(0),
		"Compress":           flowCompress,
		"Transpose":          flowTranspose,
		"Tile":               flowTile,
		"Reshape":            flowReshape,
		"Flatten":            flowFlatten,
		"Squeeze":            flowSqueeze,
		"Unsqueeze":          flowUnsqueeze,
		"Expand":             flowExpand,
		"ConstantOfShape":    flowConstantOfShape,
		"Range":              flowRange,
		"Concat":             flowConcat,
		"Split":              flowSplit,
		"Slice":              flowSlice,
		"Gather":             flowGather,
		"GatherND":           flowGatherND,
		"GatherElements":     flowGatherElements,
		"Scatter":            flowScatter,
		"ScatterElements":    flowScatter,
		"ScatterND":          flowScatter,
		"TopK":               flowTopK,
		"NonMaxSuppression":  func(c *call, convert converter) []*value { return convert(c) },
		"RoiAlign":           flowRoiAlign,
		"MatMul":             flowMatMul,
		"Gemm":               flowBatch,
		"CumSum":             flowCumSum,
		"ArgMax":             flowArgMax(math.Inf(-1)),
		"ArgMin":             flowArgMax(math.Inf(1)),
		"Softmax":            flowLines,
		"LogSoftmax":         flowLines,
		"LayerNormalization": flowLines,
	}
	for _, names := range []map[string]converter{arithmetic(), activations()} {
		for name := range names {
			if all[name] == nil && name != "Hardmax" {
				all[name] = flowEach
			}
		}
	}
	for _, name := range []string{"Identity", "Cast", "CastLike", "Dropout"} {
		all[name] = flowEach
	}
	for _, name := range []string{"Conv", "com.microsoft.FusedConv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool",
		"BatchNormalization", "InstanceNormalization", "GroupNormalization", "LRN", "Resize", "Upsample", "DepthToSpace", "SpaceToDepth", "Pad"} {
		all[name] = flowBatch
	}
	for name, fill := range map[string]float64{"ReduceSum": 0, "ReduceMean": 0, "ReduceL1": 0, "ReduceL2": 0, "ReduceSumSquare": 0, "ReduceLogSum": 0,
		"ReduceProd": 1, "ReduceMax": math.Inf(-1), "ReduceMin": math.Inf(1), "ReduceLogSumExp": math.Inf(-1)} {
		all[name] = flowReduce(fill)
	}
	return all
}

// run runs a node with inputs that are not all known.
func (c *call) run(convert converter) []*value {
	if outs, ok := c.withNames(convert); ok {
		return outs
	}
	if !slices.ContainsFunc(c.in, func(v *value) bool { return v != nil && (v.rows != nil || v.names != nil) }) || c.nested() {
		return convert(c)
	}
	f := c.im.flows[c.node.Key()]
	if f == nil {
		c.refuse()
	}
	outs := f(c, convert)
	for i, v := range outs {
		if v != nil && v.rows != nil && v.host != nil {
			w := *v // a constant, some of which exists
			w.dev, w.host = c.value(v), nil
			outs[i] = &w
		}
	}
	return outs
}

// refuse ends the import: the node would mix rows that exist with others.
func (c *call) refuse() {
	at := slices.IndexFunc(c.in, func(v *value) bool { return v != nil && (v.rows != nil || v.names != nil) })
	failf("the number of rows of input %d is known only after the run", at)
}

// theRows returns the rows of these inputs, of which there is one number, and an input that
// has them.
func (c *call) theRows(ins ...int) (*rows, *value) {
	at := -1
	for i, v := range c.in {
		switch {
		case v == nil || v.rows == nil:
		case !slices.Contains(ins, i):
			c.refuse()
		case at >= 0 && !alike(c.in[at].rows.n, v.rows.n):
			failf("inputs %d and %d have numbers of rows that only the run decides", at, i)
		case at < 0:
			at = i
		}
	}
	if at < 0 {
		return nil, nil
	}
	return c.in[at].rows, c.in[at]
}

// flowWithout takes an input in which what does not exist is a number.
func flowWithout(fill float64) flow {
	return func(c *call, convert converter) []*value {
		c.theRows(0)
		c.in[0] = c.blanked(c.arg(0), fill)
		return convert(c)
	}
}

// flowEach is for functions of elements of inputs that broadcast.
func flowEach(c *call, convert converter) []*value {
	var all []int
	for i := range c.in {
		all = append(all, i)
	}
	r, x := c.theRows(all...)
	outs := convert(c)
	out := outs[0]
	along := len(out.shape) - len(x.shape) + r.along
	for _, v := range c.in {
		if v == nil {
			continue
		}
		d := along - len(out.shape) + len(v.shape)
		if v.rows != nil && d != v.rows.along || v.rows == nil && d >= 0 && v.shape[d] != 1 {
			c.refuse()
		}
	}
	if out.shape[along] != x.shape[r.along] || len(outs) > 1 {
		c.refuse()
	}
	return []*value{counted(out, along, r.n)}
}

// flowBatch is for operators that treat each index of the first dimension by itself.
func flowBatch(c *call, convert converter) []*value {
	r, x := c.theRows(0)
	if r.along != 0 || c.flag("transA", false) {
		c.refuse()
	}
	outs := convert(c)
	for i, v := range outs {
		if v.shape[0] != x.shape[0] {
			c.refuse()
		}
		outs[i] = counted(v, 0, r.n)
	}
	return outs
}

// flowLines is for operators that treat lines along an axis, or blocks from an axis on.
func flowLines(c *call, convert converter) []*value {
	r, x := c.theRows(0)
	rank, op := len(x.shape), c.node.Op
	from := c.axis("axis", -1, rank)
	if op != "LayerNormalization" && c.opset < 13 {
		from = c.axis("axis", 1, rank)
	}
	to := from + 1
	if op == "LayerNormalization" || c.opset < 13 {
		to = rank
	}
	if r.along >= from && r.along < to {
		if op == "LayerNormalization" {
			c.refuse()
		}
		c.in[0] = c.blanked(x, math.Inf(-1))
	}
	outs := convert(c)
	if len(outs) > 1 {
		c.refuse()
	}
	return []*value{counted(outs[0], r.along, r.n)}
}

func flowCumSum(c *call, convert converter) []*value {
	r, x := c.theRows(0)
	c.in[0] = c.blanked(x, 0)
	return []*value{counted(convert(c)[0], r.along, r.n)}
}

// flowReduce takes an input in which what does not exist is the number that changes nothing.
func flowReduce(fill float64) flow {
	return func(c *call, convert converter) []*value {
		r, x := c.theRows(0)
		axes, some := c.reducedAxes(len(x.shape))
		if !some {
			return []*value{counted(convert(c)[0], r.along, r.n)}
		}
		if !slices.Contains(axes, r.along) {
			return []*value{counted(convert(c)[0], c.kept(axes, r.along), r.n)}
		}
		c.in[0] = c.blanked(x, finite(x.typ, fill))
		outs := convert(c)
		if c.node.Op == "ReduceMean" {
			if x.typ.Integer() {
				c.refuse()
			}
			y := outs[0]
			return []*value{computed(y.typ, c.binary(graph.Div, y.dev.Mul(c.scalar(float64(x.shape[r.along]))), r.n))}
		}
		return outs
	}
}

// finite returns a number that integers may have.
func finite(t Type, x float64) float64 {
	if t.Integer() {
		return min(max(x, -mostExact), mostExact)
	}
	return x
}

// kept returns the place of a dimension after others were reduced.
func (c *call) kept(axes []int, dimension int) int {
	at := dimension
	for _, a := range axes {
		if a < dimension && !c.flag("keepdims", true) {
			at--
		}
	}
	return at
}

func flowArgMax(fill float64) flow {
	return func(c *call, convert converter) []*value {
		r, x := c.theRows(0)
		axis := c.axis("axis", 0, len(x.shape))
		if axis == r.along {
			c.in[0] = c.blanked(x, finite(x.typ, fill))
			return convert(c)
		}
		return []*value{counted(convert(c)[0], c.kept([]int{axis}, r.along), r.n)}
	}
}

// flowMatMul is for rows of the left matrix, columns of the right one, or what both sum over.
func flowMatMul(c *call, convert converter) []*value {
	r, _ := c.theRows(0, 1)
	a, b := c.arg(0), c.arg(1)
	sums := func(v *value, d int) bool { return v.rows != nil && v.rows.along == d }
	if first, second := len(a.shape)-1, max(len(b.shape)-2, 0); sums(a, first) || sums(b, second) {
		if a.rows != nil && !sums(a, first) || b.rows != nil && !sums(b, second) {
			c.refuse()
		}
		c.in[0], c.in[1] = c.blanked(a, 0), c.blanked(b, 0)
		return convert(c)
	}
	if a.rows != nil && b.rows != nil {
		c.refuse()
	}
	out := convert(c)[0]
	if b.rows != nil {
		if b.rows.along != len(b.shape)-1 {
			c.refuse()
		}
		return []*value{counted(out, len(out.shape)-1, r.n)}
	}
	along := len(out.shape) - len(a.shape) + r.along
	if len(b.shape) == 1 {
		along = r.along
	}
	if d := along - len(out.shape) + len(b.shape); d >= 0 && d < len(b.shape)-2 && b.shape[d] != 1 {
		c.refuse()
	}
	return []*value{counted(out, along, r.n)}
}

// flowRoiAlign is for regions.
func flowRoiAlign(c *call, convert converter) []*value {
	r, _ := c.theRows(1, 2)
	if c.arg(1).rows == nil || r.along != 0 || c.arg(2).rows != nil && c.arg(2).rows.along != 0 {
		c.refuse()
	}
	return []*value{counted(convert(c)[0], 0, r.n)}
}

// flowCompress is for a condition of which some exists.
func flowCompress(c *call, convert converter) []*value {
	r, _ := c.theRows(0, 1)
	x, cond := c.arg(0), c.arg(1)
	a := c.attrs["axis"]
	if x.rows != nil && (a == nil && len(x.shape) > 1 || a != nil && axisOf(int(a.I), len(x.shape)) != r.along) {
		c.refuse()
	}
	c.in[1] = c.blanked(cond, 0)
	return convert(c)
}

// flowTopK is for elements of which some exist, and for a K that the run decides.
func flowTopK(c *call, convert converter) []*value {
	r, _ := c.theRows(0)
	x := c.arg(0)
	axis := c.axis("axis", -1, len(x.shape))
	k, n := 0, (*graph.Value)(nil)
	if c.has(1) && c.in[1].names != nil {
		if len(c.in[1].names.I) != 1 {
			failf("k is %v", c.in[1].shape)
		}
		number, _ := c.im.named(c.in[1].names.I[0])
		k, n = min(number.most, x.shape[axis]), number.n
	} else {
		k = c.topK()
	}
	switch {
	case r != nil && r.along == axis:
		fill := math.Inf(-1)
		if !c.flag("largest", true) {
			fill = math.Inf(1)
		}
		x = c.blanked(x, finite(x.typ, fill))
		if k = min(k, x.shape[axis]); n == nil {
			n = c.atMost(r.n, x.shape[axis], k)
		}
	case r != nil && n != nil:
		c.refuse()
	case r != nil:
		axis, n = r.along, r.n
	}
	outs := c.top(x, k)
	for i, v := range outs {
		outs[i] = counted(v, axis, n)
	}
	return outs
}
