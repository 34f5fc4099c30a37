package passes

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// relative matches scores with SAM's relative positions. Scores [.., QH·QW, KH·KW] of b heads are
// seen as [b, QH, QW, KH, KW], where rel_h [b, QH, QW, KH, 1] and rel_w [b, QH, QW, 1, KW] are
// added. It returns the scores before that, or nil.
func (r *rewriter) relative(v *graph.Value, a *attention) *graph.Value {
	if _, ok := v.Op.(graph.Reshape); !ok || r.uses[v] != 1 || a.rel != nil || len(v.Args[0].Shape) != 5 {
		return nil
	}
	sum := v.Args[0]
	s, n := sum.Shape, len(v.Shape)
	if n < 3 || v.Shape[n-2] != s[1]*s[2] || v.Shape[n-1] != s[3]*s[4] {
		return nil
	}
	high, wide := tensor.Shape{s[0], s[1], s[2], s[3], 1}, tensor.Shape{s[0], s[1], s[2], 1, s[4]}
	var relH, relW *graph.Value
	for range 2 {
		if sum.Op != (graph.Binary{Kind: graph.Add}) || r.uses[sum] != 1 {
			return nil
		}
		x, rel := sum.Args[0], sum.Args[1]
		if !x.Shape.Equal(s) {
			x, rel = rel, x
		}
		switch {
		case !x.Shape.Equal(s):
			return nil
		case relH == nil && rel.Shape.Equal(high):
			relH = rel
		case relW == nil && rel.Shape.Equal(wide):
			relW = rel
		default:
			return nil
		}
		sum = x
	}
	if _, ok := sum.Op.(graph.Reshape); !ok || r.uses[sum] != 1 || !sum.Args[0].Shape.Equal(v.Shape) {
		return nil
	}
	a.rel, a.grid = []*graph.Value{relH, relW}, graph.Pair{s[3], s[4]}
	return sum.Args[0]
}
