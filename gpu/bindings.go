package gpu

import (
	"fmt"

	"github.com/rajveermalviya/go-webgpu/wgpu"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

// bindings notes what follows from the ways in which kernels bind values: how
// many bytes a dispatch sees, which values it writes while it reads others, and
// how much is seen of those that are read through windows.
func (l *lowerer) bindings() error {
	kinds := map[string][]wgpu.BufferBindingType{}
	type pair struct{ a, b int }
	seen := map[pair]bool{}
	for at := range l.steps {
		s := &l.steps[at]
		k, ok := kinds[s.kernel.Source]
		if !ok {
			var err error
			if k, err = bindingKinds(s.kernel.Source); err != nil {
				return fmt.Errorf("gpu: %s: %w", s.program, err)
			}
			kinds[s.kernel.Source] = k
		}
		for i, w := range s.bind {
			s.bytes += l.seen(s.kernel, i, w, k[i])
			if w.value >= 0 && k[i] == wgpu.BufferBindingType_Uniform {
				room, window := &l.lives[w.value].room, int64(shaders.Window)
				if s.kernel.Size != nil && s.kernel.Size[i] > 0 {
					window = s.kernel.Size[i]
				}
				*room = max(*room, w.offset+s.kernel.Offset[i]+window)
			}
			if w.value < 0 || k[i] != wgpu.BufferBindingType_Storage {
				continue
			}
			for _, r := range s.bind {
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

// seen is how many bytes of an operand kernel k sees through binding i.
func (l *lowerer) seen(k shaders.Kernel, i int, o operand, kind wgpu.BufferBindingType) int64 {
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
	case kind == wgpu.BufferBindingType_Uniform:
		n = min(n, shaders.Window)
	}
	return n
}

// binds reports whether k binds no more than the device allows, whole only
// constants that can be, and through windows only those that are laid out for
// them.
func (l *lowerer) binds(v *graph.Value, shapes []tensor.Shape, k shaders.Kernel, packs map[int]shaders.Packing) bool {
	kinds, err := bindingKinds(k.Source)
	if err != nil {
		return false
	}
	buffers := 0
	for _, kind := range kinds {
		if kind != wgpu.BufferBindingType_Uniform {
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
		window := kinds[i] == wgpu.BufferBindingType_Uniform
		whole := !window && (k.Size == nil || k.Size[i] == 0)
		if whole && !l.bindable(shapes[b]) || window && packs[b].Pack == nil {
			return false
		}
	}
	return true
}
