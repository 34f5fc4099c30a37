package graph

import "github.com/vertebra/vertebra/tensor"

// Striped is implemented by ops on images whose result can be computed in
// stripes of rows, though what neighbouring stripes need overlaps: an image
// larger than a storage binding can then still be computed. Rows are those of
// dimension 1.
type Striped interface {
	Op
	// Rows returns the rows [i, j) of each arg that rows [from, to) of the
	// result need, i = j for all of an arg. It is nil if the op has no stripes.
	Rows(args []tensor.Shape, result tensor.Shape, from, to int) [][2]int
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
