package graph

import "slices"

// late moves each op to just before the first that needs its result, if that
// is larger than what the op is the last to need: memory for it is taken later
// then. Ops that grow what they are given, such as a decoder's up-sampling,
// come after what does not need them yet.
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

// grows reports whether op i's result is larger than those args, together, that
// no later op needs; args that share memory count as such.
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
