package graph

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// Indices are whole numbers stored as float32, exact up to 2^24. A negative index
// counts from the end. An index outside its range selects NaN.

// Gather selects an element along one dimension for each index, as PyTorch's
// gather does:
//
//	y[.., i, ..] = x[.., index[.., i, ..], ..]
//
// Args: x and index of the same rank. Only along Axis may index be larger than x.
// Result: index's shape.
type Gather struct{ Axis int }

// Name is "gather" and the axis.
func (o Gather) Name() string { return fmt.Sprintf("gather axis %d", o.Axis) }

// Shape checks index against x.
func (o Gather) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 2 || len(args[0]) != len(args[1]) || len(args[0]) > MaxRank {
		return nil, fmt.Errorf("arguments are %v, want x and index of the same rank", args)
	}
	x, index := args[0], args[1]
	if o.Axis < 0 || o.Axis >= len(x) {
		return nil, fmt.Errorf("no dimension %d in %v", o.Axis, x)
	}
	for d := range x {
		if d != o.Axis && index[d] > x[d] {
			return nil, fmt.Errorf("index %v is larger than %v", index, x)
		}
	}
	return index, nil
}

// Eval computes the formula.
func (o Gather) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x, index := args[0], args[1]
	y := tensor.New(index.Shape...)
	sx, sy := x.Shape.Strides(), y.Shape.Strides()
	parallelRows(len(y.Data), 1<<12, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			at, rest := 0, i
			for d, s := range sy {
				if d != o.Axis {
					at += rest / s * sx[d]
				}
				rest %= s
			}
			y.Data[i] = nan
			if k, ok := indexed(index.Data[i], x.Shape[o.Axis]); ok {
				y.Data[i] = x.Data[at+k*sx[o.Axis]]
			}
		}
	})
	return y
}

// FLOPs is 0.
func (o Gather) FLOPs([]tensor.Shape, tensor.Shape) int64 { return 0 }

// Gather selects an element of v along axis for each index.
func (v *Value) Gather(axis int, index *Value) *Value { return Apply(Gather{axis}, v, index) }

// TakeRows selects whole rows, such as tokens, in each batch:
//
//	y[b, l] = x[b, index[b, l]]
//
// Args: x [B.., N, C..], index [B.., L]. Result: [B.., L, C..]. With index [B, L]
// it is PyTorch's gather along dimension 1 with the index repeated over channels;
// with index [L] it is index_select along dimension 0.
type TakeRows struct{}

// Name is "take_rows".
func (o TakeRows) Name() string { return "take_rows" }

// Shape checks that the batches agree.
func (o TakeRows) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 2 || len(args[1]) < 1 || len(args[0]) < len(args[1]) {
		return nil, fmt.Errorf("arguments are %v, want x [B.., N, C..] and index [B.., L]", args)
	}
	x, index := args[0], args[1]
	axis := len(index) - 1
	if !x[:axis].Equal(index[:axis]) {
		return nil, fmt.Errorf("batches of %v and index %v differ", x, index)
	}
	return append(index.Clone(), x[axis+1:]...), nil
}

// Sizes returns the extents of x as [b, n, c] and the number of rows l taken from
// each batch.
func (o TakeRows) Sizes(args []tensor.Shape) (b, n, c, l int) {
	axis := len(args[1]) - 1
	return args[0][:axis].Len(), args[0][axis], args[0][axis+1:].Len(), args[1][axis]
}

// Eval computes the formula.
func (o TakeRows) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x, index := args[0], args[1]
	shape, err := o.Shape(shapes(args))
	if err != nil {
		panic(err)
	}
	y := tensor.New(shape...)
	b, n, c, l := o.Sizes(shapes(args))
	for i := range b * l {
		to := y.Data[i*c : (i+1)*c]
		if k, ok := indexed(index.Data[i], n); ok {
			copy(to, x.Data[(i/l*n+k)*c:])
			continue
		}
		for j := range to {
			to[j] = nan
		}
	}
	return y
}

// Bands splits the outermost batch, if there is one.
func (o TakeRows) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return args, result, []bool{len(args[1]) > 1, true}
}

// FLOPs is 0.
func (o TakeRows) FLOPs([]tensor.Shape, tensor.Shape) int64 { return 0 }

// TakeRows selects rows of v by index.
func (v *Value) TakeRows(index *Value) *Value { return Apply(TakeRows{}, v, index) }

// Embedding looks up rows in a table: y[i] = table[ids[i]].
//
// Args: ids [..], table [V, C]. Result: [.., C].
type Embedding struct{}

// Name is "embedding".
func (o Embedding) Name() string { return "embedding" }

// Shape returns the shape of ids with the table's channels appended.
func (o Embedding) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 2 || len(args[1]) != 2 || len(args[0]) >= MaxRank {
		return nil, fmt.Errorf("arguments are %v, want ids and table [V, C]", args)
	}
	return append(args[0].Clone(), args[1][1]), nil
}

// Eval computes the formula.
func (o Embedding) Eval(args []*tensor.Tensor) *tensor.Tensor {
	ids, table := args[0], args[1]
	flat := tensor.Of(ids.Data, len(ids.Data))
	y := TakeRows{}.Eval([]*tensor.Tensor{table, flat})
	return y.Reshape(append(ids.Shape.Clone(), table.Shape[1])...)
}

// Bands splits the ids.
func (o Embedding) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	n := args[0].Len()
	return []tensor.Shape{{n}, args[1]}, tensor.Shape{n, args[1][1]}, []bool{true, false}
}

// FLOPs is 0.
func (o Embedding) FLOPs([]tensor.Shape, tensor.Shape) int64 { return 0 }

// Embedding looks up the ids v in a table [V, C].
func (v *Value) Embedding(table *Value) *Value { return Apply(Embedding{}, v, table) }

var nan = float32(math.NaN())

// indexed converts index f, and reports whether it lies in [−n, n).
func indexed(f float32, n int) (int, bool) {
	if f < 0 {
		f += float32(n)
	}
	if !(f >= 0 && f < float32(n)) {
		return 0, false
	}
	return int(f), true
}
