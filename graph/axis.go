package graph

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// Axis returns axis counted from the start, for a value of the given rank. A
// negative axis counts from the end.
func Axis(axis, rank int) (int, error) {
	if axis < -rank || axis >= rank {
		return 0, fmt.Errorf("no dimension %d in rank %d", axis, rank)
	}
	if axis < 0 {
		axis += rank
	}
	return axis, nil
}

// Along returns shape s as [outer, n, inner], where n is the extent of dimension
// axis.
func Along(s tensor.Shape, axis int) (outer, n, inner int) {
	axis, err := Axis(axis, len(s))
	if err != nil {
		panic(err)
	}
	return s[:axis].Len(), s[axis], s[axis+1:].Len()
}

// alongShape returns the shape of the only arg of an op along a dimension, after
// a check that it has this dimension.
func alongShape(args []tensor.Shape, axis int) (tensor.Shape, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("%d arguments, want 1", len(args))
	}
	if _, err := Axis(axis, len(args[0])); err != nil {
		return nil, err
	}
	return args[0], nil
}

// alongEach calls f for each line of x along a dimension, with the flat index of
// its first element and the distance between its elements.
func alongEach(s tensor.Shape, axis int, f func(line, first, step int)) {
	outer, n, inner := Along(s, axis)
	tensor.Parallel(outer*inner, func(line int) { f(line, line/inner*n*inner+line%inner, inner) })
}

// axisBands returns the bands of an op along a dimension. All args have the same
// shape, and the result differs at most in that dimension. All dimensions before
// it become the first.
func axisBands(args []tensor.Shape, result tensor.Shape, axis int) ([]tensor.Shape, tensor.Shape, []bool) {
	axis, err := Axis(axis, len(args[0]))
	if err != nil {
		panic(err)
	}
	if axis == 0 {
		return args, append(tensor.Shape{1}, result...), make([]bool, len(args))
	}
	merge := func(s tensor.Shape) tensor.Shape {
		s = s.Clone()
		for d := 1; d < axis; d++ {
			s[0], s[d] = s[0]*s[d], 1
		}
		return s
	}
	as, moves := make([]tensor.Shape, len(args)), make([]bool, len(args))
	for i, a := range args {
		as[i], moves[i] = merge(a), true
	}
	return as, merge(result), moves
}
