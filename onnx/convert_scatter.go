package onnx

import (
	"slices"

	"github.com/vertebra/vertebra/graph"
)

// scattering has the operators that pick or change elements at tuples of indices, and
// those that sort.
func scattering() map[string]converter {
	return map[string]converter{
		"GatherND":        convertGatherND,
		"Scatter":         convertScatterElements,
		"ScatterElements": convertScatterElements,
		"ScatterND":       convertScatterND,
		"TopK":            convertTopK,
		"OneHot":          convertOneHot,
		"ReverseSequence": convertReverseSequence,
	}
}

func convertGatherND(c *call) []*value {
	return c.like(graph.Apply(graph.GatherND{Batch: c.int("batch_dims", 0)}, c.x(0), c.x(1)))
}

// merge is the attribute reduction.
func (c *call) merge() graph.Merge {
	kinds := map[string]graph.Merge{"none": graph.Replace, "add": graph.MergeSum, "mul": graph.MergeMul, "max": graph.MergeMax, "min": graph.MergeMin}
	m, ok := kinds[c.string("reduction", "none")]
	if !ok {
		failf("reduction %.40q", c.string("reduction", ""))
	}
	return m
}

func convertScatterElements(c *call) []*value {
	x := c.arg(0)
	if c.arg(1).shape.Len() == 0 {
		return []*value{x}
	}
	o := graph.Scatter{Axis: c.axis("axis", 0, len(x.shape)), Merge: c.merge()}
	return c.like(graph.Apply(o, c.x(0), c.x(1), c.x(2)))
}

func convertScatterND(c *call) []*value {
	if c.arg(1).shape.Len() == 0 {
		return []*value{c.arg(0)}
	}
	return c.like(graph.Apply(graph.ScatterND{Merge: c.merge()}, c.x(0), c.x(1), c.x(2)))
}

func convertTopK(c *call) []*value { return c.top(c.arg(0), c.topK()) }

// topK is the number of elements wanted.
func (c *call) topK() int {
	if c.opset < 10 {
		return c.int("k", 0)
	}
	ks := c.knownInts(1)
	if len(ks) != 1 {
		failf("k is %v", ks)
	}
	return ks[0]
}

func (c *call) top(x *value, k int) []*value {
	o := graph.TopK{K: k, Axis: c.axis("axis", -1, len(x.shape)), Smallest: !c.flag("largest", true)}
	if k == 0 {
		s := x.shape.Clone()
		s[o.Axis] = 0
		return []*value{known(newArray(x.typ, s)), known(newArray(Int64, s))}
	}
	values := graph.Apply(o, c.value(x))
	if !c.wants(1) {
		return []*value{computed(x.typ, values)}
	}
	o.Indices = true
	index := computed(Int64, graph.Apply(o, c.value(x)))
	index.index = true
	return []*value{computed(x.typ, values), index}
}

// convertOneHot is off + (on − off) · [index = place], for an axis of places. A negative
// index counts from the end.
func convertOneHot(c *call) []*value {
	index, depths, values := c.arg(0), c.known(1), c.arg(2)
	if depths.Len() != 1 || values.shape.Len() != 2 {
		failf("depth %v, values %v", depths.Shape, values.shape)
	}
	depth := int(depths.At(0))
	if depth < 1 || depth > mostExact {
		failf("depth %d", depth)
	}
	axis := c.axis("axis", -1, len(index.shape)+1)
	places := make([]float32, 2*depth) // −depth .. depth − 1
	for i := range places {
		places[i] = float32(i - depth)
	}
	s := slices.Repeat([]int{1}, len(index.shape)-axis+1)
	s[0] = depth
	at := c.x(0).Reshape(slices.Insert(slices.Clone(index.shape), axis, 1)...)
	equal := func(places []float32) *graph.Value {
		return graph.Apply(graph.Binary{Kind: graph.Equal}, at, c.constant(places, s...))
	}
	hit := equal(places[depth:]).Add(equal(places[:depth]))
	pair := c.value(values)
	off, on := pair.Slice(0, 0, 1), pair.Slice(0, 1, 2)
	return c.only(values.typ, hit.Mul(on.Sub(off)).Add(off))
}

// convertReverseSequence reverses the first elements of each sequence, as many as its
// length says, by an index.
func convertReverseSequence(c *call) []*value {
	x, lengths := c.arg(0), c.knownInts(1)
	time, batch := c.axis("time_axis", 0, len(x.shape)), c.axis("batch_axis", 1, len(x.shape))
	if time == batch || len(lengths) != x.shape[batch] {
		failf("%d lengths, axes %d and %d of %v", len(lengths), time, batch, x.shape)
	}
	c.bound(x.shape)
	index := newArray(Int64, x.shape.Clone())
	strides := x.shape.Strides()
	for i := range index.I {
		t, n := i/strides[time]%x.shape[time], lengths[i/strides[batch]%x.shape[batch]]
		if t < n {
			t = n - 1 - t
		}
		index.I[i] = int64(t)
	}
	return c.like(c.x(0).Gather(time, c.value(known(index))))
}
