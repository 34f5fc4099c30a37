package plan

import (
	"fmt"

	"github.com/vertebra/vertebra/shaders"
)

// listed lists the ways to compute a call, the caller's own first. What is wrong
// with one of these becomes the lowerer's fault.
func (l *lowerer) listed(c shaders.Call, lim shaders.Limits) []shaders.Program {
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
	return append(all, shaders.Programs(c, lim)...)
}

// valid says what is wrong with a program for an op of so many args.
func valid(p shaders.Program, args int) error {
	if len(p.Kernels) == 0 {
		return fmt.Errorf("no kernels")
	}
	for i := range p.Pack {
		if i < 0 || i >= args {
			return fmt.Errorf("a layout for arg %d of %d", i, args)
		}
	}
	for _, n := range p.Scratch {
		if n < 1 {
			return fmt.Errorf("scratch of %d elements", n)
		}
	}
	for _, k := range p.Kernels {
		if _, err := k.Sizes.Words(); err != nil {
			return err
		}
		for i, b := range k.Bindings {
			switch {
			case b.Arg < shaders.Absent || b.Arg > args+len(p.Scratch):
				return fmt.Errorf("kernel %s binds number %d; there are %d args, the result and %d of scratch", k.File, b.Arg, args, len(p.Scratch))
			case b.Access > shaders.Uniform || b.Offset < 0 || b.Offset%slotAlign != 0 || b.Size < 0:
				return fmt.Errorf("kernel %s: binding %d is %+v", k.File, i, b)
			}
		}
	}
	return nil
}
