package graph

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// RelPosTable looks up SAM's relative position for each pair of a query i and a
// key j along one dimension:
//
//	y[i, j] = table[⌊i·max(K/Q,1) − j·max(Q/K,1) + (K−1)·max(Q/K,1)⌋]
//
// A table whose length is not 2·max(Q,K)−1 is first interpolated linearly to
// that length.
//
// Args: table [L, D]. Result: [Q, K, D]. (get_rel_pos in the code of
// arXiv:2304.02643.)
type RelPosTable struct{ Q, K int }

// Name is "rel_pos_table".
func (o RelPosTable) Name() string { return "rel_pos_table" }

// Shape checks that Q and K are set.
func (o RelPosTable) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 1 || len(args[0]) != 2 || o.Q < 1 || o.K < 1 {
		return nil, fmt.Errorf("arguments are %v for %d queries and %d keys, want table [L, D]", args, o.Q, o.K)
	}
	return tensor.Shape{o.Q, o.K, args[0][1]}, nil
}

// Row returns where y[i, j] lies in a table of l rows: between rows lo and lo+1,
// with the share of row lo+1. The share is 0 if lo is the last row.
func (o RelPosTable) Row(i, j, l int) (lo int, share float64) {
	// PyTorch computes this in float32 and in this order, and truncates the sum.
	q, k := float64(o.Q), float64(o.K)
	stretchQ, stretchK := float32(max(k/q, 1)), float32(max(q/k, 1))
	at := int(float32(float32(float32(i)*stretchQ)-float32(float32(j)*stretchK)) + float32((k-1)*max(q/k, 1)))
	rows := 2*max(o.Q, o.K) - 1
	if rows == l {
		return at, 0
	}
	from := max((float64(at)+0.5)*float64(l)/float64(rows)-0.5, 0)
	lo = int(from)
	if lo >= l-1 {
		return l - 1, 0
	}
	return lo, from - float64(lo)
}

// Eval computes the formula.
func (o RelPosTable) Eval(args []*tensor.Tensor) *tensor.Tensor {
	table := args[0]
	l, d := table.Shape[0], table.Shape[1]
	y := tensor.New(o.Q, o.K, d)
	for i := range o.Q {
		for j := range o.K {
			lo, share := o.Row(i, j, l)
			hi := min(lo+1, l-1)
			for c := range d {
				a, b := float64(table.Data[lo*d+c]), float64(table.Data[hi*d+c])
				y.Data[(i*o.K+j)*d+c] = float32(a*(1-share) + b*share)
			}
		}
	}
	return y
}

// FLOPs is 0.
func (o RelPosTable) FLOPs([]tensor.Shape, tensor.Shape) int64 { return 0 }

// RelPos multiplies queries with relative positions, for Attention with KH and
// KW:
//
//	y[b, h, n, k] = Σ_c q[b, n, h, c] · r[i, k, c],  i = n/QW for Axis 0 (height), n%QW for Axis 1 (width)
//
// Args: q [B, QH·QW, at least Heads·D], which may be a packed qkv because q comes
// first, and r [QH or QW, K, D]. Result: [B, Heads, QH·QW, K].
type RelPos struct{ Heads, QH, QW, Axis int }

// Name is "rel_pos" and the axis.
func (o RelPos) Name() string { return fmt.Sprintf("rel_pos axis %d", o.Axis) }

// Shape checks the queries against the grid.
func (o RelPos) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 2 || len(args[0]) != 3 || len(args[1]) != 3 || o.Axis < 0 || o.Axis > 1 {
		return nil, fmt.Errorf("arguments are %v along axis %d, want q [B, N, C] and r [Q, K, D]", args, o.Axis)
	}
	q, r := args[0], args[1]
	switch {
	case o.QH < 1 || o.QW < 1 || q[1] != o.QH*o.QW:
		return nil, fmt.Errorf("%d queries, want %d×%d", q[1], o.QH, o.QW)
	case r[0] != Pair{o.QH, o.QW}[o.Axis]:
		return nil, fmt.Errorf("positions for %d queries along axis %d, want %d", r[0], o.Axis, Pair{o.QH, o.QW}[o.Axis])
	case q[2] < max(o.Heads, 1)*r[2]:
		return nil, fmt.Errorf("queries have %d channels, want %d heads of %d", q[2], max(o.Heads, 1), r[2])
	}
	return tensor.Shape{q[0], max(o.Heads, 1), q[1], r[1]}, nil
}

// Eval computes the formula.
func (o RelPos) Eval(args []*tensor.Tensor) *tensor.Tensor {
	q, r := args[0], args[1]
	heads, n, k, d := max(o.Heads, 1), q.Shape[1], r.Shape[1], r.Shape[2]
	y := tensor.New(q.Shape[0], heads, n, k)
	tensor.Parallel(q.Shape[0]*heads*n, func(i int) {
		b, h, at := i/(heads*n), i/n%heads, i%n
		qs := q.Data[(b*n+at)*q.Shape[2]+h*d:][:d]
		p := at / o.QW
		if o.Axis == 1 {
			p = at % o.QW
		}
		for j := range k {
			y.Data[i*k+j] = float32(dot(qs, r.Data[(p*k+j)*d:]))
		}
	})
	return y
}

// Bands splits the batch.
func (o RelPos) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return args, result, []bool{true, false}
}

// FLOPs counts 2·D for each element of the result.
func (o RelPos) FLOPs(args []tensor.Shape, result tensor.Shape) int64 {
	return 2 * int64(result.Len()) * int64(args[1][2])
}
