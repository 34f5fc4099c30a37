package gpu

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// productRows adds matrix products, linear layers and convolutions with sizes around
// the tiles of the kernels that use workgroup memory.
func productRows(add func(op graph.Op, consts int, args ...tensor.Shape)) {
	all := graph.Epilogue{Bias: true, Residual: true, Act: graph.ReLU}
	for _, s := range [][3]int{{1, 1, 1}, {2, 260, 132}, {4, 77, 33}, {63, 65, 68}, {64, 64, 16}, {65, 36, 20}, {130, 132, 36}} {
		m, n, k := s[0], s[1], s[2]
		add(graph.MatMul{Scale: 0.25}, 2, tensor.Shape{m, k}, tensor.Shape{k, n})
		add(graph.MatMul{TransB: true}, 2, tensor.Shape{m, k}, tensor.Shape{n, k})
	}
	add(graph.MatMul{}, 2, tensor.Shape{2, 1, 3, 5, 8}, tensor.Shape{2, 1, 8, 12})
	add(graph.MatMul{TransB: true, Scale: 3}, 2, tensor.Shape{3, 2, 1, 1, 5, 8}, tensor.Shape{2, 3, 1, 12, 8})
	add(graph.MatMul{}, 2, tensor.Shape{4, 32}, tensor.Shape{5, 32, 300})
	for _, s := range [][3]int{{2, 9, 31}, {15, 63, 7}, {17, 68, 36}, {33, 129, 9}, {128, 64, 32}, {129, 68, 20}, {70, 36, 256}, {7, 64, 1024}, {7, 65, 1025}} {
		m, n, k := s[0], s[1], s[2]
		add(graph.Linear{Epilogue: all}, 1, tensor.Shape{m, k}, tensor.Shape{n, k}, tensor.Shape{n}, tensor.Shape{m, n})
	}
	conv := func(op graph.Conv2d, x, w tensor.Shape) {
		y, err := op.Shape([]tensor.Shape{x, w})
		if err != nil {
			panic(err)
		}
		op.Epilogue = all
		add(op, 1, x, w, tensor.Shape{y[3]}, y)
	}
	conv(graph.Conv2d{Pad: graph.Both(1)}, tensor.Shape{1, 13, 9, 64}, tensor.Shape{68, 64, 3, 3})
	conv(graph.Conv2d{Pad: graph.Both(1), Stride: graph.Both(2)}, tensor.Shape{2, 13, 9, 20}, tensor.Shape{33, 20, 3, 3})
	conv(graph.Conv2d{}, tensor.Shape{3, 5, 5, 16}, tensor.Shape{120, 16, 5, 5}) // one window covers the image
	conv(graph.Conv2d{Stride: graph.Pair{3, 4}}, tensor.Shape{1, 20, 28, 1}, tensor.Shape{24, 1, 4, 4})
	conv(graph.Conv2d{Stride: graph.Pair{3, 4}, Pad: graph.Pair{2, 0}}, tensor.Shape{1, 20, 28, 1}, tensor.Shape{24, 1, 4, 4})
	conv(graph.Conv2d{Stride: graph.Both(3)}, tensor.Shape{2, 6, 3, 4}, tensor.Shape{8, 4, 3, 3}) // one column of windows
	conv(graph.Conv2d{Groups: 4, Pad: graph.Both(1)}, tensor.Shape{2, 7, 5, 16}, tensor.Shape{32, 4, 3, 3})
	conv(graph.Conv2d{Groups: 3, Pad: graph.Both(1), Stride: graph.Both(2)}, tensor.Shape{2, 7, 5, 15}, tensor.Shape{21, 5, 3, 3})
	conv(graph.Conv2d{Groups: 16, Pad: graph.Both(1)}, tensor.Shape{2, 7, 6, 16}, tensor.Shape{16, 1, 3, 3})
	conv(graph.Conv2d{Groups: 20, Pad: graph.Both(3), Stride: graph.Both(2)}, tensor.Shape{2, 17, 16, 20}, tensor.Shape{20, 1, 7, 7})
	conv(graph.Conv2d{Groups: 8, Pad: graph.Both(1)}, tensor.Shape{2, 7, 6, 8}, tensor.Shape{16, 1, 3, 3})
	conv(graph.Conv2d{Pad: graph.Both(1)}, tensor.Shape{1, 12, 12, 512}, tensor.Shape{64, 512, 3, 3})
	conv(graph.Conv2d{Pad: graph.Both(1)}, tensor.Shape{1, 5, 5, 1024}, tensor.Shape{20, 1024, 3, 3})
	conv(graph.Conv2d{}, tensor.Shape{2, 11, 6, 17}, tensor.Shape{19, 17, 3, 3})
	conv(graph.Conv2d{Pad: graph.Pair{2, 0}}, tensor.Shape{1, 3, 5, 20}, tensor.Shape{16, 20, 3, 3})
	conv(graph.Conv2d{Groups: 4, Pad: graph.Both(2)}, tensor.Shape{1, 3, 9, 4}, tensor.Shape{4, 1, 5, 5})
	conv(graph.Conv2d{Groups: 12, Pad: graph.Both(2), Dilation: graph.Both(2)}, tensor.Shape{2, 8, 9, 12}, tensor.Shape{12, 1, 3, 3})
	conv(graph.Conv2d{Groups: 12, Pad: graph.Pair{0, 3}, Stride: graph.Pair{2, 1}}, tensor.Shape{2, 8, 3, 12}, tensor.Shape{12, 1, 3, 4})
	conv(graph.Conv2d{Groups: 2, Pad: graph.Both(1), Stride: graph.Both(2)}, tensor.Shape{2, 8, 9, 16}, tensor.Shape{8, 8, 3, 3})
	conv(graph.Conv2d{Groups: 2, Pad: graph.Both(1)}, tensor.Shape{2, 8, 9, 16}, tensor.Shape{128, 8, 3, 3})
	transposed := func(op graph.ConvTranspose2d, x, w tensor.Shape) {
		y, err := op.Shape([]tensor.Shape{x, w})
		if err != nil {
			panic(err)
		}
		add(op, 1, x, w)
		op.Epilogue = all
		add(op, 1, x, w, tensor.Shape{y[3]}, y)
	}
	two := graph.ConvTranspose2d{Stride: graph.Both(2)}
	transposed(two, tensor.Shape{1, 1, 1, 1}, tensor.Shape{1, 1, 2, 2})
	transposed(two, tensor.Shape{2, 5, 7, 16}, tensor.Shape{16, 8, 2, 2})
	transposed(two, tensor.Shape{1, 9, 3, 12}, tensor.Shape{12, 20, 2, 2})
	transposed(two, tensor.Shape{1, 9, 11, 64}, tensor.Shape{64, 64, 2, 2})
	transposed(two, tensor.Shape{1, 4, 3, 5}, tensor.Shape{5, 3, 2, 2})
	transposed(graph.ConvTranspose2d{Stride: graph.Both(3)}, tensor.Shape{1, 4, 3, 8}, tensor.Shape{8, 4, 3, 3})
	transposed(graph.ConvTranspose2d{Stride: graph.Pair{2, 3}}, tensor.Shape{2, 4, 3, 8}, tensor.Shape{8, 4, 2, 3})
	transposed(graph.ConvTranspose2d{
		Stride: graph.Pair{2, 1}, OutputPad: graph.Pair{1, 0}, Pad: graph.Pair{0, 2}, Dilation: graph.Pair{1, 3},
	}, tensor.Shape{2, 4, 5, 3}, tensor.Shape{3, 5, 3, 2})
	transposed(graph.ConvTranspose2d{Stride: graph.Both(2), Pad: graph.Both(1)}, tensor.Shape{2, 5, 7, 8}, tensor.Shape{8, 12, 4, 4})
	transposed(graph.ConvTranspose2d{Stride: graph.Pair{3, 2}, Pad: graph.Pair{2, 1}, OutputPad: graph.Pair{2, 1}, Groups: 2},
		tensor.Shape{2, 4, 11, 8}, tensor.Shape{8, 4, 5, 3})
	transposed(graph.ConvTranspose2d{Stride: graph.Both(2), Pad: graph.Both(1), Dilation: graph.Pair{3, 2}, OutputPad: graph.Both(1), Groups: 2},
		tensor.Shape{1, 5, 6, 8}, tensor.Shape{8, 4, 3, 3})
	transposed(graph.ConvTranspose2d{Stride: graph.Both(3), Pad: graph.Both(4), OutputPad: graph.Both(2)}, tensor.Shape{1, 5, 6, 12}, tensor.Shape{12, 1, 9, 9})
	transposed(graph.ConvTranspose2d{Stride: graph.Both(2), Pad: graph.Pair{0, 1}, OutputPad: graph.Pair{-3, 9}}, tensor.Shape{2, 5, 7, 8}, tensor.Shape{8, 12, 3, 3})
	transposed(graph.ConvTranspose2d{Stride: graph.Both(2), OutputPad: graph.Pair{5, -1}}, tensor.Shape{1, 4, 3, 8}, tensor.Shape{8, 4, 2, 2})
	transposed(graph.ConvTranspose2d{Stride: graph.Both(3), OutputPad: graph.Both(-2), Groups: 2}, tensor.Shape{1, 4, 3, 8}, tensor.Shape{8, 4, 3, 3})
	transposed(graph.ConvTranspose2d{Pad: graph.Both(3)}, tensor.Shape{1, 7, 6, 4}, tensor.Shape{4, 8, 3, 3})
	transposed(graph.ConvTranspose2d{OutputPad: graph.Both(1), Dilation: graph.Both(2), Groups: 3},
		tensor.Shape{2, 4, 5, 6}, tensor.Shape{6, 2, 3, 3})
}
