package graph

import "github.com/vertebra/vertebra/tensor"

// Striped is implemented by ops on images whose result can be computed in stripes
// of rows. Unlike bands, stripes may share rows of the args. An image larger than
// a storage binding can then still be computed. Rows lie along dimension 1.
type Striped interface {
	Op
	// Rows returns for each arg the rows [i, j) that rows [from, to) of the
	// result need; i = j means all of the arg. It returns nil if the op cannot
	// be computed in stripes.
	Rows(args []tensor.Shape, result tensor.Shape, from, to int) [][2]int
}

// rows returns the rows that an op with an epilogue needs: x of its first arg,
// [from, to) of the residual, and all of the other args.
func (e Epilogue) rows(args []tensor.Shape, x [2]int, from, to int) [][2]int {
	r := make([][2]int, len(args))
	r[0] = x
	if e.Residual {
		r[len(r)-1] = [2]int{from, to}
	}
	return r
}

// inside clips rows [first, end) to an image of n rows, but keeps at least one.
func inside(first, end, n int) [2]int {
	first = max(0, min(first, n-1))
	return [2]int{first, max(first+1, min(end, n))}
}

// under returns the rows under the windows of rows [from, to) of a result.
func under(size, stride, pad, dilation, height, from, to int) [2]int {
	return inside(from*stride-pad, (to-1)*stride-pad+dilation*(size-1)+1, height)
}
