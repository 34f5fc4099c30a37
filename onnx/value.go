package onnx

import (
	"fmt"
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// value is an input, an initialiser or the result of a node. Its numbers are known
// (host), or the graph computes them (dev).
type value struct {
	typ   Type
	shape tensor.Shape
	host  *Array
	dev   *graph.Value
	rows  *rows  // nil if all of it exists
	names *Array // integers, some of which are names of numbers that only the run decides
	late  bool   // there were names, which the graph computes
	index bool   // no element is negative
	needs uint64 // the inputs that it depends on, as bits; the last bit stands for the rest
}

func known(a *Array) *value { return &value{typ: a.Type, shape: a.Shape, host: a} }

// computed is a result of the graph with elements of type t. Without elements it is known.
func computed(t Type, v *graph.Value) *value { return &value{typ: t, shape: v.Shape, dev: v} }

func (v *value) String() string { return fmt.Sprintf("%v %v", v.typ, v.shape) }

// Movement works on numbers that are known and on results of the graph. In the methods
// below, axes and extents are already checked.

// reshape gives v another shape with the same number of elements.
func (v *value) reshape(s tensor.Shape) *value {
	switch {
	case s.Equal(v.shape):
		return v
	case v.host != nil:
		return known(v.host.reshaped(s))
	}
	return shaped(v.typ, v.dev, s)
}

// permute makes dimension order[i] of v dimension i.
func (v *value) permute(order ...int) *value {
	same := true
	for i, o := range order {
		same = same && i == o
	}
	switch {
	case same:
		return v
	case v.host == nil && wide(v.shape):
		return v.permuteWide(order)
	case v.host == nil:
		return computed(v.typ, v.dev.Permute(order...))
	}
	s, from := make(tensor.Shape, len(order)), make([]int, len(order))
	strides := v.shape.Strides()
	for i, o := range order {
		s[i], from[i] = v.shape[o], strides[o]
	}
	return known(v.host.strided(s, 0, from))
}

// strided picks the elements at start + Σ index·step.
func (a *Array) strided(s tensor.Shape, start int, step []int) *Array {
	index, at := make([]int, len(s)), start
	return a.pick(s, func(int) int {
		here := at
		for d := len(s) - 1; d >= 0; d-- {
			index[d]++
			at += step[d]
			if index[d] < s[d] {
				break
			}
			at -= step[d] * s[d]
			index[d] = 0
		}
		return here
	})
}

// slice takes n[d] elements along each dimension d, from start[d] on, with step[d],
// which may be negative.
func (v *value) slice(start, step, n []int) *value {
	if v.host != nil {
		from, at := make([]int, len(n)), 0
		for d, stride := range v.shape.Strides() {
			from[d], at = step[d]*stride, at+start[d]*stride
		}
		return known(v.host.strided(slices.Clone(n), at, from))
	}
	if wide(v.shape) {
		return v.sliceWide(start, step, n)
	}
	o, cut := graph.Slice{}, false
	for d := range n {
		if start[d] == 0 && step[d] == 1 && n[d] == v.shape[d] {
			continue
		}
		cut = true
		end := start[d] + (n[d]-1)*step[d]
		o.Start[d], o.Step[d], o.Stop[d] = min(start[d], end), step[d], max(start[d], end)+1
	}
	if !cut {
		return v
	}
	return computed(v.typ, graph.Apply(o, v.dev))
}

// expand repeats dimensions of extent 1, and adds dimensions in front, up to s.
func (v *value) expand(s tensor.Shape) *value {
	switch {
	case s.Equal(v.shape):
		return v
	case v.host != nil:
		return known(v.host.strided(s, 0, graph.BroadcastStrides(v.shape, s)))
	case wide(s):
		return v.expandWide(s)
	}
	return computed(v.typ, v.dev.Expand(s...))
}
