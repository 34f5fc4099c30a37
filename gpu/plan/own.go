package plan

import (
	"fmt"

	"github.com/vertebra/vertebra/shaders"
)

// listed lists the programs for a call, the caller's own first. If one of these is
// not valid, listed leaves it out and sets l.fault. It lists once for equal calls, since
// networks repeat their blocks. The caller does not change the list.
func (l *lowerer) listed(c shaders.Call, lim shaders.Limits) []shaders.Program {
	call := fmt.Sprintf("%#v %v %v %d %v %d", c.Op, c.Args, c.Result, c.Onto, c.Part, lim.StorageBinding)
	all, known := l.lists[call]
	if !known || l.choice.Own != nil {
		all = l.list(c, lim)
		l.lists[call] = all
	}
	return all
}

// list is listed, made anew.
func (l *lowerer) list(c shaders.Call, lim shaders.Limits) []shaders.Program {
	var all []shaders.Program
	if l.choice.Own != nil {
		for _, p := range l.choice.Own(c, lim) {
			if err := valid(p, len(c.Args)); err != nil {
				l.fault = fmt.Errorf("own program %s: %w", p.Name, err)
				continue
			}
			all = append(all, p)
		}
	}
	if l.choice.Search {
		return append(all, shaders.Search(c, lim)...)
	}
	return append(all, shaders.Programs(c, lim)...)
}

// valid returns an error if a program for an op with the given number of args is
// not valid.
func valid(p shaders.Program, args int) error {
	if len(p.Kernels) == 0 {
		return fmt.Errorf("it has no kernels")
	}
	for i := range p.Pack {
		if i < 0 || i >= args {
			return fmt.Errorf("it has a layout for arg %d, but the op has %d args", i, args)
		}
	}
	for _, n := range p.Scratch {
		if n < 1 {
			return fmt.Errorf("it has scratch of %d elements", n)
		}
	}
	for _, k := range p.Kernels {
		if _, err := k.Sizes.Words(); err != nil {
			return err
		}
		for i, b := range k.Bindings {
			switch {
			case b.Arg < shaders.Absent || b.Arg > args+len(p.Scratch):
				return fmt.Errorf("kernel %s binds number %d, but there are only %d args, the result and %d scratch values", k.File, b.Arg, args, len(p.Scratch))
			case b.Access > shaders.Uniform || b.Offset < 0 || b.Offset%slotAlign != 0 || b.Size < 0:
				return fmt.Errorf("kernel %s: binding %d is not valid: %+v", k.File, i, b)
			}
		}
	}
	return nil
}
