package onnx

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// legacy has the experimental operators of the first opsets, which files for Windows still use.
func legacy() map[string]converter {
	return map[string]converter{
		"Affine": func(c *call) []*value {
			return c.like(c.x(0).Map(graph.Times, float32(c.float("alpha", 1))).Map(graph.Plus, float32(c.float("beta", 0))))
		},
		"Scale": func(c *call) []*value {
			return c.like(c.x(0).Map(graph.Times, float32(c.float("scale", 1))))
		},
		"ScaledTanh": func(c *call) []*value {
			return c.like(c.x(0).Map(graph.Times, float32(c.float("beta", 1))).Tanh().Map(graph.Times, float32(c.float("alpha", 1))))
		},
		"ParametricSoftplus": func(c *call) []*value {
			y := c.x(0).Map(graph.Times, float32(c.float("beta", 1))).Activate(graph.Softplus)
			return c.like(y.Map(graph.Times, float32(c.float("alpha", 1))))
		},
		"ImageScaler": convertImageScaler,
		"Crop":        convertCrop,
	}
}

// convertImageScaler is scale·x + bias, with a bias for each channel.
func convertImageScaler(c *call) []*value {
	y := c.x(0).Map(graph.Times, float32(c.float("scale", 1)))
	if a := c.attrs["bias"]; a != nil && len(a.Floats) > 0 {
		y = y.Add(c.constant(a.Floats, len(a.Floats), 1, 1))
	}
	return c.like(y)
}

// convertCrop cuts off a border: left, top, right and bottom. With a scale, the height and width
// of the result, it cuts at the left and the top alone.
func convertCrop(c *call) []*value {
	x := c.arg(0)
	border, ok := c.ints("border")
	if !ok || len(border) != 4 || len(x.shape) != 4 {
		failf("border %v of %v", border, x.shape)
	}
	h, w := x.shape[2]-border[1]-border[3], x.shape[3]-border[0]-border[2]
	if scale, ok := c.ints("scale"); ok && len(scale) == 2 {
		h, w = scale[0], scale[1]
	}
	if min(border[0], border[1], h-1, w-1) < 0 || border[1]+h > x.shape[2] || border[0]+w > x.shape[3] {
		failf("border %v of %v", border, x.shape)
	}
	return []*value{c.slice(x, []int{0, 0, border[1], border[0]}, []int{1, 1, 1, 1}, tensor.Shape{x.shape[0], x.shape[1], h, w})}
}
