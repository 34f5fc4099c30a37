package layers

import (
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// SinCos2D is MAE's fixed position embedding of a grid×grid map of tokens,
// [grid², dim], after a row of zeros for the class token if there is one: the
// first half of the channels tells the column and the second the row, each as
// the sines and then the cosines of the coordinate times 10000^(−4i/dim),
// i < dim/4. It panics if 4 does not divide dim. (He et al., arXiv:2111.06377.)
func SinCos2D(dim, grid int, class bool) *tensor.Tensor {
	if dim%4 != 0 {
		panic("layers: 4 does not divide the channels of a position embedding in two dimensions")
	}
	first := 0
	if class {
		first = 1
	}
	t := tensor.New(first+grid*grid, dim)
	quarter := dim / 4
	for i := range grid * grid {
		row := t.Data[(first+i)*dim:]
		for half, at := range [2]int{i % grid, i / grid} {
			for k := range quarter {
				sin, cos := math.Sincos(float64(at) * math.Pow(10000, -float64(k)/float64(quarter)))
				row[(2*half)*quarter+k] = float32(sin)
				row[(2*half+1)*quarter+k] = float32(cos)
			}
		}
	}
	return t
}
