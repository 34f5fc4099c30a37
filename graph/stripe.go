package graph

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// Striped is implemented by ops on images whose result can be computed in
// stripes of rows, though what neighbouring stripes need overlaps: an image
// larger than a storage binding can then still be computed. Rows are those of
// dimension 1.
type Striped interface {
	Op
	// Rows returns the rows [i, j) of each arg that rows [from, to) of the
	// result need, i = j for all of an arg. It is nil if the op has no stripes.
	Rows(args []tensor.Shape, result tensor.Shape, from, to int) [][2]int
	// Stripe returns the op that computes rows [from, to) of the result where
	// only rows of each arg are given: those that Rows returns, or, of args
	// other than a residual, more of them before the first.
	Stripe(args []tensor.Shape, result tensor.Shape, from, to int, rows [][2]int) Op
}

// Part makes an op on images the stripe of another: it computes some rows of
// the result and is given only the rows of its first arg that they need. The
// zero Part is the whole.
type Part struct {
	Height   int // of the whole first arg
	First    int // the row of it that is the first given
	From, To int // the rows of the whole result that are computed
}

// Whole returns the shape of the first arg, of which x is given, with all its
// rows.
func (p Part) Whole(x tensor.Shape) tensor.Shape {
	if p == (Part{}) {
		return x
	}
	return tensor.Shape{x[0], p.Height, x[2], x[3]}
}

// of returns the shape of the part of a result y, given x.
func (p Part) of(x, y tensor.Shape) (tensor.Shape, error) {
	if p == (Part{}) {
		return y, nil
	}
	if p.First < 0 || p.First+x[1] > p.Height || p.From < 0 || p.To <= p.From || p.To > y[1] {
		return nil, fmt.Errorf("rows %d to %d of %v from %d rows at %d", p.From, p.To, y, x[1], p.First)
	}
	return tensor.Shape{y[0], p.To - p.From, y[2], y[3]}, nil
}

// Pad returns the padding above the given rows that puts windows with this
// stride where those of the whole with padding pad are. It is negative where
// the first window begins below the first row.
func (p Part) Pad(pad, stride int) int { return pad + p.First - p.From*stride }

// stripe is the Part for a stripe of an op whose first arg is x.
func stripe(x tensor.Shape, from, to int, rows [][2]int) Part {
	return Part{Height: x[1], First: rows[0][0], From: from, To: to}
}

// rows are those of an op with an epilogue: x of its first arg, those of the
// result of a residual, and all of the rest.
func (e Epilogue) rows(args []tensor.Shape, x [2]int, from, to int) [][2]int {
	r := make([][2]int, len(args))
	r[0] = x
	if e.Residual {
		r[len(r)-1] = [2]int{from, to}
	}
	return r
}

// inside cuts rows [first, end) to those of an image of n, but leaves one.
func inside(first, end, n int) [2]int {
	first = max(0, min(first, n-1))
	return [2]int{first, max(first+1, min(end, n))}
}

// under are the rows under the windows of rows [from, to) of a result.
func under(size, stride, pad, dilation, height, from, to int) [2]int {
	return inside(from*stride-pad, (to-1)*stride-pad+dilation*(size-1)+1, height)
}
