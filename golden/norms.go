package golden

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
)

// norms builds all normalisations.
func norms(s sub) (Case, error) {
	var a struct {
		Eps            float64
		NormalizedDims []int `json:"normalized_shape"`
		Groups         int
		Size           int
		Alpha, Beta, K float64
		Dim            int
	}
	if err := s.decode(&a); err != nil {
		return Case{}, err
	}
	var names []string
	weight, bias := s.has("weight", "weight"), s.has("weight", "bias")
	if s.Kind == "batchnorm" {
		names = append(names, "running_mean", "running_var")
	}
	if weight {
		names = append(names, "weight")
	}
	if bias {
		names = append(names, "bias")
	}
	switch s.Kind {
	case "batchnorm":
		return image(s, graph.BatchNorm{Eps: a.Eps, Affine: weight}, names...)
	case "layernorm":
		op := graph.LayerNorm{Dims: len(a.NormalizedDims), Eps: a.Eps, Weight: weight, Bias: bias}
		return plain(s, op, names...)
	case "layernorm2d":
		return image(s, graph.LayerNorm{Eps: a.Eps, Weight: weight, Bias: bias}, names...)
	case "groupnorm":
		return image(s, graph.GroupNorm{Groups: a.Groups, Eps: a.Eps, Weight: weight, Bias: bias}, names...)
	case "lrn":
		return image(s, graph.LocalResponseNorm{Size: a.Size, Alpha: a.Alpha, Beta: a.Beta, K: a.K})
	case "l2norm":
		return plain(s, graph.Normalize{Axis: a.Dim, Eps: a.Eps})
	}
	return Case{}, fmt.Errorf("kind %q is unknown", s.Kind)
}
