package plan

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
)

// operand is what a binding refers to: a range of a value's memory or of a
// constant, or nothing for an absent arg.
type operand struct {
	value        int // index into Plan.lives, or -1
	constant     *graph.Value
	layout       shaders.Layout
	offset, size int64 // in bytes; size 0 means the whole operand
}

// lowerer builds a plan.
type lowerer struct {
	Plan
	lim    shaders.Limits
	choice Choice
	value  map[*graph.Value]int          // life of a root
	last   map[*graph.Value]*graph.Value // last op that needs a root; nil for outputs
	halves map[*graph.Value]bool         // weights that were looked at: whether f16 holds them
	lists  map[string][]shaders.Program  // by call: see listed
	fault  error                         // error in one of the caller's own programs
}

// New chooses programs for the ops of a graph and memory for its values. A buffer
// for values has at most most bytes. New is a pure function: the same graph, limits
// and choice give the same plan.
func New(g *graph.Graph, lim shaders.Limits, most int64, choice Choice) (*Plan, error) {
	if g == nil || len(g.Outputs) == 0 {
		return nil, errors.New("gpu: the graph has no outputs")
	}
	g = g.Fuse()
	var inputs, outputs []int // lives, or -1
	l := &lowerer{
		lim: lim, choice: choice,
		value: map[*graph.Value]int{}, last: map[*graph.Value]*graph.Value{},
		halves: map[*graph.Value]bool{}, lists: map[string][]shaders.Program{},
	}
	for _, v := range g.Nodes {
		for _, a := range v.Args {
			l.last[root(a)] = v
		}
	}
	for _, o := range g.Outputs {
		l.last[root(o.Value)] = nil
	}
	for _, v := range g.Inputs {
		l.value[v] = l.newLife(v.Shape.Len())
		l.needs(l.value[v])
		inputs = append(inputs, l.value[v])
	}
	for _, v := range g.Nodes {
		if v.Op == nil || root(v) != v {
			continue
		}
		if err := storable(v, most); err != nil {
			return nil, err
		}
		if err := l.op(v); err != nil {
			return nil, fmt.Errorf("gpu: %s: %w", origin(v), err)
		}
	}
	for _, o := range g.Outputs {
		r := root(o.Value)
		out, id := Output{Name: o.Name, Shape: o.Value.Shape}, -1
		switch {
		case r.Const == nil:
			id = l.value[r]
			l.needs(id)
		case !r.Const.Bound():
			return nil, fmt.Errorf("gpu: output %s: weight %s has no data", o.Name, r.Name)
		default:
			out.Constant = r.Tensor(nil)
		}
		l.Outputs, outputs = append(l.Outputs, out), append(outputs, id)
	}
	for _, v := range g.Inputs {
		if err := storable(v, most); err != nil {
			return nil, err
		}
	}
	if choice.F16Values {
		if err := l.narrow(g.Outputs); err != nil {
			return nil, err
		}
	}
	l.bindings()
	l.slots, l.Sizes, l.Bound = assign(l.lives, most)
	for _, id := range inputs {
		l.Inputs = append(l.Inputs, l.at(id))
	}
	for i, id := range outputs {
		if id >= 0 {
			l.Outputs[i].At = l.at(id)
		}
	}
	l.bind()
	p := l.Plan // without what made it
	return &p, nil
}

// origin names the input or the op that makes v, and its layer.
func origin(v *graph.Value) string {
	switch {
	case v.Op == nil:
		return "input " + v.Name
	case v.Name != "":
		return v.Name + ": " + v.Op.Name()
	}
	return v.Op.Name()
}

// storable returns an error if v is too large for a buffer. Splitting its op does
// not help.
func storable(v *graph.Value, most int64) error {
	if bytes := 4 * int64(v.Shape.Len()); bytes > most {
		err := fmt.Errorf("gpu: %s: a value of shape %v takes %d bytes, but the device's largest buffer has %d", origin(v), v.Shape, bytes, most)
		return &MemoryError{Bytes: bytes, Limit: most, Err: err}
	}
	return nil
}

// root follows reshapes to the value whose memory v shares.
func root(v *graph.Value) *graph.Value {
	for {
		if _, ok := v.Op.(graph.Reshape); !ok {
			return v
		}
		v = v.Args[0]
	}
}

// newLife adds a life of n elements that no step needs yet and returns its index.
func (l *lowerer) newLife(n int) int {
	l.lives = append(l.lives, life{bytes: 4 * int64(n), first: unborn})
	return len(l.lives) - 1
}

// unborn is the first step of a life that no step needs yet.
const unborn = -1

// needs records that the next step reads or writes life id.
func (l *lowerer) needs(id int) {
	v := &l.lives[id]
	if v.first == unborn {
		v.first = len(l.Steps)
	}
	v.last = len(l.Steps)
}

// op appends the steps of one op.
func (l *lowerer) op(v *graph.Value) error {
	c := shaders.Call{Op: v.Op, Args: v.ArgShapes(), Result: v.Shape}
	if len(l.listed(c, l.lim)) == 0 && l.fault == nil {
		return l.eval(v, c)
	}
	sections := l.sections(v)
	if sections == nil {
		return l.tooLarge(v)
	}
	arg, onto := l.onto(v)
	id := 0
	if onto {
		id = l.value[root(v.Args[arg])]
	} else {
		id = l.newLife(v.Shape.Len())
	}
	l.value[v] = id
	for _, c := range sections {
		if onto {
			c.Onto, c.programs = arg+1, nil
		}
		if err := l.dispatch(v, id, c); err != nil {
			return cmp.Or(l.fault, err)
		}
	}
	return l.fault
}

