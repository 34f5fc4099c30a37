package onnx

import (
	"slices"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// labelled is an operand of Einsum with a label for each dimension.
type labelled struct {
	v      *value
	labels []rune
}

// einsums has Einsum: its sums of products become matrix products.
func einsums() map[string]converter { return map[string]converter{"Einsum": convertEinsum} }

func convertEinsum(c *call) []*value {
	equation := strings.ReplaceAll(c.string("equation", ""), " ", "")
	left, right, explicit := strings.Cut(equation, "->")
	terms := strings.Split(left, ",")
	if len(terms) != len(c.in) {
		failf("equation %.80q for %d inputs", equation, len(c.in))
	}
	wide := 0 // dimensions that an ellipsis stands for
	var operands []labelled
	for i, term := range terms {
		v := c.arg(i)
		if strings.Contains(term, "...") {
			wide = max(wide, len(v.shape)-len(term)+3)
		}
	}
	for i, term := range terms {
		v := c.arg(i)
		labels := spread(term, len(v.shape)-len(strings.ReplaceAll(term, "...", "")), wide)
		if len(labels) != len(v.shape) {
			failf("term %.40q for %v", term, v.shape)
		}
		operands = append(operands, diagonal(labelled{v, labels}))
	}
	result := spread(right, wide, wide)
	if !explicit {
		result = implied(left, wide)
	}
	for i, l := range result {
		if slices.Contains(result[:i], l) {
			failf("label %c twice in the result", l)
		}
	}
	if slices.ContainsFunc(c.in, func(v *value) bool { return v.shape.Len() == 0 }) {
		return []*value{c.zeros(operands, result)}
	}
	all := operands[0]
	for i, o := range operands[1:] {
		all = c.contract(all, o, func(l rune) bool {
			if slices.Contains(result, l) {
				return true
			}
			return slices.ContainsFunc(operands[i+2:], func(o labelled) bool { return slices.Contains(o.labels, l) })
		})
	}
	all = c.summed(all, func(l rune) bool { return slices.Contains(result, l) })
	if len(all.labels) != len(result) {
		failf("equation %.80q", equation)
	}
	return []*value{all.ordered(result).v}
}

// zeros is a sum of products of no elements.
func (c *call) zeros(operands []labelled, result []rune) *value {
	s := make(tensor.Shape, len(result))
	for i, l := range result {
		s[i] = -1
		for _, o := range operands {
			if d := slices.Index(o.labels, l); d >= 0 && (s[i] < 0 || s[i] == 1) {
				s[i] = o.v.shape[d]
			}
		}
		if s[i] < 0 {
			failf("label %c of the result is in no input", l)
		}
	}
	c.bound(s)
	return known(newArray(operands[0].v.typ, s))
}

// spread returns the labels of a term. An ellipsis becomes n labels, the last n of wide
// capital numbers.
func spread(term string, n, wide int) []rune {
	before, after, ok := strings.Cut(term, "...")
	labels := []rune(before)
	if ok {
		for i := max(wide-max(n, 0), 0); i < wide; i++ {
			labels = append(labels, rune(i+1))
		}
	}
	return append(labels, []rune(after)...)
}

// implied returns the labels of a result that the equation leaves out: those of the ellipsis
// and those that appear once, in alphabetical order.
func implied(left string, wide int) []rune {
	var labels []rune
	for _, l := range left {
		if l != ',' && l != '.' && strings.Count(left, string(l)) == 1 {
			labels = append(labels, l)
		}
	}
	slices.Sort(labels)
	if strings.Contains(left, "...") {
		return append(spread("...", wide, wide), labels...)
	}
	return labels
}

// ordered puts the dimensions of o in the order of labels.
func (o labelled) ordered(labels []rune) labelled {
	order := make([]int, len(labels))
	for i, l := range labels {
		if order[i] = slices.Index(o.labels, l); order[i] < 0 {
			failf("label %c of the result is in no input", l)
		}
	}
	return labelled{o.v.permute(order...), labels}
}

// diagonal leaves one dimension of those with the same label.
func diagonal(o labelled) labelled {
	for i, l := range o.labels {
		j := slices.Index(o.labels[:i], l)
		if j < 0 {
			continue
		}
		n := o.v.shape[i]
		if o.v.shape[j] != n {
			failf("label %c is %d and %d", l, o.v.shape[j], n)
		}
		rest := slices.Delete(slices.Clone(o.labels), i, i+1)
		rest = slices.Delete(rest, j, j+1)
		order := []int{}
		for d := range o.labels {
			if d != i && d != j {
				order = append(order, d)
			}
		}
		v := o.v.permute(append(order, j, i)...)
		s := v.shape[:len(order)]
		start, step, size := make([]int, len(s)+1), make([]int, len(s)+1), append(s.Clone(), n)
		for d := range step {
			step[d] = 1
		}
		step[len(s)] = n + 1
		v = v.reshape(append(s.Clone(), n*n)).slice(start, step, size)
		return diagonal(labelled{v, append(rest, l)})
	}
	return o
}

// summed adds up the dimensions that are not to be kept.
func (c *call) summed(o labelled, keep func(rune) bool) labelled {
	var dims []int
	var rest []rune
	for d, l := range o.labels {
		if keep(l) {
			rest = append(rest, l)
		} else {
			dims = append(dims, d)
		}
	}
	if dims == nil {
		return o
	}
	sum := graph.Apply(graph.Reduce{Kind: graph.Sum, Axes: graph.Dims(dims...)}, c.value(o.v))
	return labelled{computed(o.v.typ, sum), rest}
}

// contract multiplies two operands and adds up the labels of both that are not to be kept.
func (c *call) contract(a, b labelled, keep func(rune) bool) labelled {
	a = c.summed(a, func(l rune) bool { return keep(l) || slices.Contains(b.labels, l) })
	b = c.summed(b, func(l rune) bool { return keep(l) || slices.Contains(a.labels, l) })
	var batch, rows, columns, inner []rune
	for _, l := range a.labels {
		switch shared := slices.Contains(b.labels, l); {
		case !shared:
			rows = append(rows, l)
		case keep(l):
			batch = append(batch, l)
		default:
			inner = append(inner, l)
		}
	}
	for _, l := range b.labels {
		if !slices.Contains(a.labels, l) {
			columns = append(columns, l)
		}
	}
	a = a.ordered(slices.Concat(batch, rows, inner))
	b = b.ordered(slices.Concat(batch, inner, columns))
	shared := func(v *value, at int) tensor.Shape { return v.shape[at:] }
	nb, nr, ni := len(batch), len(rows), len(inner)
	common := broadcast(a.v.shape[:nb], b.v.shape[:nb])
	between := broadcast(shared(a.v, nb+nr), b.v.shape[nb:nb+ni])
	s, t := a.v.shape[nb:nb+nr].Clone(), shared(b.v, nb+ni).Clone()
	av := a.v.expand(slices.Concat(common, s, between)).reshape(tensor.Shape{common.Len(), s.Len(), between.Len()})
	bv := b.v.expand(slices.Concat(common, between, t)).reshape(tensor.Shape{common.Len(), between.Len(), t.Len()})
	return labelled{c.matmul(av, bv).reshape(slices.Concat(common, s, t)), slices.Concat(batch, rows, columns)}
}
