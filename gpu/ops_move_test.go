package gpu

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// moveRows adds the ops that move elements or interpolate between them.
func moveRows(add func(op graph.Op, consts int, args ...tensor.Shape)) {
	type ints = [graph.MaxRank]int
	for mode := graph.Nearest; mode <= graph.Bicubic; mode++ {
		for _, c := range []int{1, 3, 4, 12} {
			for _, s := range [][4]int{{1, 1, 3, 5}, {7, 5, 7, 5}, {13, 17, 31, 8}, {37, 29, 11, 64}, {2, 3, 1, 1}} {
				x, size := tensor.Shape{2, s[0], s[1], c}, graph.Pair{s[2], s[3]}
				add(graph.Resize{Mode: mode, Size: size}, 1, x)
				if mode >= graph.Bilinear {
					add(graph.Resize{Mode: mode, Size: size, AlignCorners: true}, 1, x)
					add(graph.Resize{Mode: mode, Size: size, Antialias: true}, 1, x)
				}
			}
		}
		add(graph.Resize{Mode: mode, Scale: [2]float64{2.5, 0.3}}, 1, tensor.Shape{3, 9, 20, 5})
		add(graph.Resize{Mode: mode, Scale: [2]float64{1.7, 3}, Size: graph.Pair{15, 59}}, 1, tensor.Shape{1, 9, 20, 8})
		add(graph.Resize{Mode: mode, Size: graph.Pair{500, 300}}, 1, tensor.Shape{1, 333, 257, 3})
	}

	add(graph.Concat{Axis: -1}, 1, tensor.Shape{5})
	add(graph.Concat{Axis: 0}, 3, tensor.Shape{4, 3, 5}, tensor.Shape{1, 3, 5}, tensor.Shape{7, 3, 5})
	add(graph.Concat{Axis: 1}, 3, tensor.Shape{2, 3, 8}, tensor.Shape{2, 1, 8}, tensor.Shape{2, 65, 8})
	add(graph.Concat{Axis: -1}, 4, tensor.Shape{2, 9, 7, 4}, tensor.Shape{2, 9, 7, 3}, tensor.Shape{2, 9, 7, 8}, tensor.Shape{2, 9, 7, 1})
	add(graph.Concat{Axis: -1}, 2, tensor.Shape{1, 63, 64, 64}, tensor.Shape{1, 63, 64, 32})
	many := make([]tensor.Shape, 12)
	for i := range many {
		many[i] = tensor.Shape{3, i + 1, 4}
	}
	add(graph.Concat{Axis: -2}, 12, many...)

	permute := func(shape tensor.Shape, order ...int) {
		op := graph.Permute{Rank: len(order)}
		copy(op.Order[:], order)
		add(op, 1, shape)
	}
	permute(tensor.Shape{1}, 0)
	permute(tensor.Shape{5, 7}, 1, 0)
	permute(tensor.Shape{64, 1}, 1, 0)
	permute(tensor.Shape{2, 15, 17}, 0, 2, 1)
	permute(tensor.Shape{3, 16, 33}, 0, 2, 1)
	permute(tensor.Shape{2, 3, 19, 23}, 0, 2, 3, 1)
	permute(tensor.Shape{2, 19, 23, 3}, 0, 3, 1, 2)
	permute(tensor.Shape{2, 9, 4, 8}, 0, 2, 1, 3)
	permute(tensor.Shape{2, 3, 5, 7}, 3, 2, 1, 0)
	permute(tensor.Shape{2, 3, 4, 5, 6}, 2, 0, 3, 1, 4)
	permute(tensor.Shape{2, 3, 2, 3, 4, 5}, 5, 0, 3, 1, 4, 2)
	permute(tensor.Shape{2, 3, 2, 3, 5, 4}, 0, 2, 4, 1, 3, 5)
	permute(tensor.Shape{1, 1000, 700}, 0, 2, 1)
	add(graph.Expand{Rank: 4, To: ints{2, 3, 5, 8}}, 1, tensor.Shape{3, 1, 8})
	add(graph.Expand{Rank: 3, To: ints{2, 3, 5}}, 1, tensor.Shape{1})
	add(graph.Expand{Rank: 3, To: ints{4, 1, 6}}, 1, tensor.Shape{1, 1, 6})

	add(graph.Slice{}, 1, tensor.Shape{3, 5})
	add(graph.Slice{Start: ints{2: 4}, Stop: ints{2: 8}}, 1, tensor.Shape{2, 65, 12})
	add(graph.Slice{Start: ints{2: 5}, Stop: ints{2: 8}}, 1, tensor.Shape{2, 65, 12})
	add(graph.Slice{Start: ints{1: 1}}, 1, tensor.Shape{2, 50, 16})
	add(graph.Slice{Stop: ints{1: -1}, Step: ints{1: 2, 2: 3}}, 1, tensor.Shape{2, 8, 11, 4})
	add(graph.Slice{Start: ints{0: 1, 3: -2}, Step: ints{0: 2}}, 1, tensor.Shape{5, 3, 4, 6})
	add(graph.Slice{Start: ints{1, 1, 1, 1, 1, 1}}, 1, tensor.Shape{2, 3, 2, 3, 2, 5})

	add(graph.Slice{Step: ints{-1}}, 1, tensor.Shape{7})
	add(graph.Slice{Step: ints{-1, -2, 1}}, 1, tensor.Shape{5, 6, 8})
	add(graph.Slice{Start: ints{1: 1, 3: 1}, Stop: ints{1: -2, 3: 4}, Step: ints{0: 1, 1: -3, 3: -1}}, 1, tensor.Shape{2, 9, 4, 5})
	add(graph.Slice{Step: ints{-1, -1, -1, -1, -1, -1}}, 1, tensor.Shape{2, 3, 2, 3, 2, 5})

	for mode := graph.Constant; mode <= graph.Circular; mode++ {
		add(graph.Pad{Mode: mode, Value: 2.5, Before: ints{1: 2, 2: 1}, After: ints{1: 1, 2: 3}}, 1, tensor.Shape{2, 5, 7, 3})
		add(graph.Pad{Mode: mode, Before: ints{1: 3, 2: -1}, After: ints{1: -2, 2: 2}}, 1, tensor.Shape{2, 6, 7, 8})
		add(graph.Pad{Mode: mode, Value: -1, Before: ints{0: 1, 2: 4}, After: ints{1: 1, 2: 4}}, 1, tensor.Shape{2, 3, 8})
		add(graph.Pad{Mode: mode, Before: ints{1, 0, 1, 0, 1, 0}, After: ints{0, 1, 0, 1, 0, 1}}, 1, tensor.Shape{2, 3, 2, 3, 2, 3})
	}
	add(graph.Pad{Before: ints{9}, After: ints{4}}, 1, tensor.Shape{1})
	add(graph.Pad{Before: ints{1: -2, 2: -3}, After: ints{1: -1, 2: -1}}, 1, tensor.Shape{2, 6, 7, 8})
	add(graph.Pad{Before: ints{1: -9}, After: ints{1: 9}}, 1, tensor.Shape{2, 6, 3}) // no element of x is left

	indexRows(add)
	add(graph.Roll{}, 1, tensor.Shape{7})
	add(graph.Roll{Shift: ints{1: -3, 2: 3}}, 1, tensor.Shape{2, 8, 9, 4})
	add(graph.Roll{Shift: ints{1: 23, 2: -40, 3: 1}}, 1, tensor.Shape{2, 8, 9, 5})
	add(graph.Roll{Shift: ints{0: 1, 2: 2}}, 1, tensor.Shape{3, 4, 6, 8})
}
