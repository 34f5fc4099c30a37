package plan

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

// bindings notes what follows from the ways in which kernels bind values: how
// many bytes a dispatch sees, which values it writes while it reads others, and
// how much is seen of those that are read through windows.
func (l *lowerer) bindings() error {
	kinds := map[string][]shaders.Access{}
	type pair struct{ a, b int }
	seen := map[pair]bool{}
	for at := range l.Steps {
		s := &l.Steps[at]
		k, ok := kinds[s.Kernel.Source]
		if !ok {
			var err error
			if k, err = shaders.Accesses(s.Kernel.Source); err != nil {
				return fmt.Errorf("gpu: %s: %w", s.Program, err)
			}
			kinds[s.Kernel.Source] = k
		}
		s.Access = k
		for i, w := range s.operands {
			s.Bytes += l.seen(s.Kernel, i, w, k[i])
			if w.value >= 0 && k[i] == shaders.Uniform {
				room, window := &l.lives[w.value].room, int64(shaders.Window)
				if s.Kernel.Size != nil && s.Kernel.Size[i] > 0 {
					window = s.Kernel.Size[i]
				}
				*room = max(*room, w.offset+s.Kernel.Offset[i]+window)
			}
			if w.value < 0 || k[i] != shaders.ReadWrite {
				continue
			}
			for _, r := range s.operands {
				if r.value < 0 || r.value == w.value || seen[pair{w.value, r.value}] {
					continue
				}
				seen[pair{w.value, r.value}], seen[pair{r.value, w.value}] = true, true
				l.lives[w.value].rivals = append(l.lives[w.value].rivals, r.value)
				l.lives[r.value].rivals = append(l.lives[r.value].rivals, w.value)
			}
		}
	}
	return nil
}

// bind notes what each binding of each step refers to, once all values have
// their slots.
func (l *lowerer) bind() {
	for at := range l.Steps {
		s := &l.Steps[at]
		for i, o := range s.operands {
			b := Binding{Range: Range{Buffer: -1, Offset: o.offset, Size: o.size}}
			switch {
			case o.value >= 0:
				whole := l.at(o.value)
				b.Buffer, b.Offset = whole.Buffer, b.Offset+whole.Offset
				if b.Size == 0 {
					b.Size = whole.Size
				}
			case o.constant != nil:
				b.Constant, b.Packing = o.constant, o.packing
			}
			b.narrow(s.Kernel, i, s.Access[i])
			s.Bindings = append(s.Bindings, b)
		}
	}
}

// narrow applies a kernel's offset and size to a binding of all of a value.
func (b *Binding) narrow(k shaders.Kernel, i int, access shaders.Access) {
	if k.Offset != nil {
		b.Offset += k.Offset[i]
		if b.Size > 0 {
			b.Size -= min(b.Size, k.Offset[i])
		}
	}
	switch {
	case k.Size != nil && k.Size[i] > 0:
		b.Size = k.Size[i]
	case access == shaders.Uniform:
		b.Size = shaders.Window
	}
}

// at is the memory of life id.
func (l *lowerer) at(id int) Range {
	return Range{l.slots[id].buffer, l.slots[id].offset, l.lives[id].bytes}
}

// seen is how many bytes of an operand kernel k sees through binding i.
func (l *lowerer) seen(k shaders.Kernel, i int, o operand, access shaders.Access) int64 {
	n := o.size
	switch {
	case n > 0:
	case o.value >= 0:
		n = l.lives[o.value].bytes
	case o.constant != nil:
		n = 4 * int64(o.constant.Shape.Len())
	}
	if k.Offset != nil {
		n = max(n-k.Offset[i], 0)
	}
	switch {
	case k.Size != nil && k.Size[i] > 0:
		n = min(n, k.Size[i])
	case access == shaders.Uniform:
		n = min(n, shaders.Window)
	}
	return n
}

// binds reports whether k binds no more than the device allows, whole only
// constants that can be, and through windows only those that are laid out for
// them.
func (l *lowerer) binds(v *graph.Value, shapes []tensor.Shape, k shaders.Kernel, packs map[int]shaders.Packing) bool {
	kinds, err := shaders.Accesses(k.Source)
	if err != nil {
		return false
	}
	buffers := 0
	for _, kind := range kinds {
		if kind != shaders.Uniform {
			buffers++
		}
	}
	if buffers > l.lim.StorageBuffers {
		return false
	}
	for i, b := range k.Bind {
		if b < 0 || b >= len(shapes) || root(v.Args[b]).Const == nil {
			continue
		}
		window := kinds[i] == shaders.Uniform
		whole := !window && (k.Size == nil || k.Size[i] == 0)
		if whole && !l.bindable(shapes[b]) || window && packs[b].Pack == nil {
			return false
		}
	}
	return true
}
