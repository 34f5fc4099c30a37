package onnx

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
)

// rows says that only the first of a value's indices along a dimension exist. Their number
// is a result of the graph with one element. Nothing that exists depends on the others.
type rows struct {
	n     *graph.Value
	along int
}

// counted returns v, of which only the first n indices along a dimension exist.
func counted(v *value, along int, n *graph.Value) *value {
	if v.host != nil && v.shape.Len() == 0 {
		return v // there are none, whatever n is
	}
	w := *v
	w.rows = &rows{n, along}
	return &w
}

// alike reports whether two values are the same because the same ops make them of the same
// values.
func alike(a, b *graph.Value) bool { return alikeTo(a, b, 8) }

func alikeTo(a, b *graph.Value, depth int) bool {
	switch {
	case a == b:
		return true
	case a.Const != nil && b.Const != nil:
		x, y := a.Const.Data, b.Const.Data
		return len(x) == 1 && len(y) == 1 && x[0] == y[0]
	case depth == 0 || a.Op == nil || a.Op != b.Op || len(a.Args) != len(b.Args):
		return false
	}
	for i := range a.Args {
		if !alikeTo(a.Args[i], b.Args[i], depth-1) {
			return false
		}
	}
	return true
}

// once makes a value of the graph once, and returns it again for the same key.
func (c *call) once(key string, build func() *graph.Value) *graph.Value {
	v := c.im.memo[key]
	if v == nil {
		v = build()
		c.im.memo[key] = v
	}
	return v
}

// upTo is 0, 1 and so on to n − 1.
func (c *call) upTo(n int) *graph.Value {
	if n > mostExact {
		failf("%d places, more than 2^24", n)
	}
	return c.once(fmt.Sprintf("up to %d", n), func() *graph.Value {
		const long = 1 << 12 // for a constant
		if n > long {
			return graph.Apply(graph.CumSum{Exclusive: true}, c.scalar(1).Reshape(1).Expand(n))
		}
		all := make([]float32, n)
		for i := range all {
			all[i] = float32(i)
		}
		return c.constant(all, n)
	})
}

// exist is 1 for the first n of most indices, and 0 for the others.
func (c *call) exist(n *graph.Value, most int) *graph.Value {
	return c.once(fmt.Sprintf("exist %p %d", n, most), func() *graph.Value { return c.binary(graph.Less, c.upTo(most), n) })
}

func (c *call) binary(k graph.BinaryKind, a, b *graph.Value) *graph.Value {
	return graph.Apply(graph.Binary{Kind: k}, a, b)
}

func (c *call) sum(v *graph.Value) *graph.Value {
	return graph.Apply(graph.Reduce{Kind: graph.Sum}, v)
}

// along gives a list the place of one dimension of rank.
func along(list *graph.Value, dimension, rank int) *graph.Value {
	s := make([]int, rank-dimension)
	for d := range s {
		s[d] = 1
	}
	s[0] = list.Shape[0]
	return list.Reshape(s...)
}

// blanked is v, where all indices exist: the others have a number.
func (c *call) blanked(v *value, fill float64) *value {
	if v.rows == nil {
		return v
	}
	r := v.rows
	w := computed(v.typ, c.once(fmt.Sprintf("blanked %p %p %d %g", v.dev, r.n, r.along, fill), func() *graph.Value {
		return along(c.exist(r.n, v.shape[r.along]), r.along, len(v.shape)).Where(v.dev, c.scalar(fill))
	}))
	w.needs, w.index = v.needs, v.index && fill >= 0
	return w
}

// times is n · k.
func (c *call) times(n *graph.Value, k int) *graph.Value {
	if k == 1 {
		return n
	}
	return c.binary(graph.Mul, n, c.scalar(float64(k)))
}

// per is n / k. It reports false if n is no multiple of k for certain.
func (c *call) per(n *graph.Value, k int) (*graph.Value, bool) {
	if k == 1 {
		return n, true
	}
	if n.Op != (graph.Binary{Kind: graph.Mul}) || n.Args[1].Const == nil || len(n.Args[1].Const.Data) != 1 {
		return nil, false
	}
	by := int(n.Args[1].Const.Data[0])
	return c.times(n.Args[0], by/k), by%k == 0
}

// less is max(n − k, 0).
func (c *call) less(n *graph.Value, k int) *graph.Value {
	if k == 0 {
		return n
	}
	return c.binary(graph.Maximum, c.binary(graph.Sub, n, c.scalar(float64(k))), c.scalar(0))
}

// atMost is min(n, k), for an n of up to most.
func (c *call) atMost(n *graph.Value, most, k int) *graph.Value {
	if most <= k {
		return n
	}
	return c.binary(graph.Minimum, n, c.scalar(float64(k)))
}

// firstRows returns the first n indices of a along a dimension.
func (a *Array) firstRows(along, n int) *Array {
	s := a.Shape.Clone()
	s[along] = n
	return a.strided(s, 0, a.Shape.Strides())
}

// filled is a value of the graph with a number everywhere.
func (c *call) filled(t Type, x float64, s []int) *value {
	one := make([]int, len(s))
	for d := range one {
		one[d] = 1
	}
	return computed(t, c.scalar(x).Reshape(one...).Expand(s...))
}
