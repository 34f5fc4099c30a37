package passes

import (
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// reshape reshapes a stored value. Dimensions that the Reshape joins or splits must lie side by
// side, in their order; if they do not, a Permute brings them together, and leaves the rest.
func (s *sinker) reshape(v *graph.Value) (stored, bool) {
	w := s.of(v.Args[0])
	if plain(w.order) {
		return stored{}, false
	}
	groups, ok := grouped(v.Args[0].Shape, v.Shape)
	if !ok {
		return stored{}, false
	}
	// The place of each group's last dimension in the stored value: its elements stay near.
	shape := v.Args[0].Shape
	type placed struct{ group, at int }
	var places []placed
	for i, g := range groups {
		at := -1
		for _, d := range g.from {
			if shape[d] != 1 {
				at = w.order[d]
			}
		}
		if at < 0 && i > 0 {
			at = places[i-1].at // without elements of its own, it goes where the one before is
		}
		places = append(places, placed{i, at})
	}
	slices.SortStableFunc(places, func(a, b placed) int { return a.at - b.at })
	var together, to []int
	order := make([]int, len(v.Shape))
	for _, p := range places {
		for _, d := range groups[p.group].from {
			together = append(together, w.order[d])
		}
		for _, d := range groups[p.group].to {
			order[d] = len(to)
			to = append(to, v.Shape[d])
		}
	}
	return stored{reshaped(permuted(w.v, together), to), order}, true
}

// group is dimensions of a shape that become dimensions of another one with as many elements.
type group struct{ from, to []int }

// grouped cuts a Reshape into the smallest groups.
func grouped(from, to tensor.Shape) ([]group, bool) {
	var groups []group
	i, j := 0, 0
	for i < len(from) || j < len(to) {
		g, a, b := group{}, 1, 1
		for first := true; first || a != b; first = false {
			switch {
			case a <= b && i < len(from):
				a *= from[i]
				g.from = append(g.from, i)
				i++
			case j < len(to):
				b *= to[j]
				g.to = append(g.to, j)
				j++
			case i < len(from):
				a *= from[i]
				g.from = append(g.from, i)
				i++
			default:
				return nil, false
			}
			if a == b && len(g.to) == 0 && j < len(to) && to[j] == 1 {
				g.to = append(g.to, j)
				j++
			}
		}
		groups = append(groups, g)
	}
	return groups, true
}
