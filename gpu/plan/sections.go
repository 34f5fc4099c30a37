package plan

import (
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

// section is a part of an op's result that a program computes at once: the whole
// result, a band or a stripe.
type section struct {
	shaders.Call
	at []int64 // byte offsets of the args and, last, of the result; whole for a whole value

	programs []shaders.Program // programs for it; nil if not listed yet
}

const whole = -1

// offset narrows operand o, number i of the args and the result, to the section.
func (c section) offset(o operand, i int, s tensor.Shape) operand {
	if c.at[i] != whole {
		o.offset, o.size = c.at[i], 4*int64(s.Len())
	}
	return o
}

// ampleScratch is an amount of scratch, in bytes, that gives kernels enough work at
// once. An op on images with at least twice as much scratch is cut into parts with
// about this amount.
const ampleScratch = 32 << 20

// sections returns v in one section, or cuts it into several if its values are too
// large to bind or its scratch is more than ample. It returns nil if the values are
// too large and v cannot be cut.
func (l *lowerer) sections(v *graph.Value) []section {
	c := section{Call: shaders.Call{Op: v.Op, Args: v.ArgShapes(), Result: v.Shape}}
	for range len(v.Args) + 1 {
		c.at = append(c.at, whole)
	}
	fits := l.fits(v)
	if parts := l.scratch(c) / ampleScratch; parts > 1 || !fits {
		if sections := l.bands(v, parts); sections != nil {
			return sections
		}
		if sections := l.stripes(v, parts); sections != nil {
			return sections
		}
	}
	if fits {
		return []section{c}
	}
	return nil
}

// scratch returns how many bytes of scratch the best program for c would take
// without a limit, or 0 if c does not work on images.
func (l *lowerer) scratch(c section) int64 {
	if _, ok := c.Op.(graph.Striped); !ok || len(c.Result) != 4 {
		return 0
	}
	lim := l.lim
	lim.StorageBinding = math.MaxInt64
	n := int64(0)
	if programs := l.listed(c.Call, lim); len(programs) > 0 {
		for _, s := range programs[0].Scratch {
			n += 4 * int64(s)
		}
	}
	return n
}

// fits reports whether v and its args can be bound whole. Constants do not
// count: some programs read them through panes.
func (l *lowerer) fits(v *graph.Value) bool {
	for _, a := range v.Args {
		if root(a).Const == nil && !l.bindable(a.Shape) {
			return false
		}
	}
	return l.bindable(v.Shape)
}

func (l *lowerer) bindable(s tensor.Shape) bool { return 4*int64(s.Len()) <= l.lim.StorageBinding }

// bands cuts v along its first dimension into at least parts bands. They fit the
// limit and begin at offsets that bindings may have. It returns nil if v cannot be
// cut this way.
func (l *lowerer) bands(v *graph.Value, parts int64) []section {
	op, ok := v.Op.(graph.Banded)
	if !ok {
		return nil
	}
	shapes, result, moves := op.Bands(v.ArgShapes(), v.Shape)
	rows := l.bandRows(v, shapes, result, moves, parts)
	if rows == 0 {
		return nil
	}
	var sections []section
	for from := 0; from < result[0]; from += rows {
		n := min(rows, result[0]-from)
		c := section{Call: shaders.Call{Op: v.Op}}
		for i, s := range shapes {
			at := int64(whole)
			if moves[i] {
				at, s = int64(from)*rowBytes(s, 0), extent(s, 0, n)
			}
			c.Args, c.at = append(c.Args, s), append(c.at, at)
		}
		c.Result, c.at = extent(result, 0, n), append(c.at, int64(from)*rowBytes(result, 0))
		sections = append(sections, c)
	}
	return sections
}

// bandRows returns the number of rows of a band for bands, or 0 if no number is
// possible.
func (l *lowerer) bandRows(v *graph.Value, shapes []tensor.Shape, result tensor.Shape, moves []bool, parts int64) int {
	step, most := int64(1), int64(result[0])/max(parts, 1)
	consider := func(s tensor.Shape) {
		most = min(most, l.lim.StorageBinding/rowBytes(s, 0))
		step = lcm(step, alignedRows(s, 0))
	}
	consider(result)
	for i, s := range shapes {
		if moves[i] {
			consider(s)
		} else if root(v.Args[i]).Const == nil && !l.bindable(s) {
			return 0
		}
	}
	return int(even(int64(result[0]), most, step))
}

// stripes cuts each image of v into stripes of rows, all images together into at
// least parts stripes. They have as many rows as fit the limit and begin at offsets
// that bindings may have. It returns nil if v cannot be cut this way.
func (l *lowerer) stripes(v *graph.Value, parts int64) []section {
	op, ok := v.Op.(graph.Striped)
	if !ok || len(v.Shape) < 2 || op.Rows(v.ArgShapes(), v.Shape, 0, 1) == nil {
		return nil
	}
	// If the args' rows begin at offsets that bindings may have, no extra rows are read.
	step := alignedRows(v.Shape, 1)
	wide := step
	for i, s := range v.ArgShapes() {
		if root(v.Args[i]).Const == nil && len(s) > 1 {
			wide = lcm(wide, alignedRows(s, 1))
		}
	}
	h := int64(v.Shape[1])
	most := min(h, int64(v.Shape[0])*h/max(parts, 1), l.lim.StorageBinding/rowBytes(v.Shape, 1))
	const tile = 4 // rows of Winograd's largest tile
	for _, n := range []int64{lcm(wide, tile), wide, step} {
		for rows := even(h, most, n); rows > 0; rows = (rows - 1) / n * n {
			if sections := l.stripesOf(v, op, int(rows)); sections != nil {
				return sections
			}
		}
	}
	return nil
}

// even returns how many rows a part has if h rows are cut into as few parts as
// possible and as evenly as possible. A part has at most most rows: a multiple of n,
// or all h. It returns 0 if that is not possible.
func even(h, most, n int64) int64 {
	if most >= h {
		return h
	}
	if most /= n; most == 0 {
		return 0
	}
	all := (h + n - 1) / n
	count := (all + most - 1) / most
	return (all + count - 1) / count * n
}

// stripesOf cuts v into stripes of the given number of rows. It returns nil if a
// stripe does not fit.
func (l *lowerer) stripesOf(v *graph.Value, op graph.Striped, rows int) []section {
	var sections []section
	shapes, result := v.ArgShapes(), v.Shape
	for image := range result[0] {
		for from := 0; from < result[1]; from += rows {
			to := min(from+rows, result[1])
			c := section{Call: shaders.Call{Op: op}}
			// begin returns the offset of row r of this image in s.
			begin := func(s tensor.Shape, r int) int64 { return int64(image*s[1]+r) * rowBytes(s, 1) }
			need := op.Rows(shapes, result, from, to)
			for i, s := range shapes {
				at := int64(whole)
				if r := &need[i]; r[0] < r[1] {
					r[0] -= r[0] % int(alignedRows(s, 1))
					at = begin(s, r[0])
					s = extent(extent(s, 1, r[1]-r[0]), 0, 1)
				}
				if at != whole && at%slotAlign != 0 || (at != whole || root(v.Args[i]).Const == nil) && !l.bindable(s) {
					return nil
				}
				c.Args, c.at = append(c.Args, s), append(c.at, at)
			}
			c.Result = extent(extent(result, 1, to-from), 0, 1)
			c.at = append(c.at, begin(result, from))
			if c.at[len(shapes)]%slotAlign != 0 || !l.bindable(c.Result) {
				return nil
			}
			c.Part = shaders.Part{Height: shapes[0][1], First: need[0][0], From: from, To: to}
			if c.programs = l.programs(v, c); len(c.programs) == 0 { // the programs' scratch is too large
				return nil
			}
			sections = append(sections, c)
		}
	}
	return sections
}

// rowBytes returns the size of one row of dimension d of s.
func rowBytes(s tensor.Shape, d int) int64 { return 4 * int64(s[d+1:].Len()) }

// alignedRows returns the smallest number of rows of dimension d of s after which a
// binding may begin.
func alignedRows(s tensor.Shape, d int) int64 {
	return slotAlign / gcd(rowBytes(s, d), slotAlign)
}

// extent returns s with extent n in dimension d.
func extent(s tensor.Shape, d, n int) tensor.Shape {
	s = s.Clone()
	s[d] = n
	return s
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func lcm(a, b int64) int64 { return a / gcd(a, b) * b }
