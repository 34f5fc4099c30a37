package gpu

import (
	"fmt"

	"github.com/rajveermalviya/go-webgpu/wgpu"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

// Choice decides what Compile otherwise decides by itself.
type Choice struct {
	// Program picks one of the programs that can compute op; the list is never
	// empty, the device's best guess first. Nil picks the first.
	Program func(op graph.Op, args []tensor.Shape, programs []shaders.Program) int

	// Unfused leaves the graph as it was traced.
	Unfused bool

	// Apart keeps results out of the memory of what they are added to.
	Apart bool
}

// step is one dispatch of a plan.
type step struct {
	op, layer, program string
	kernel             shaders.Kernel
	bind               []operand
	flops, bytes       int64
}

// operand is what a storage binding refers to: a range of a value's memory or
// of a constant, or neither, for an absent arg.
type operand struct {
	value        int // index into listing.lives, or -1
	constant     *graph.Value
	packing      shaders.Packing
	offset, size int64 // bytes; all of it if size is 0
}

// listing is a graph turned into dispatches: all of a plan but its GPU objects.
type listing struct {
	steps   []step
	lives   []life
	slots   []slot  // of each life
	sizes   []int64 // of each buffer
	bound   int64
	inputs  []int // lives
	outputs []output
}

type output struct {
	name     string
	shape    tensor.Shape
	value    int // life, or -1
	constant *tensor.Tensor
}

// lowerer builds a listing.
type lowerer struct {
	listing
	lim    shaders.Limits
	choice Choice
	value  map[*graph.Value]int          // life of a root
	last   map[*graph.Value]*graph.Value // op that needs a root last; nil for outputs
}

// lower chooses programs for the ops of a graph and memory for its values. It
// is a pure function: the same graph, limits and choice give the same listing.
// No buffer for values is larger than most.
func lower(g *graph.Graph, lim shaders.Limits, most int64, choice Choice) (*listing, error) {
	if !choice.Unfused {
		g = g.Fuse()
	}
	l := &lowerer{lim: lim, choice: choice, value: map[*graph.Value]int{}, last: map[*graph.Value]*graph.Value{}}
	for _, v := range g.Nodes {
		for _, a := range v.Args {
			l.last[root(a)] = v
		}
	}
	for _, o := range g.Outputs {
		l.last[root(o.Value)] = nil
	}
	for _, v := range g.Inputs {
		l.inputs = append(l.inputs, l.newLife(v, 0))
	}
	for _, v := range g.Nodes {
		if v.Op == nil || root(v) != v {
			continue
		}
		if err := l.op(v); err != nil {
			return nil, fmt.Errorf("gpu: %s: %w", origin(v), err)
		}
	}
	for _, o := range g.Outputs {
		r := root(o.Value)
		out := output{name: o.Name, shape: o.Value.Shape, value: -1, constant: r.Const}
		if r.Const == nil {
			out.value = l.value[r]
			l.lives[out.value].last = len(l.steps)
		}
		l.outputs = append(l.outputs, out)
	}
	for _, v := range g.Nodes {
		if id, ok := l.value[v]; ok && l.lives[id].bytes > most {
			return nil, fmt.Errorf("gpu: %s: a value of %v takes %d bytes; the device's largest buffer is %d", origin(v), v.Shape, l.lives[id].bytes, most)
		}
	}
	if err := l.rivals(); err != nil {
		return nil, err
	}
	l.slots, l.sizes, l.bound = assign(l.lives, most)
	return &l.listing, nil
}

// origin names the input or op that makes v, and its layer.
func origin(v *graph.Value) string {
	switch {
	case v.Op == nil:
		return "input " + v.Name
	case v.Name != "":
		return v.Name + ": " + v.Op.Name()
	}
	return v.Op.Name()
}

// rivals notes which values a dispatch writes while it reads others, and how
// much is seen of those that are read through windows.
func (l *lowerer) rivals() error {
	kinds := map[string][]wgpu.BufferBindingType{}
	type pair struct{ a, b int }
	seen := map[pair]bool{}
	for _, s := range l.steps {
		k, ok := kinds[s.kernel.Source]
		if !ok {
			var err error
			if k, err = bindingKinds(s.kernel.Source); err != nil {
				return fmt.Errorf("gpu: %s: %w", s.program, err)
			}
			kinds[s.kernel.Source] = k
		}
		for i, w := range s.bind {
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

// root follows reshapes to the value whose memory v shares.
func root(v *graph.Value) *graph.Value {
	for {
		if _, ok := v.Op.(graph.Reshape); !ok {
			return v
		}
		v = v.Args[0]
	}
}

func (l *lowerer) newLife(v *graph.Value, first int) int {
	l.value[v] = len(l.lives)
	l.lives = append(l.lives, life{bytes: 4 * int64(v.Shape.Len()), first: first, last: first})
	return l.value[v]
}

// op appends the dispatches of one op: in bands, if a value is too large to
// bind at once.
func (l *lowerer) op(v *graph.Value) error {
	shapes, result := v.ArgShapes(), v.Shape
	rows, moves := 0, []bool(nil) // rows of a band, 0 for all at once
	if !l.fits(v) {
		banded, ok := v.Op.(graph.Banded)
		if ok {
			shapes, result, moves = banded.Bands(shapes, result)
			rows = l.bandRows(v, shapes, result, moves)
		}
		if rows == 0 {
			return l.tooLarge(v)
		}
	}
	if rows == 0 {
		if op, id, ok := l.onto(v); ok {
			l.value[v] = id
			return l.dispatch(v, op, id, shapes, result, nil, 0)
		}
		return l.dispatch(v, v.Op, l.newLife(v, len(l.steps)), shapes, result, nil, 0)
	}
	id := l.newLife(v, len(l.steps))
	all := result[0]
	for at := 0; at < all; at += rows {
		n := min(rows, all-at)
		if err := l.dispatch(v, v.Op, id, cut(shapes, moves, n), firstDim(result, n), moves, at); err != nil {
			return err
		}
	}
	return nil
}

// onto returns v's op with the result in the memory of one of its args, the one
// that has been there longest, that nothing needs any more and that v does not
// read otherwise.
func (l *lowerer) onto(v *graph.Value) (best graph.Op, id int, ok bool) {
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
		op, can := graph.Onto(v.Op, v.ArgShapes(), i)
		if at := l.value[r]; can && (!ok || l.lives[at].first < l.lives[id].first) {
			best, id, ok = op, at, true
		}
	}
	return best, id, ok
}

// fits reports whether v and its args can be bound whole. Constants do not
// count: some programs read them through windows.
func (l *lowerer) fits(v *graph.Value) bool {
	for _, a := range v.Args {
		if root(a).Const == nil && !l.bindable(a.Shape) {
			return false
		}
	}
	return l.bindable(v.Shape)
}

func (l *lowerer) bindable(s tensor.Shape) bool { return 4*int64(s.Len()) <= l.lim.StorageBinding }

func (l *lowerer) tooLarge(v *graph.Value) error {
	big := v.Shape
	for _, s := range v.ArgShapes() {
		if s.Len() > big.Len() {
			big = s
		}
	}
	return fmt.Errorf("a value of %v takes %d bytes; the device binds %d at once, and the op cannot be split",
		big, 4*int64(big.Len()), l.lim.StorageBinding)
}

// bandRows returns how many rows make bands that fit the limit and begin at
// offsets that a binding may have, or 0 if none do.
func (l *lowerer) bandRows(v *graph.Value, shapes []tensor.Shape, result tensor.Shape, moves []bool) int {
	const align = 256 // of a storage binding's offset, in bytes
	step, most := int64(1), int64(result[0])
	consider := func(s tensor.Shape) {
		row := 4 * int64(s.Len()/s[0])
		most = min(most, l.lim.StorageBinding/row)
		step = lcm(step, align/gcd(row, align))
	}
	consider(result)
	for i, s := range shapes {
		if moves[i] {
			consider(s)
		} else if root(v.Args[i]).Const == nil && !l.bindable(s) {
			return 0
		}
	}
	return int(most / step * step)
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func lcm(a, b int64) int64 { return a / gcd(a, b) * b }

// cut returns shapes with n rows in those that move.
func cut(shapes []tensor.Shape, moves []bool, n int) []tensor.Shape {
	out := append([]tensor.Shape{}, shapes...)
	for i := range out {
		if moves[i] {
			out[i] = firstDim(out[i], n)
		}
	}
	return out
}

func firstDim(s tensor.Shape, n int) tensor.Shape {
	s = s.Clone()
	s[0] = n
	return s
}

// dispatch appends the dispatches that compute v by op, or the band of it from
// row at whose args and result have the given shapes, into life id.
func (l *lowerer) dispatch(v *graph.Value, op graph.Op, id int, shapes []tensor.Shape, result tensor.Shape, moves []bool, at int) error {
	p, err := l.program(v, op, shapes, moves)
	if err != nil {
		return err
	}
	operands := make([]operand, 0, len(v.Args)+1+len(p.Scratch))
	for i, a := range v.Args {
		r := root(a)
		o := operand{value: -1, constant: r, packing: p.Pack[i]}
		if r.Const == nil {
			o = operand{value: l.value[r]}
			l.lives[o.value].last = len(l.steps) + len(p.Kernels) - 1
		} else if r.Const.Data == nil {
			return fmt.Errorf("weight %s has no data", r.Name)
		}
		if moves != nil && moves[i] {
			row := 4 * int64(shapes[i].Len()/shapes[i][0])
			o.offset, o.size = int64(at)*row, row*int64(shapes[i][0])
		}
		operands = append(operands, o)
	}
	y := operand{value: id}
	if moves != nil {
		row := 4 * int64(result.Len()/result[0])
		y.offset, y.size = int64(at)*row, row*int64(result[0])
	}
	operands = append(operands, y)
	l.lives[id].last = len(l.steps) + len(p.Kernels) - 1
	for _, n := range p.Scratch {
		// Scratch lives for the dispatches of this program alone.
		l.lives = append(l.lives, life{bytes: 4 * int64(n), first: len(l.steps), last: len(l.steps) + len(p.Kernels) - 1})
		operands = append(operands, operand{value: len(l.lives) - 1})
	}
	for k, kernel := range p.Kernels {
		s := step{op: v.Op.Name(), layer: v.Name, program: p.Name, kernel: kernel}
		for d, n := range kernel.Grid {
			if n < 1 || n > l.lim.WorkgroupsPerDim {
				return fmt.Errorf("%s needs %d workgroups along dimension %d, the device allows %d", p.Name, n, d, l.lim.WorkgroupsPerDim)
			}
		}
		for _, b := range kernel.Bind {
			o := operand{value: -1}
			if b != shaders.Absent {
				o = operands[b]
				s.bytes += l.bytes(o)
			}
			s.bind = append(s.bind, o)
		}
		if k == 0 {
			s.flops = graph.FLOPs(v.Op, shapes, result)
		}
		l.steps = append(l.steps, s)
	}
	return nil
}

func (l *lowerer) bytes(o operand) int64 {
	switch {
	case o.size > 0:
		return o.size
	case o.value >= 0:
		return l.lives[o.value].bytes
	}
	return 4 * int64(o.constant.Shape.Len())
}

// program picks a way to compute v among those that this graph allows: a
// program may lay out constants anew, but not values.
func (l *lowerer) program(v *graph.Value, op graph.Op, shapes []tensor.Shape, moves []bool) (shaders.Program, error) {
	var able []shaders.Program
next:
	for _, p := range shaders.Programs(op, shapes, l.lim) {
		for i := range p.Pack {
			if root(v.Args[i]).Const == nil || moves != nil && moves[i] {
				continue next
			}
		}
		for _, n := range p.Scratch {
			if 4*int64(n) > l.lim.StorageBinding {
				continue next
			}
		}
		for _, k := range p.Kernels {
			if len(k.Bind) > l.lim.StorageBuffers || !l.bindsConstants(v, shapes, k, p.Pack) {
				continue next
			}
		}
		able = append(able, p)
	}
	if len(able) == 0 {
		return shaders.Program{}, fmt.Errorf("no kernel for arguments %v", shapes)
	}
	i := 0
	if l.choice.Program != nil {
		i = l.choice.Program(op, shapes, able)
	}
	return able[i], nil
}

// bindsConstants reports whether k binds whole only constants that can be, and
// through windows only those that are laid out for them.
func (l *lowerer) bindsConstants(v *graph.Value, shapes []tensor.Shape, k shaders.Kernel, packs map[int]shaders.Packing) bool {
	kinds, err := bindingKinds(k.Source)
	if err != nil {
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
