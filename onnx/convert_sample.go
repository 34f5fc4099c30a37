package onnx

import (
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// sampling has the operators that sample images at points.
func sampling() map[string]converter {
	return map[string]converter{
		"GridSample":               convertGridSample,
		"com.microsoft.GridSample": convertGridSample,
		"AffineGrid":               convertAffineGrid,
		"RoiAlign":                 convertRoiAlign,
		"DeformConv":               convertDeformConv,
		"CenterCropPad":            convertCenterCropPad,
	}
}

func convertGridSample(c *call) []*value {
	x, grid := c.arg(0), c.arg(1).shape
	if n := len(grid) - 1; n > 1 && len(x.shape) == n+1 && x.shape[:2].Len()*grid[1:n].Len() == 0 {
		return []*value{known(newArray(x.typ, append(x.shape[:2].Clone(), grid[1:n]...)))}
	}
	c.spatial(x, 3)
	o := graph.GridSample{AlignCorners: c.flag("align_corners", false)}
	switch mode := c.string("mode", "linear"); mode {
	case "linear", "bilinear":
	case "nearest":
		o.Mode = graph.SampleNearest
	case "cubic", "bicubic":
		o.Mode = graph.SampleCubic
	default:
		failf("mode %.40q", mode)
	}
	switch mode := c.string("padding_mode", "zeros"); mode {
	case "zeros":
	case "border":
		o.Border = graph.BorderClamp
	case "reflection":
		o.Border = graph.BorderReflect
	default:
		failf("padding_mode %.40q", mode)
	}
	return c.like(first(graph.Apply(o, last(c.x(0)), c.x(1))))
}

// convertAffineGrid multiplies the points of a regular grid by the matrices theta.
func convertAffineGrid(c *call) []*value {
	theta, size := c.arg(0), c.knownInts(1)
	dims := len(size) - 2
	if dims < 2 || dims > 3 || len(theta.shape) != 3 || theta.shape[1] != dims || theta.shape[2] != dims+1 {
		failf("matrices %v for the size %v", theta.shape, size)
	}
	n := shapeOf(size[2:])
	c.bound(append(n.Clone(), dims+1))
	if n.Len() == 0 {
		failf("size %v", size)
	}
	points := make([]float32, 0, n.Len()*(dims+1))
	for p := range n.Len() {
		for d := dims - 1; d >= 0; d-- { // x is the last dimension
			i, of := p/n[d+1:].Len()%n[d], float64(n[d])
			at := (2*float64(i)+1)/of - 1
			if c.flag("align_corners", false) {
				at = -1
				if n[d] > 1 {
					at = 2*float64(i)/(of-1) - 1
				}
			}
			points = append(points, float32(at))
		}
		points = append(points, 1)
	}
	grid := graph.Apply(graph.MatMul{TransB: true}, c.constant(points, 1, n.Len(), dims+1), c.x(0))
	return c.like(grid.Reshape(append(append([]int{theta.shape[0]}, n...), dims)...))
}

func convertRoiAlign(c *call) []*value {
	x := c.arg(0)
	c.spatial(x, 2)
	o := graph.RoiAlign{
		Size:    graph.Pair{c.int("output_height", 1), c.int("output_width", 1)},
		Samples: c.int("sampling_ratio", 0), Scale: c.float("spatial_scale", 1),
		HalfPixel: c.opset >= 16 && c.string("coordinate_transformation_mode", "half_pixel") == "half_pixel",
	}
	switch mode := c.string("mode", "avg"); mode {
	case "avg":
	case "max":
		o.Max = true
	default:
		failf("mode %.40q", mode)
	}
	return c.like(first(graph.Apply(o, last(c.x(0)), c.x(1), c.x(2))))
}

// convertDeformConv gathers what each window sees, and multiplies it by the weights.
func convertDeformConv(c *call) []*value {
	x, w := c.arg(0), c.arg(1)
	c.spatial(x, 2)
	if len(x.shape) != 4 || len(w.shape) != 4 {
		failf("weights %v for %v", w.shape, x.shape)
	}
	f := c.frame(x.shape, w.shape[2:])
	o := graph.DeformColumns{Size: pair(f.kernel), Stride: pair(f.stride), Pad: pair(f.before), Dilation: pair(f.dilation),
		Groups: c.int("offset_group", 1), Mask: c.has(4)}
	args := []*graph.Value{last(c.x(0)), last(c.x(2))}
	if o.Mask {
		args = append(args, last(c.x(4)))
	}
	columns := graph.Apply(o, args...)
	args = []*graph.Value{columns, c.value(w.reshape(tensor.Shape{w.shape[0], w.shape[1:].Len(), 1, 1}))}
	product := graph.Conv2d{Groups: c.int("group", 1)}
	if c.has(3) {
		product.Bias = true
		args = append(args, c.x(3))
	}
	return c.like(first(graph.Apply(product, args...)))
}

// convertCenterCropPad keeps the middle of some axes, or pads them with zeros.
func convertCenterCropPad(c *call) []*value {
	x, sizes := c.arg(0), c.knownInts(1)
	axes, ok := c.ints("axes")
	if !ok {
		for d := range x.shape {
			axes = append(axes, d)
		}
	}
	if len(sizes) != len(axes) {
		failf("%d sizes for %d axes", len(sizes), len(axes))
	}
	axesOf(axes, len(x.shape))
	before, after := make([]int, len(x.shape)), make([]int, len(x.shape))
	for i, a := range axes {
		d := axisOf(a, len(x.shape))
		if sizes[i] < 1 || sizes[i] > mostElements {
			failf("size %d", sizes[i])
		}
		more := sizes[i] - x.shape[d]
		before[d] = more / 2
		after[d] = more - before[d]
	}
	return []*value{c.padded(x, before, after, graph.Constant, 0)}
}

// padded extends or crops each dimension of v.
func (c *call) padded(v *value, before, after []int, mode graph.PadMode, fill float32) *value {
	o := graph.Pad{Mode: mode, Value: fill}
	if len(v.shape) > graph.MaxRank {
		failf("%d dimensions", len(v.shape))
	}
	copy(o.Before[:], before)
	copy(o.After[:], after)
	if slices.Equal(before, make([]int, len(before))) && slices.Equal(after, make([]int, len(after))) {
		return v
	}
	return computed(v.typ, graph.Apply(o, c.value(v)))
}
