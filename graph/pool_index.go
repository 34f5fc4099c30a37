package graph

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// MaxPool2dIndex is where MaxPool2d finds the largest element: row r and column s
// are place r·W + s, or s·H + r with Columns. Of equal elements the first one counts,
// row by row. A window that covers only padding gives −1.
//
// Args: x [B, H, W, C]. Result: [B, oH, oW, C], see Window, as float32.
type MaxPool2dIndex struct {
	Window
	Columns bool
}

// Name is "max_pool2d_index" and the window.
func (o MaxPool2dIndex) Name() string {
	s := "max_pool2d_index " + o.Window.String()
	if o.Columns {
		s += " columns"
	}
	return s
}

// Shape checks the window. It refuses more than 2²⁴ places.
func (o MaxPool2dIndex) Shape(args []tensor.Shape) (tensor.Shape, error) {
	y, err := o.shape(args)
	if err == nil && args[0][1]*args[0][2] > 1<<24 {
		return nil, fmt.Errorf("%v has more than %d places", args[0], 1<<24)
	}
	return y, err
}

// Eval finds the places.
func (o MaxPool2dIndex) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x, w := args[0], o.Defaults()
	shape, err := o.Shape(shapes(args))
	if err != nil {
		panic(err)
	}
	y := tensor.New(shape...)
	h, wd, c := x.Shape[1], x.Shape[2], x.Shape[3]
	down, across := wd, 1
	if o.Columns {
		down, across = 1, h
	}
	tensor.Parallel(len(y.Data), func(n int) {
		under := w.at(n/(c*shape[2])%shape[1], n/c%shape[2])
		image, largest, place := n/(c*shape[2]*shape[1]), float32(0), -1
		for r := under.top; r < min(under.bottom, h); r += under.down {
			for s := under.left; s < min(under.right, wd); s += under.across {
				if r < 0 || s < 0 {
					continue
				}
				if v := x.Data[((image*h+r)*wd+s)*c+n%c]; place < 0 || v > largest {
					largest, place = v, r*down+s*across
				}
			}
		}
		y.Data[n] = float32(place)
	})
	return y
}

// Bands splits the batch.
func (o MaxPool2dIndex) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return args, result, []bool{true}
}

// FLOPs counts one for each element under each window.
func (o MaxPool2dIndex) FLOPs(_ []tensor.Shape, result tensor.Shape) int64 {
	return int64(result.Len()) * int64(o.Size[0]*o.Size[1])
}
