package graph

import "slices"

// late moves an op to just before the first use of its result, if the result is
// larger than the args that the op is the last to use. Memory for the result is
// then taken later. A decoder's up-sampling, for example, then runs after the ops
// that do not need it.
func (g *Graph) late() {
	output := map[*Value]bool{}
	for _, o := range g.Outputs {
		output[o.Value] = true
	}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		v := g.Nodes[i]
		if v.Op == nil || output[v] {
			continue
		}
		first := i + 1
		for first < len(g.Nodes) && !slices.Contains(g.Nodes[first].Args, v) {
			first++
		}
		if first == i+1 || first == len(g.Nodes) || !g.grows(i) {
			continue
		}
		copy(g.Nodes[i:], g.Nodes[i+1:first])
		g.Nodes[first-1] = v
	}
}

// grows reports whether the result of op i is larger than the sum of the args that
// no later op uses. The result of a Reshape always counts as such an arg.
func (g *Graph) grows(i int) bool {
	v := g.Nodes[i]
	if _, free := v.Op.(Reshape); free {
		return false
	}
	n := v.Shape.Len()
	for _, a := range v.Args {
		_, shared := a.Op.(Reshape)
		later := func(w *Value) bool { return slices.Contains(w.Args, a) }
		if a.Const == nil && (shared || !slices.ContainsFunc(g.Nodes[i+1:], later)) {
			n -= a.Shape.Len()
		}
	}
	return n > 0
}