// onto returns the arg of v whose memory the result can take. No later op may need
// that arg, and no other arg of v may share its memory. Of several such args it
// returns the oldest.
func (l *lowerer) onto(v *graph.Value) (arg int, ok bool) {
	first := 0
next:
	for i, a := range v.Args {
		r := root(a)
		if l.choice.Apart || r.Op == nil || l.last[r] != v {
			continue
		}
		for j, b := range v.Args {
			if j != i && root(b) == r {
				continue next
			}
		}
		can := shaders.Call{Op: v.Op, Args: v.ArgShapes()}.CanOnto(i)
		if at := l.lives[l.value[r]].first; can && (!ok || at < first) {
			arg, first, ok = i, at, true
		}
	}
	return arg, ok
}

func (l *lowerer) tooLarge(v *graph.Value) error {
	big := v.Shape
	for _, s := range v.ArgShapes() {
		if s.Len() > big.Len() {
			big = s
		}
	}
	return fmt.Errorf("a value of shape %v takes %d bytes, but the device binds only %d at once, and the op cannot be split",
		big, 4*int64(big.Len()), l.lim.StorageBinding)
}

// dispatch appends the dispatches that compute a section of v into life id.
func (l *lowerer) dispatch(v *graph.Value, id int, c section) error {
	p, err := l.program(v, c)
	if err != nil {
		return err
	}
	p, kept := l.halved(v, c, p)
	operands := make([]operand, 0, len(v.Args)+1+len(p.Scratch))
	for i, a := range v.Args {
		o, err := l.operand(a, p.Pack[i])
		if err != nil {
			return err
		}
		operands = append(operands, c.offset(o, i, c.Args[i]))
	}
	operands = append(operands, c.offset(operand{value: id}, len(v.Args), c.Result))
	for _, n := range p.Scratch {
		operands = append(operands, operand{value: l.newLife(n)})
	}
	name := ""
	for k, kernel := range p.Kernels {
		if k == 0 || !kernel.Alike(p.Kernels[k-1]) {
			if name, err = kernel.Name(); err != nil {
				return fmt.Errorf("%s: %w", p.Name, err)
			}
		}
		s := Step{Op: v.Op.Name(), Layer: v.Name, Program: p.Name, Name: name, Kernel: kernel, Kept: kept, of: v}
		for d, n := range kernel.Grid {
			if n < 1 || n > l.lim.WorkgroupsPerDim {
				return fmt.Errorf("%s needs %d workgroups along dimension %d, but the device allows 1 to %d", p.Name, n, d, l.lim.WorkgroupsPerDim)
			}
		}
		for _, b := range kernel.Bindings {
			o := operand{value: -1}
			if b.Arg != shaders.Absent {
				o = operands[b.Arg]
			}
			if o.value >= 0 {
				l.needs(o.value)
			}
			s.operands = append(s.operands, o)
		}
		if k == 0 {
			s.FLOPs = graph.FLOPs(c.Op, c.Args, c.Result)
		}
		l.Steps = append(l.Steps, s)
	}
	return nil
}

// operand returns a whole arg as an operand.
func (l *lowerer) operand(a *graph.Value, layout shaders.Layout) (operand, error) {
	r := root(a)
	switch {
	case r.Const == nil:
		return operand{value: l.value[r]}, nil
	case !r.Const.Bound():
		return operand{}, fmt.Errorf("weight %s has no data", r.Name)
	}
	return operand{value: -1, constant: r, layout: layout}, nil
}

// eval appends a step that the host computes.
func (l *lowerer) eval(v *graph.Value, c shaders.Call) error {
	s := Step{Op: v.Op.Name(), Layer: v.Name, Program: OnCPU, Eval: &Eval{c.Op, c.Args, c.Result}}
	for _, a := range v.Args {
		o, err := l.operand(a, shaders.Layout{})
		if err != nil {
			return err
		}
		s.operands = append(s.operands, o)
	}
	l.value[v] = l.newLife(v.Shape.Len())
	s.operands = append(s.operands, operand{value: l.value[v]})
	for _, o := range s.operands {
		if o.value >= 0 {
			l.needs(o.value)
		}
	}
	s.FLOPs = graph.FLOPs(c.Op, c.Args, c.Result)
	l.Steps = append(l.Steps, s)
	return nil
}

// program picks a program for a section of v.
func (l *lowerer) program(v *graph.Value, c section) (shaders.Program, error) {
	able := c.programs
	if able == nil {
		able = l.programs(v, c)
	}
	if len(able) == 0 {
		return shaders.Program{}, fmt.Errorf("no program for arguments %v", c.Args)
	}
	switch {
	case l.choice.Program != nil:
		return able[l.choice.Program(c.Call, able)], nil
	case l.choice.Tuned != nil:
		return l.tuned(v, c, able), nil
	}
	return l.first(able), nil
}

// programs lists the programs for a section of v that this graph and the device
// allow. A program may change the layout of constants, but not of values.
func (l *lowerer) programs(v *graph.Value, c section) []shaders.Program {
	var able []shaders.Program
next:
	for _, p := range l.listed(c.Call, l.lim) {
		for i := range p.Pack {
			if root(v.Args[i]).Const == nil || c.at[i] != whole {
				continue next
			}
		}
		for _, n := range p.Scratch {
			if 4*int64(n) > l.lim.StorageBinding {
				continue next
			}
		}
		for _, k := range p.Kernels {
			if !l.binds(v, c.Args, k, p.Pack) {
				continue next
			}
		}
		able = append(able, p)
	}
	return able
}
