package weights

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/vertebra/vertebra/tensor"
)

// Random fills the declared tensors of a model with random numbers, the same for
// the same seed. Values keep a usual size through many layers: logits have a
// standard deviation of 0.1 to 10.
//
// Matrices and kernels have the variance of He et al., 2 over the fan-in. The
// scales of norms are near 1. The last scale in the residual branch of a ResNet
// block is near 1/5, as after training: with 1, each block would double the
// variance.
func Random(model any, seed uint64) {
	names := map[string]bool{}
	Walk(model, func(name string, _ *tensor.Tensor) { names[name] = true })
	r := rand.New(rand.NewPCG(seed, 0))
	Walk(model, func(name string, t *tensor.Tensor) {
		t.Data, t.Halves, t.Unload = make([]float32, t.Shape.Len()), nil, nil
		scale := 0.1
		if len(t.Shape) > 1 {
			scale = math.Sqrt(2 / float64(t.Shape[1:].Len()))
		}
		ends := endsBranch(name, names)
		for i := range t.Data {
			v := r.NormFloat64() * scale
			switch {
			case strings.HasSuffix(name, "running_var"):
				v = 1 + math.Abs(v)
			case len(t.Shape) == 1 && strings.HasSuffix(name, "weight"): // the scale of a norm
				v++
			}
			if ends {
				v *= 0.2
			}
			t.Data[i] = float32(v)
		}
	})
}

// endsBranch reports whether name is the scale of the last of at least two batch
// norms (bn1, bn2, …) in a block. The block adds its result to the block's input.
func endsBranch(name string, names map[string]bool) bool {
	block, ok := strings.CutSuffix(name, ".weight")
	at := strings.LastIndexByte(block, '.') + 1
	var n int
	if _, err := fmt.Sscanf(block[at:], "bn%d", &n); !ok || err != nil || n < 2 {
		return false
	}
	return !names[fmt.Sprintf("%sbn%d.weight", block[:at], n+1)]
}
