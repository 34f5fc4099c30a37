package graph

import (
	"fmt"
	"sort"

	"github.com/vertebra/vertebra/tensor"
)

// Argmax is the index of the largest element along one dimension, as float32. Of
// equal elements the first one counts. With Min it is the index of the smallest one
// (argmin), and with Last the last of equal elements counts.
//
// Args: x, any shape. Result: x's shape without the dimension; with KeepDim its
// extent is 1 instead.
type Argmax struct {
	Axis      int // a negative Axis counts from the end
	KeepDim   bool
	Min, Last bool
}

// Name is "argmax" or "argmin", and the dimension.
func (o Argmax) Name() string {
	s := "argmax"
	if o.Min {
		s = "argmin"
	}
	if o.Last {
		s += " last"
	}
	return fmt.Sprintf("%s dim%d", s, o.Axis)
}

// Shape checks that x has the dimension.
func (o Argmax) Shape(args []tensor.Shape) (tensor.Shape, error) {
	x, err := alongShape(args, o.Axis)
	if err != nil {
		return nil, err
	}
	axis, _ := Axis(o.Axis, len(x))
	if x[axis] == 0 {
		return nil, fmt.Errorf("no elements along dimension %d of %v", axis, x)
	}
	if !o.KeepDim {
		return without(x, axis), nil
	}
	y := x.Clone()
	y[axis] = 1
	return y, nil
}

// Eval finds the index.
func (o Argmax) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x := args[0]
	shape, err := o.Shape(shapes(args))
	if err != nil {
		panic(err)
	}
	y := tensor.New(shape...)
	_, n, _ := Along(x.Shape, o.Axis)
	alongEach(x.Shape, o.Axis, func(line, first, step int) {
		best := 0
		for i := range n {
			v, most := x.Data[first+i*step], x.Data[first+best*step]
			if v > most && !o.Min || v < most && o.Min || v == most && o.Last {
				best = i
			}
		}
		y.Data[line] = float32(best)
	})
	return y
}

// Bands splits the dimensions before the axis.
func (o Argmax) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return axisBands(args, result, o.Axis)
}

// FLOPs counts one for each element of x.
func (o Argmax) FLOPs(args []tensor.Shape, _ tensor.Shape) int64 { return int64(args[0].Len()) }

// Argmax is the index of the largest element of v along a dimension. The result
// does not have this dimension.
func (v *Value) Argmax(axis int) *Value { return Apply(Argmax{Axis: axis}, v) }

// Argsort lists the indices that sort the elements along one dimension, as
// float32: x[y[0]] ≤ x[y[1]] ≤ …. The order is stable, and NaN is larger than all
// numbers. With Inverse the result is the inverse permutation,
// argsort(argsort(x)), which is the place of each element in the order. MAE calls
// it ids_restore.
//
// Args: x, any shape. Result: x's shape.
type Argsort struct {
	Axis       int // a negative Axis counts from the end
	Descending bool
	Inverse    bool
}

// Name is "argsort" and the dimension.
func (o Argsort) Name() string {
	s := "argsort"
	if o.Descending {
		s += " descending"
	}
	if o.Inverse {
		s += " inverse"
	}
	return fmt.Sprintf("%s dim%d", s, o.Axis)
}

// Shape returns x's shape. It refuses more than 2²⁴ elements in a line, because
// float32 indices would not be exact.
func (o Argsort) Shape(args []tensor.Shape) (tensor.Shape, error) {
	return sortable(args, o.Axis)
}

func sortable(args []tensor.Shape, axis int) (tensor.Shape, error) {
	x, err := alongShape(args, axis)
	if err != nil {
		return nil, err
	}
	if _, n, _ := Along(x, axis); n > 1<<24 {
		return nil, fmt.Errorf("%d elements along the dimension, more than %d", n, 1<<24)
	}
	return x, nil
}

