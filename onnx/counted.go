package onnx

import (
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// rows says that only the first of a value's indices along a dimension exist. Their number
// is a result of the graph with one element.
type rows struct {
	n     *graph.Value
	along int
}

// counted returns v, of which only the first n indices along a dimension exist.
func counted(v *value, along int, n *graph.Value) *value {
	v.rows = &rows{n, along}
	return v
}

// same lists the operators whose result has the shape of their broadcast inputs.
var same = []string{"Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Mod", "Where", "Equal", "Less", "LessOrEqual", "Greater",
	"GreaterOrEqual", "And", "Or", "Xor", "Not", "Identity", "Cast", "CastLike", "Dropout", "Abs", "Neg", "Reciprocal", "Sqrt", "Exp",
	"Log", "Erf", "Floor", "Ceil", "Round", "Sign", "Sigmoid", "Tanh", "Relu", "LeakyRelu", "Clip"}

// carry gives the rows of the inputs to the outputs. It ends the import if the operator
// would mix those that exist with others.
func (c *call) carry(outs []*value) {
	at := slices.IndexFunc(c.in, func(v *value) bool { return v != nil && v.rows != nil })
	if at < 0 {
		return
	}
	switch c.node.Op {
	case "If", "Loop", "Scan": // the nodes inside do
		return
	}
	r, x := c.in[at].rows, c.in[at]
	for i, v := range c.in {
		if i != at && v != nil && v.rows != nil && v.rows.n != r.n {
			failf("inputs %d and %d have numbers of rows that only the run decides", at, i)
		}
	}
	out := outs[0]
	along, ok := -1, out.host == nil
	switch op := c.node.Key(); {
	case slices.Contains(same, op):
		along = len(out.shape) - len(x.shape) + r.along
		for _, v := range c.in {
			if v != nil && v.rows == nil && len(v.shape) >= len(out.shape)-along {
				ok = ok && v.shape[len(v.shape)-len(out.shape)+along] == 1
			}
		}
	case op == "Transpose":
		order, given := c.ints("perm")
		along = slices.Index(order, r.along)
		if !given {
			along = len(x.shape) - 1 - r.along
		}
	case op == "Reshape" || op == "Squeeze" || op == "Unsqueeze" || op == "Flatten":
		for d, n := range out.shape {
			if n == x.shape[r.along] && out.shape[:d].Len() == x.shape[:r.along].Len() {
				along = d
			}
		}
	case op == "Gather":
		axis := c.axis("axis", 0, len(c.arg(0).shape))
		switch {
		case at == 1:
			along = axis + r.along
		case axis < r.along:
			along = r.along + len(c.arg(1).shape) - 1
		case axis > r.along:
			along = r.along
		}
	case op == "Concat":
		along, ok = r.along, c.axis("axis", 1, len(out.shape)) != r.along
		for _, v := range c.in {
			ok = ok && v.rows != nil && v.rows.along == along
		}
	case op == "Slice":
		along = r.along
		if starts, _ := c.intsOf(1, "starts"); out.shape[along] != x.shape[along] {
			ok = false
			if n := out.shape[along]; c.firstOf(starts, along) {
				r = &rows{graph.Apply(graph.Binary{Kind: graph.Minimum}, r.n, c.scalar(float64(n))), along}
				ok = true
			}
		}
	}
	if along < 0 || !ok || len(outs) > 1 {
		failf("the number of rows of input %d is known only after the run", at)
	}
	counted(out, along, r.n)
}

// firstOf reports whether a slice with step 1 begins at the first index of a dimension.
func (c *call) firstOf(starts []int, dimension int) bool {
	axes, ok := c.intsOf(3, "axes")
	for i, start := range starts {
		a := i
		if ok {
			a = axisOf(axes[i], len(c.arg(0).shape))
		}
		if a == dimension {
			return start == 0 && (!c.has(4) || c.knownInts(4)[i] == 1)
		}
	}
	return true
}

// firstRows returns the first n indices of a along a dimension.
func (a *Array) firstRows(along, n int) *Array {
	s := a.Shape.Clone()
	s[along] = n
	return a.strided(s, 0, a.Shape.Strides())
}

// detection has the operators whose number of results depends on numbers.
func detection() map[string]converter {
	return map[string]converter{
		"NonMaxSuppression": convertNonMaxSuppression,
	}
}

// convertNonMaxSuppression has as many rows as there may be. Those that are chosen come first.
func convertNonMaxSuppression(c *call) []*value {
	boxes, scores := c.arg(0), c.arg(1)
	number := func(i int) float64 {
		if !c.has(i) || c.arg(i).shape.Len() == 0 {
			return 0
		}
		return c.known(i).At(0)
	}
	o := graph.NonMaxSuppression{IoU: number(3), Score: number(4), Filter: c.has(4), Centers: c.flag("center_point_box", false)}
	if most := number(2); most < 1 || boxes.shape.Len() == 0 || scores.shape.Len() == 0 {
		return []*value{known(newArray(Int64, tensor.Shape{0, 3}))}
	} else {
		o.Most = int(min(most, mostElements))
	}
	y := graph.Apply(o, c.x(0), c.x(1))
	return []*value{counted(computed(Int64, y), 0, c.sum(graph.Apply(graph.Binary{Kind: graph.GreaterEqual}, y.Slice(1, 0, 1), c.scalar(0))))}
}

func (c *call) sum(v *graph.Value) *graph.Value {
	return graph.Apply(graph.Reduce{Kind: graph.Sum}, v)
}

// places lists where flags, of which there are n, are not 0, and returns how many they are.
// A flag's rank is the sum of the flags before it. Those that are 0 go outside the list.
func (c *call) places(flags *graph.Value, n int) (list, count *graph.Value) {
	if n > mostExact {
		failf("%d places, more than 2^24", n)
	}
	all := make([]float32, n)
	for i := range all {
		all[i] = float32(i)
	}
	flags = flags.Reshape(n).Map(graph.Truth)
	rank := graph.Apply(graph.CumSum{Exclusive: true}, flags)
	list = graph.Apply(graph.Scatter{}, c.constant(make([]float32, n), n), flags.Where(rank, c.scalar(float64(n))), c.constant(all, n))
	return list, c.sum(flags)
}

// nonZero lists the coordinates of the elements that are not 0.
func (c *call) nonZero(x *value) []*value {
	rank, n := len(x.shape), x.shape.Len()
	if n == 0 {
		return []*value{known(newArray(Int64, tensor.Shape{rank, 0}))}
	}
	place, count := c.places(c.x(0), n)
	var coordinates []*graph.Value
	for d, stride := range x.shape.Strides() {
		at := place
		if stride > 1 {
			at = graph.Apply(graph.Binary{Kind: graph.Quotient}, at, c.scalar(float64(stride)))
		}
		if d > 0 {
			at = graph.Apply(graph.Binary{Kind: graph.Remainder}, at, c.scalar(float64(x.shape[d])))
		}
		coordinates = append(coordinates, at.Reshape(1, n))
	}
	if rank == 0 {
		failf("an input without dimensions")
	}
	return []*value{counted(computed(Int64, graph.Cat(0, coordinates...)), 1, count)}
}

// compressed takes the indices of a dimension that the condition wants.
func (c *call) compressed(x *value, axis int) []*value {
	cond := c.arg(1).shape
	if len(cond) != 1 || cond[0] > x.shape[axis] || x.shape.Len() == 0 {
		failf("condition %v of %v", cond, x.shape)
	}
	list, count := c.places(c.x(1), cond[0])
	return []*value{counted(computed(x.typ, graph.Apply(graph.Select{Axis: axis}, c.value(x), list)), axis, count)}
}
