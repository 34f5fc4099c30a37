package layers

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// SinCos2D returns MAE's fixed position embedding [grid², dim] of a grid×grid map
// of tokens. If class is set, a row of zeros for the class token comes first. The
// first half of the channels encodes the column and the second half the row, each
// as the sines and then the cosines of the coordinate times 10000^(−4i/dim),
// i < dim/4. It panics if dim is not a multiple of 4. (He et al.,
// arXiv:2111.06377.)
func SinCos2D(dim, grid int, class bool) *tensor.Tensor {
	if dim%4 != 0 {
		panic(fmt.Sprintf("layers: position embedding of %d channels, want a multiple of 4", dim))
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
