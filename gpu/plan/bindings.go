package plan

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

// bindings records how kernels bind values: how many bytes a dispatch sees, which
// values must not share a buffer, and how much room a pane needs behind a value's
// offset.
func (l *lowerer) bindings() {
	type pair struct{ a, b int }
	seen := map[pair]bool{}
	for at := range l.Steps {
		s := &l.Steps[at]
		if s.Eval != nil { // not a dispatch
			for _, o := range s.operands {
				s.Bytes += l.seen(shaders.Binding{}, o)
			}
			continue
		}
		for i, w := range s.operands {
			b := s.Kernel.Bindings[i]
			s.Bytes += l.seen(b, w)
			if w.value >= 0 && b.Access == shaders.Uniform {
				room, pane := &l.lives[w.value].room, int64(shaders.Pane)
				if b.Size > 0 {
					pane = b.Size
				}
				*room = max(*room, w.offset+b.Offset+pane)
			}
			if w.value < 0 || b.Access != shaders.ReadWrite {
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
}

// bind sets the bindings of each step. All values have their slots by then.
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
				b.Constant, b.Layout = o.constant, o.layout
				b.Half = s.Eval == nil && s.Kernel.Bindings[i].Half
			}
			if s.Eval == nil {
				b.narrow(s.Kernel.Bindings[i])
			}
			s.Bindings = append(s.Bindings, b)
		}
	}
}

// narrow applies a kernel's offset and size to the binding of a whole operand.
func (b *Binding) narrow(k shaders.Binding) {
	b.Offset += k.Offset
	if b.Size > 0 {
		b.Size -= min(b.Size, k.Offset)
	}
	switch {
	case k.Size > 0:
		b.Size = k.Size
	case k.Access == shaders.Uniform:
		b.Size = shaders.Pane
	}
}

// at returns the memory of life id.
func (l *lowerer) at(id int) Range {
	return Range{l.slots[id].buffer, l.slots[id].offset, l.lives[id].bytes}
}

// seen returns how many bytes of an operand a kernel sees through binding b.
func (l *lowerer) seen(b shaders.Binding, o operand) int64 {
	n := o.size
	switch {
	case n > 0:
	case o.value >= 0:
		n = l.lives[o.value].bytes
	case o.constant != nil:
		n = 4 * int64(o.constant.Shape.Len())
		if b.Half {
			n /= 2
		}
	}
	n = max(n-b.Offset, 0)
	switch {
	case b.Size > 0:
		n = min(n, b.Size)
	case b.Access == shaders.Uniform:
		n = min(n, shaders.Pane)
	}
	return n
}

// binds reports whether the device allows k's bindings. They must not be too many. A
// constant that k binds whole must fit the limit, and one that k binds through a
// pane must have a layout for panes.
func (l *lowerer) binds(v *graph.Value, shapes []tensor.Shape, k shaders.Kernel, packs map[int]shaders.Layout) bool {
	buffers := 0
	for _, b := range k.Bindings {
		if b.Access != shaders.Uniform {
			buffers++
		}
	}
	if buffers > l.lim.StorageBuffers {
		return false
	}
	for _, b := range k.Bindings {
		if b.Arg < 0 || b.Arg >= len(shapes) || root(v.Args[b.Arg]).Const == nil {
			continue
		}
		pane := b.Access == shaders.Uniform
		whole := !pane && b.Size == 0
		if whole && !l.bindable(shapes[b.Arg]) || pane && packs[b.Arg].Pack == nil {
			return false
		}
	}
	return true
}
