package golden

import (
	"encoding/json"
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// resample builds interpolate, pixel_shuffle and pixel_unshuffle.
func resample(s sub) (Case, error) {
	var a struct {
		R            int
		Mode         string
		AlignCorners bool `json:"align_corners"`
		Antialias    bool
		Size         graph.Pair
		Scale        json.RawMessage
	}
	if err := s.decode(&a); err != nil {
		return Case{}, err
	}
	op := graph.Resize{AlignCorners: a.AlignCorners, Antialias: a.Antialias, Size: a.Size}
	if err := pair(a.Scale, &op.Scale); err != nil {
		return Case{}, fmt.Errorf("scale: %w", err)
	}
	switch s.Kind {
	case "pixel_shuffle", "pixel_unshuffle":
	case "interpolate":
		for op.Mode = graph.Nearest; op.Mode.String() != a.Mode; op.Mode++ {
			if op.Mode == graph.Bicubic {
				return Case{}, fmt.Errorf("mode %q is unknown", a.Mode)
			}
		}
	default:
		return Case{}, fmt.Errorf("kind %q is unknown", s.Kind)
	}
	return one(s.outImage("y"), []*tensor.Tensor{s.inImage("x")}, func(_ *graph.Graph, in []*graph.Value) *graph.Value {
		switch s.Kind {
		case "pixel_shuffle":
			return in[0].PixelShuffle(a.R)
		case "pixel_unshuffle":
			return in[0].PixelUnshuffle(a.R)
		}
		return in[0].Resize(op)
	})
}

// pair reads one number for both dimensions, or two numbers.
func pair(text json.RawMessage, to *[2]float64) error {
	if len(text) == 0 || string(text) == "null" {
		return nil
	}
	if json.Unmarshal(text, &to[0]) == nil {
		to[1] = to[0]
		return nil
	}
	return json.Unmarshal(text, to)
}
