package weights

import (
	"math"
	"math/rand/v2"
	"strings"

	"github.com/vertebra/vertebra/tensor"
)

// Random fills the declared tensors of a model with numbers that keep values
// of a usual size through many layers, the same ones for the same seed.
func Random(model any, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	Walk(model, func(name string, t *tensor.Tensor) {
		t.Data = make([]float32, t.Shape.Len())
		scale := 0.1
		if len(t.Shape) > 1 {
			scale = math.Sqrt(2 / float64(t.Shape[1:].Len()))
		}
		for i := range t.Data {
			v := r.NormFloat64() * scale
			switch {
			case strings.HasSuffix(name, "running_var"):
				v = 1 + math.Abs(v)
			case len(t.Shape) == 1 && strings.HasSuffix(name, "weight"): // of a norm
				v++
			}
			t.Data[i] = float32(v)
		}
	})
}
