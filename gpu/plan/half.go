package plan

import (
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

// first returns the best guess. With f16 weights that is the first that allows them.
func (l *lowerer) first(able []shaders.Program) shaders.Program {
	i := 0
	if l.choice.F16 {
		i = slices.IndexFunc(able, func(p shaders.Program) bool { return !p.Exact() })
	}
	return able[max(i, 0)]
}

// halved returns p with its weight as f16 if the caller wants that, the weight is a whole
// constant, and p can read it. kept reports that the weight's values forbid it.
func (l *lowerer) halved(v *graph.Value, c section, p shaders.Program) (_ shaders.Program, kept bool) {
	if !l.choice.F16 {
		return p, false
	}
	q, arg, ok := p.Halved(c.Op)
	if !ok || c.at[arg] != whole {
		return p, false
	}
	r := root(v.Args[arg])
	if r.Const == nil || !r.Const.Bound() {
		return p, false
	}
	for i := range q.Kernels {
		q.Kernels[i].F16 = l.lim.F16
	}
	if r.Const.Halves != nil && r.Scale == nil {
		return q, false
	}
	fits, known := l.halves[r]
	if !known {
		fits = tensor.FitsHalf(r.Tensor(&tensor.Scratch{}).Data)
		l.halves[r] = fits
		if r.Const.Unload != nil {
			r.Const.Unload()
		}
	}
	if !fits {
		return p, true
	}
	return q, false
}
