package gpu

import (
	"sync"

	"github.com/vertebra/vertebra/gpu/plan"
)

// fresh counts the kernels of a plan that were not compiled before, and tells
// Options.Compiling of each that is. A nil fresh counts nothing.
type fresh struct {
	tell func(done, total int)

	mu          sync.Mutex
	left        map[string]bool // names
	done, total int
}

// fresh returns the count for the steps of a plan, or nil if nobody wants it.
func (d *Device) fresh(steps []plan.Step) *fresh {
	if d.compiling == nil {
		return nil
	}
	f := &fresh{tell: d.compiling, left: map[string]bool{}}
	seen := map[string]bool{}
	for _, s := range steps {
		if s.Eval != nil || seen[s.Name] {
			continue
		}
		seen[s.Name] = true
		if text, err := s.Kernel.Source(); err == nil && !d.compiled(text) {
			f.left[s.Name] = true
		}
	}
	f.total = len(f.left)
	return f
}

// ready counts the kernel with a name.
func (f *fresh) ready(name string) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left[name] {
		delete(f.left, name)
		f.done++
		f.tell(f.done, f.total)
	}
}
