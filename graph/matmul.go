package graph

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// MatMul is the product of two matrices or of batches of matrices. The dimensions
// before the last two broadcast as in PyTorch:
//
//	y[…,m,n] = Scale · Σ_k a[…,m,k] · b[…,k,n]
//
// Args: a [..., M, K], b [..., K, N], or [..., N, K] with TransB. Result:
// [..., M, N].
type MatMul struct {
	TransB bool
	Scale  float32 // 0 means 1
}

// Name is "matmul" with the choices that differ from the defaults.
func (o MatMul) Name() string {
	s := "matmul"
	if o.TransB {
		s += " bT"
	}
	if o.Scale != 0 && o.Scale != 1 {
		s += fmt.Sprintf(" ×%v", o.Scale)
	}
	return s
}

// Sizes returns M, N and K.
func (o MatMul) Sizes(args []tensor.Shape) (m, n, k int) {
	a, b := args[0], args[1]
	m, k, n = a[len(a)-2], a[len(a)-1], b[len(b)-1]
	if o.TransB {
		n = b[len(b)-2]
	}
	return m, n, k
}

// Shape checks the inner extents and that the batches broadcast.
func (o MatMul) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 2 || len(args[0]) < 2 || len(args[1]) < 2 {
		return nil, fmt.Errorf("arguments are %v, want two matrices or batches of them", args)
	}
	a, b := args[0], args[1]
	m, n, k := o.Sizes(args)
	kb := b[len(b)-2]
	if o.TransB {
		kb = b[len(b)-1]
	}
	if k != kb {
		return nil, fmt.Errorf("%v times %v: inner extents %d and %d differ", a, b, k, kb)
	}
	if max(len(a), len(b)) > MaxRank {
		return nil, fmt.Errorf("rank %d is over %d", max(len(a), len(b)), MaxRank)
	}
	y, err := Broadcast(a[:len(a)-2], b[:len(b)-2])
	if err != nil {
		return nil, fmt.Errorf("batches: %w", err)
	}
	return append(y, m, n), nil
}

// Eval computes the formula.
func (o MatMul) Eval(args []*tensor.Tensor) *tensor.Tensor {
	a, b := args[0], args[1]
	shape, err := o.Shape(shapes(args))
	if err != nil {
		panic(err)
	}
	y := tensor.New(shape...)
	m, n, k := o.Sizes(shapes(args))
	batch := shape[:len(shape)-2]
	matrix := batch.Strides()
	sa := BroadcastStrides(a.Shape[:len(a.Shape)-2], batch)
	sb := BroadcastStrides(b.Shape[:len(b.Shape)-2], batch)
	scale := float64(o.Scale)
	if o.Scale == 0 {
		scale = 1
	}
	alongK, alongN := n, 1
	if o.TransB {
		alongK, alongN = 1, k
	}
	tensor.Parallel(batch.Len()*m, func(row int) {
		ia, ib := 0, 0
		rest := row / m
		for d, s := range matrix {
			ia += rest / s * sa[d]
			ib += rest / s * sb[d]
			rest %= s
		}
		as := a.Data[(ia*m+row%m)*k:][:k]
		bs := b.Data[ib*k*n:][:k*n]
		for j := range n {
			sum := 0.0
			for i, v := range as {
				sum += float64(v) * float64(bs[i*alongK+j*alongN])
			}
			y.Data[row*n+j] = float32(scale * sum)
		}
	})
	return y
}

// Bands splits the rows of a if b is a single matrix, else the first dimension of
// the batch that is not 1.
func (o MatMul) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	a, b := args[0], args[1]
	m, n, k := o.Sizes(args)
	batch := result[:len(result)-2]
	count := batch.Len()
	fullA, fullB := a.Len() == count*m*k, b.Len() == count*k*n
	right := b[len(b)-2:]
	switch {
	case fullA && b.Len() == k*n:
		return []tensor.Shape{{count * m, k}, right}, tensor.Shape{count * m, n}, []bool{true, false}
	case fullA && fullB:
		return []tensor.Shape{{count, m, k}, {count, right[0], right[1]}}, tensor.Shape{count, m, n}, []bool{true, true}
	}
	for result[0] == 1 && len(result) > 2 {
		result = result[1:]
	}
	as, moves := make([]tensor.Shape, 2), make([]bool, 2)
	for i, s := range args {
		as[i] = s[max(0, len(s)-len(result)):]
		moves[i] = len(s) >= len(result) && as[i][0] > 1
	}
	return as, result, moves
}

// FLOPs counts 2·K for each element of the result.
func (o MatMul) FLOPs(args []tensor.Shape, result tensor.Shape) int64 {
	_, _, k := o.Sizes(args)
	return 2 * int64(result.Len()) * int64(k)
}

// MatMul is the matrix product v·b of each batch.
func (v *Value) MatMul(b *Value) *Value { return Apply(MatMul{}, v, b) }

// MatMulT is scale · v·bᵀ for each batch, as in the scores of attention.
func (v *Value) MatMulT(b *Value, scale float32) *Value {
	return Apply(MatMul{TransB: true, Scale: scale}, v, b)
}
