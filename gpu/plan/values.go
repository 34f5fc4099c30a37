package plan

import (
	"cmp"
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
)

// narrow stores values as f16 that all their kernels can write and read so. Inputs and
// outputs stay f32, and so do sums of parts, which would be rounded part by part.
func (l *lowerer) narrow(outputs []graph.Output) error {
	able := make([]bool, len(l.lives))
	for v, id := range l.value {
		able[id] = v.Op != nil
	}
	for _, o := range outputs {
		if id, ok := l.value[root(o.Value)]; ok {
			able[id] = false
		}
	}
	type part struct {
		life int
		of   *graph.Value
	}
	adding, parts := map[part]bool{}, map[part]int{}
	for _, s := range l.Steps {
		for i, o := range s.operands {
			if o.value < 0 || !able[o.value] {
				continue
			}
			if s.Eval != nil || o.offset > 0 || o.size > 0 {
				able[o.value] = false
				continue
			}
			k := s.Kernel
			k.F16 = l.lim.F16
			holds, rereads := k.Holds(i)
			able[o.value] = holds
			if k.Bindings[i].Access == shaders.ReadWrite {
				p := part{o.value, s.of}
				parts[p]++
				adding[p] = adding[p] || rereads
			}
		}
	}
	for p, n := range parts {
		if n > 1 && adding[p] {
			able[p.life] = false
		}
	}
	for id := range l.lives {
		if able[id] {
			l.lives[id].bytes = (l.lives[id].bytes/4 + 1) / 2 * 4
		}
	}
	for i := range l.Steps {
		s, name := &l.Steps[i], ""
		for j, o := range s.operands {
			if o.value < 0 || !able[o.value] {
				continue
			}
			if name == "" {
				s.Kernel.Bindings = slices.Clone(s.Kernel.Bindings)
			}
			s.Kernel.Bindings[j].Half, s.Kernel.F16 = true, l.lim.F16
			var err error
			if name, err = s.Kernel.Name(); err != nil {
				return err
			}
		}
		s.Name = cmp.Or(name, s.Name)
	}
	return nil
}
