package passes

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// PatchMerges finds a PatchMerge in the Concat of every second row and column of a map, as
// Swin has it between its stages, and YOLOX, with the channels first, before its first layer.
func PatchMerges(g *graph.Graph) *graph.Graph {
	return rewrite(g, func(r *rewriter, v *graph.Value) *graph.Value {
		op, ok := v.Op.(graph.Concat)
		if !ok || len(v.Args) != 4 || len(v.Shape) != 4 {
			return r.same(v)
		}
		axis := op.Along(4)
		rows := map[int]int{3: 1, 1: 2}[axis] // the dimension of the rows
		if rows == 0 {
			return r.same(v)
		}
		x := (*graph.Value)(nil)
		for i, a := range v.Args {
			of, start := everySecond(a, rows)
			if of == nil || x != nil && of != x || start != (graph.Pair{i % 2, i / 2}) {
				return r.same(v)
			}
			x = of
		}
		if axis == 3 {
			return r.at[x].PatchMerge()
		}
		return r.at[x].Permute(0, 2, 3, 1).PatchMerge().Permute(0, 3, 1, 2)
	})
}

// everySecond returns the value of which v [B, .., .., ..] has every second row and column, and
// the first ones. The rows' dimension is followed by that of the columns. Both extents are even.
func everySecond(v *graph.Value, rows int) (x *graph.Value, start graph.Pair) {
	to, step := v.Shape, graph.Both(1)
	for x = v; ; x = x.Args[0] {
		op, ok := x.Op.(graph.Slice)
		if !ok {
			break
		}
		first, by, _, err := op.Ranges(x.Args[0].Shape)
		if err != nil {
			return nil, start
		}
		for d, s := range by {
			if d != rows && d != rows+1 && s != 1 {
				return nil, start
			}
		}
		for d := range 2 {
			start[d] = first[rows+d] + by[rows+d]*start[d]
			step[d] *= by[rows+d]
		}
	}
	want := to.Clone()
	want[rows], want[rows+1] = 2*want[rows], 2*want[rows+1]
	if step != graph.Both(2) || !x.Shape.Equal(want) {
		return nil, start
	}
	return x, start
}

// addsTo reports whether an addition of a whole value can move into the op that makes v.
func addsTo(v *graph.Value) bool {
	switch op := v.Op.(type) {
	case graph.Linear:
		return !op.Residual && op.Act == graph.None
	case graph.Conv2d:
		return !op.Residual && op.Act == graph.None
	case graph.Binary:
		if op.Kind != graph.Add || op.Then[0].Fn != 0 {
			return false
		}
		for i, w := range v.Args {
			if _, ok := perChannel(w, v.Shape); ok && v.Args[1-i].Shape.Equal(v.Shape) {
				return addsTo(v.Args[1-i])
			}
		}
	}
	return false
}

// SinkAdditions moves the Reshape of a layer's result past the addition after it, so that
// graph.Fuse finds the two side by side.
func SinkAdditions(g *graph.Graph) *graph.Graph {
	return rewrite(g, func(r *rewriter, v *graph.Value) *graph.Value {
		if v.Op != (graph.Binary{Kind: graph.Add}) || !v.Args[0].Shape.Equal(v.Args[1].Shape) {
			return r.same(v)
		}
		for i, a := range v.Args {
			if _, ok := a.Op.(graph.Reshape); !ok || r.uses[a] != 1 || r.uses[a.Args[0]] != 1 || !addsTo(a.Args[0]) {
				continue
			}
			x := r.at[a.Args[0]]
			return x.Add(reshaped(r.at[v.Args[1-i]], tensor.Shape(x.Shape))).Reshape(v.Shape...)
		}
		return r.same(v)
	})
}