// Eval sorts each line.
func (o Argsort) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x := args[0]
	y := tensor.New(x.Shape...)
	alongEach(x.Shape, o.Axis, func(_, first, step int) {
		for place, i := range order(x, o.Axis, first, step, o.Descending) {
			if o.Inverse {
				y.Data[first+i*step] = float32(place)
			} else {
				y.Data[first+place*step] = float32(i)
			}
		}
	})
	return y
}

// order returns the indices that sort a line of x, in stable order.
func order(x *tensor.Tensor, axis, first, step int, descending bool) []int {
	_, n, _ := Along(x.Shape, axis)
	index := make([]int, n)
	for i := range index {
		index[i] = i
	}
	sort.SliceStable(index, func(i, j int) bool {
		a, b := x.Data[first+index[i]*step], x.Data[first+index[j]*step]
		if descending {
			a, b = b, a
		}
		return a < b || a == a && b != b
	})
	return index
}

// Bands splits the dimensions before the axis.
func (o Argsort) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return axisBands(args, result, o.Axis)
}

// FLOPs counts one comparison for each pair of elements in a line.
func (o Argsort) FLOPs(args []tensor.Shape, _ tensor.Shape) int64 {
	return pairs(args[0], o.Axis)
}

func pairs(x tensor.Shape, axis int) int64 {
	_, n, _ := Along(x, axis)
	return int64(x.Len()) * int64(n)
}

// Argsort lists the indices that sort the elements of v along a dimension in
// ascending order.
func (v *Value) Argsort(axis int) *Value { return Apply(Argsort{Axis: axis}, v) }

// TopK lists the K largest elements along one dimension, the largest first. Equal
// elements keep their order.
//
// Args: x, any shape. Result: x's shape with K along the dimension.
type TopK struct {
	K, Axis  int  // a negative Axis counts from the end
	Smallest bool // list the smallest elements, the smallest first
	Indices  bool // list the indices of the elements, as float32
}

// Name is "topk" with K and the dimension.
func (o TopK) Name() string {
	s := "topk"
	if o.Indices {
		s = "topk indices"
	}
	if o.Smallest {
		s += " smallest"
	}
	return fmt.Sprintf("%s %d dim%d", s, o.K, o.Axis)
}

// Shape checks that the dimension has K elements.
func (o TopK) Shape(args []tensor.Shape) (tensor.Shape, error) {
	x, err := sortable(args, o.Axis)
	if err != nil {
		return nil, err
	}
	axis, _ := Axis(o.Axis, len(x))
	if o.K < 1 || o.K > x[axis] {
		return nil, fmt.Errorf("%d of %d elements wanted", o.K, x[axis])
	}
	y := x.Clone()
	y[axis] = o.K
	return y, nil
}

// Eval sorts each line.
func (o TopK) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x := args[0]
	shape, err := o.Shape(shapes(args))
	if err != nil {
		panic(err)
	}
	y := tensor.New(shape...)
	alongEach(x.Shape, o.Axis, func(line, first, step int) {
		to := line/step*o.K*step + line%step
		for place, i := range order(x, o.Axis, first, step, !o.Smallest)[:o.K] {
			if o.Indices {
				y.Data[to+place*step] = float32(i)
			} else {
				y.Data[to+place*step] = x.Data[first+i*step]
			}
		}
	})
	return y
}

// Bands splits the dimensions before the axis.
func (o TopK) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return axisBands(args, result, o.Axis)
}

// FLOPs counts one comparison for each pair of elements in a line.
func (o TopK) FLOPs(args []tensor.Shape, _ tensor.Shape) int64 { return pairs(args[0], o.Axis) }

// TopK returns the k largest elements of v along a dimension and their indices,
// the largest first.
func (v *Value) TopK(k, axis int) (values, indices *Value) {
	return Apply(TopK{K: k, Axis: axis}, v), Apply(TopK{K: k, Axis: axis, Indices: true}, v)
}
