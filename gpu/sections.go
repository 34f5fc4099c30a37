package gpu

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// bands cuts v along its first dimension into bands that fit the limit and
// begin at offsets that a binding may have, or returns nil.
func (l *lowerer) bands(v *graph.Value) []section {
	op, ok := v.Op.(graph.Banded)
	if !ok {
		return nil
	}
	shapes, result, moves := op.Bands(v.ArgShapes(), v.Shape)
	rows := l.bandRows(v, shapes, result, moves)
	if rows == 0 {
		return nil
	}
	var sections []section
	for from := 0; from < result[0]; from += rows {
		n := min(rows, result[0]-from)
		c := section{op: v.Op}
		for i, s := range shapes {
			at := int64(whole)
			if moves[i] {
				at, s = int64(from)*rowBytes(s, 0), extent(s, 0, n)
			}
			c.args, c.at = append(c.args, s), append(c.at, at)
		}
		c.result, c.at = extent(result, 0, n), append(c.at, int64(from)*rowBytes(result, 0))
		sections = append(sections, c)
	}
	return sections
}

// bandRows returns how many rows make bands that fit the limit and begin at
// offsets that a binding may have, or 0 if none do.
func (l *lowerer) bandRows(v *graph.Value, shapes []tensor.Shape, result tensor.Shape, moves []bool) int {
	step, most := int64(1), int64(result[0])
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
	return int(most / step * step)
}

// stripes cuts each image of v into stripes of as many rows as fit the limit,
// which begin at offsets that a binding may have, or returns nil.
func (l *lowerer) stripes(v *graph.Value) []section {
	op, ok := v.Op.(graph.Striped)
	if !ok || len(v.Shape) < 2 || op.Rows(v.ArgShapes(), v.Shape, 0, 1) == nil {
		return nil
	}
	// Where the args' rows can begin with the result's, no row is read in vain.
	step := alignedRows(v.Shape, 1)
	wide := step
	for i, s := range v.ArgShapes() {
		if root(v.Args[i]).Const == nil && len(s) > 1 {
			wide = lcm(wide, alignedRows(s, 1))
		}
	}
	h := int64(v.Shape[1])
	for _, n := range []int64{wide, step} {
		most := min(h, l.lim.StorageBinding/rowBytes(v.Shape, 1))
		if most < h {
			most = most / n * n
		}
		for rows := most; rows > 0; rows = (rows - 1) / n * n {
			if sections := l.stripesOf(v, op, int(rows)); sections != nil {
				return sections
			}
		}
	}
	return nil
}

// stripesOf cuts v into stripes of so many rows, or returns nil if one does not
// fit.
func (l *lowerer) stripesOf(v *graph.Value, op graph.Striped, rows int) []section {
	var sections []section
	shapes, result := v.ArgShapes(), v.Shape
	for image := range result[0] {
		for from := 0; from < result[1]; from += rows {
			to := min(from+rows, result[1])
			c := section{}
			// begin is where row r of this image of s begins.
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
				c.args, c.at = append(c.args, s), append(c.at, at)
			}
			c.result = extent(extent(result, 1, to-from), 0, 1)
			c.at = append(c.at, begin(result, from))
			if c.at[len(shapes)]%slotAlign != 0 || !l.bindable(c.result) {
				return nil
			}
			c.op = op.Stripe(shapes, result, from, to, need)
			if len(l.programs(v, c)) == 0 { // their scratch is too large
				return nil
			}
			sections = append(sections, c)
		}
	}
	return sections
}

// rowBytes is the size of an element of dimension d of s.
func rowBytes(s tensor.Shape, d int) int64 { return 4 * int64(s[d+1:].Len()) }

// alignedRows is the fewest elements of dimension d of s after which a binding
// may begin.
func alignedRows(s tensor.Shape, d int) int64 {
	return slotAlign / gcd(rowBytes(s, d), slotAlign)
}

// extent returns s with n elements in dimension d.
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
