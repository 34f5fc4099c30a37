package onnx

import (
	"math"
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// resizes has the operators that resize by interpolation.
func resizes() map[string]converter {
	return map[string]converter{"Resize": convertResize, "Upsample": convertResize}
}

// resizing says how each axis of a value is resized.
type resizing struct {
	mode, coord, nearest  string
	cubic                 float64
	antialias, excludeOut bool
	fill                  float32 // outside the region, for tf_crop_and_resize
}

// resized is an axis that becomes longer or shorter.
type resized struct {
	axis, in, out int
	scale         float64
	exact         bool    // scale is out / in
	from, to      float64 // the region, for tf_crop_and_resize
}

// mostSide is the longest axis that a resizing makes: it has a table for each place.
const mostSide = 1 << 24

func convertResize(c *call) []*value {
	x := c.arg(0)
	if x.shape.Len() == 0 {
		return []*value{known(newArray(x.typ, c.resizedNothing(x.shape)))}
	}
	r, axes := c.resizing(x.shape)
	axes = slices.DeleteFunc(axes, func(a resized) bool {
		return a.in == a.out && a.scale == 1 && r.coord != "tf_crop_and_resize"
	})
	v := c.value(x)
	if o, ok := r.image(axes, x.shape); ok {
		return c.like(first(graph.Apply(o, last(v))))
	}
	for _, a := range axes {
		v = c.resample(v, r, a)
	}
	return c.like(v)
}

// resizing reads the attributes and the sizes or scales.
func (c *call) resizing(x tensor.Shape) (resizing, []resized) {
	r := resizing{mode: c.string("mode", "nearest"), cubic: c.float("cubic_coeff_a", -0.75), fill: float32(c.float("extrapolation_value", 0)),
		antialias: c.flag("antialias", false), excludeOut: c.flag("exclude_outside", false)}
	r.coord, r.nearest = c.string("coordinate_transformation_mode", "half_pixel"), c.string("nearest_mode", "round_prefer_floor")
	if c.simpleResize() {
		r.coord, r.nearest = "asymmetric", "simple"
	}
	if r.mode != "nearest" && r.mode != "linear" && c.node.Op == "Upsample" && !(c.opset < 7 && r.mode == "bilinear") {
		failf("mode %.40q", r.mode)
	}
	if r.mode == "bilinear" { // of opset 1
		r.mode = "linear"
	}
	scales, sizes, dims := c.extents(len(x))
	var all []resized
	for _, d := range dims {
		all = append(all, resized{axis: axisOf(d, len(x)), in: x[axisOf(d, len(x))]})
	}
	if len(sizes) == len(dims) {
		sized(all, sizes, c.string("keep_aspect_ratio_policy", "stretch"))
	} else {
		for i, s := range scales {
			all[i].scale = s
			n := math.Floor(float64(float32(all[i].in) * float32(s)))
			if !(s > 0 && n >= 1 && n <= mostSide) {
				failf("axis %d of %v cannot be resized by %v", all[i].axis, x, s)
			}
			all[i].out = int(n)
		}
	}
	left := mostElements
	for i, a := range all {
		if !(a.scale > 0) || a.out < 1 || a.out > min(left, mostSide) {
			failf("axis %d of %v cannot be resized to %d by %v", a.axis, x, a.out, a.scale)
		}
		left /= a.out
		if r.coord == "tf_crop_and_resize" {
			roi := c.known(1)
			if roi.Len() != 2*len(all) {
				failf("a region of %d numbers", roi.Len())
			}
			all[i].from, all[i].to = roi.At(i), roi.At(len(all)+i)
		}
	}
	return r, all
}

// simpleResize reports whether the operator is of the first opsets, which had one way to resize.
func (c *call) simpleResize() bool { return c.node.Op == "Upsample" || c.opset < 11 }

// extents reads the scales or the sizes of some dimensions of rank.
func (c *call) extents(rank int) (scales []float64, sizes, dims []int) {
	at := 2
	if c.simpleResize() {
		at = 1
	}
	if f := c.attrs["scales"]; f != nil {
		for _, s := range f.Floats {
			scales = append(scales, float64(s))
		}
	} else if c.has(at) && c.arg(at).shape.Len() > 0 {
		for i := range c.arg(at).shape.Len() {
			scales = append(scales, c.known(at).At(i))
		}
	}
	if h, w := c.attrs["height_scale"], c.attrs["width_scale"]; h != nil && w != nil && rank == 4 { // of opset 1
		scales = []float64{1, 1, float64(h.F), float64(w.F)}
	}
	if c.has(3) && c.arg(3).shape.Len() > 0 {
		sizes = c.knownInts(3)
	}
	dims, ok := c.ints("axes")
	if !ok {
		for d := range rank {
			dims = append(dims, d)
		}
	}
	axesOf(dims, rank)
	if len(scales) != len(dims) && len(sizes) != len(dims) {
		failf("%d scales and %d sizes for %d axes", len(scales), len(sizes), len(dims))
	}
	return scales, sizes, dims
}

// resizedNothing is the shape of what a resizing makes of no elements.
func (c *call) resizedNothing(x tensor.Shape) tensor.Shape {
	scales, sizes, dims := c.extents(len(x))
	y := x.Clone()
	for i, axis := range dims {
		d := axisOf(axis, len(x))
		if len(sizes) == len(dims) {
			y[d] = sizes[i]
		} else if n := math.Floor(float64(float32(x[d]) * float32(scales[i]))); n >= 0 && n <= mostSide {
			y[d] = int(n)
		} else {
			failf("axis %d of %v cannot be resized by %v", d, x, scales[i])
		}
	}
	if shapeOf(y).Len() > 0 {
		failf("%v cannot be resized to %v", x, y)
	}
	return y
}

// over is x / scale. It is rounded as little as can be for sizes, and as float32 for scales,
// which are float32: a scale of 0.8 thus leads from 4 to 5.
func (a resized) over(x float64) float64 {
	if a.exact {
		return x * float64(a.in) / float64(a.out)
	}
	return float64(float32(x) / float32(a.scale))
}

// sized sets the scales that lead to sizes.
func sized(all []resized, sizes []int, policy string) {
	common := 0.0
	for i, n := range sizes {
		all[i].out, all[i].scale, all[i].exact = n, float64(n)/float64(all[i].in), policy == "stretch"
		if s := all[i].scale; i == 0 || policy == "not_larger" && s < common || policy == "not_smaller" && s > common {
			common = s
		}
	}
	if policy != "stretch" && policy != "not_larger" && policy != "not_smaller" {
		failf("keep_aspect_ratio_policy %.40q", policy)
	}
	if policy == "stretch" {
		return
	}
	for i := range all {
		all[i].scale = common
		all[i].out = int(math.Floor(common*float64(all[i].in) + 0.5))
	}
}

// image returns the graph's op for the last two of four dimensions, if it gives the same.
func (r resizing) image(axes []resized, x tensor.Shape) (graph.Resize, bool) {
	o := graph.Resize{Size: graph.Pair{}}
	if len(x) != 4 || len(axes) == 0 || r.antialias || r.excludeOut || r.coord == "tf_crop_and_resize" {
		return o, false
	}
	o.Size = graph.Pair{x[2], x[3]}
	for _, a := range axes {
		if a.axis < 2 {
			return o, false
		}
		o.Size[a.axis-2] = a.out
	}
	if r.mode == "nearest" {
		for _, a := range axes {
			step := float32(a.in) / float32(a.out)
			for i := range a.out {
				if min(int(step*float32(i)), a.in-1) != r.near(a, i) {
					return o, false
				}
			}
		}
		return o, true
	}
	whole := true // every scale is that of the sizes
	for _, a := range axes {
		whole = whole && float64(a.out) == a.scale*float64(a.in)
	}
	switch {
	case r.mode == "linear":
		o.Mode = graph.Bilinear
	case r.mode == "cubic" && r.cubic == -0.75:
		o.Mode = graph.Bicubic
	default:
		return o, false
	}
	switch r.coord {
	case "align_corners":
		o.AlignCorners = true
	case "half_pixel", "half_pixel_symmetric":
	case "pytorch_half_pixel":
		whole = whole && o.Size[0] > 1 && o.Size[1] > 1
	default:
		return o, false
	}
	return o, whole
}

// source returns where element i of the result lies in the argument.
func (r resizing) source(a resized, i int) float64 {
	x, in, out := float64(i), float64(a.in), a.scale*float64(a.in)
	switch r.coord {
	case "align_corners":
		if out == 1 {
			return 0
		}
		return x * (in - 1) / (out - 1)
	case "asymmetric":
		return a.over(x)
	case "tf_half_pixel_for_nn":
		return a.over(x + 0.5)
	case "tf_crop_and_resize":
		if out == 1 {
			return (a.from + a.to) * (in - 1) / 2
		}
		return float64(float32(x*(a.to-a.from)*(in-1)/(out-1) + a.from*(in-1))) // as exact as the region is
	case "pytorch_half_pixel":
		if a.out == 1 {
			return 0
		}
	case "half_pixel_symmetric":
		return in/2*(1-float64(a.out)/out) + a.over(x+0.5) - 0.5
	case "half_pixel":
	default:
		failf("coordinate_transformation_mode %.40q", r.coord)
	}
	return a.over(x+0.5) - 0.5
}

// near returns the element nearest to element i of the result.
func (r resizing) near(a resized, i int) int {
	x := r.source(a, i)
	switch r.nearest {
	case "round_prefer_floor":
		x = math.Ceil(x - 0.5)
	case "round_prefer_ceil":
		x = math.Floor(x + 0.5)
	case "floor":
		x = math.Floor(x)
	case "ceil":
		x = math.Ceil(x)
	case "simple": // of opset 10 and before
		if x = math.Floor(x); a.scale < 1 {
			x = math.Ceil(r.source(a, i))
		}
	default:
		failf("nearest_mode %.40q", r.nearest)
	}
	return max(0, min(int(x), a.in-1))
}

// filter returns the weights of the elements from the first on, for a place that lies t
// behind an element, with t in (0, 1].
func (r resizing) filter(t, scale float64) (first int, weights []float64) {
	if scale = min(scale, 1); !r.antialias {
		scale = 1
	}
	reach, f := 1.0, func(x float64) float64 { return max(0, 1-math.Abs(x)) }
	if r.mode == "cubic" {
		reach, f = 2, func(x float64) float64 { return keys(x, r.cubic) }
	} else if r.mode != "linear" {
		failf("mode %.40q", r.mode)
	}
	first = int(math.Floor(-reach/scale)) + 1
	sum := 0.0
	for k := first; k < 2-first; k++ {
		w := f(scale * (float64(k) - t))
		weights, sum = append(weights, w), sum+w
	}
	for i := range weights {
		weights[i] /= sum
	}
	return first, weights
}

// keys is the kernel of a cubic convolution.
func keys(x, a float64) float64 {
	x = math.Abs(x)
	switch {
	case x <= 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return ((a*x-5*a)*x+8*a)*x - 4*a
	}
	return 0
}

// resample resizes one axis of v by tables.
func (c *call) resample(v *graph.Value, r resizing, a resized) *graph.Value {
	c.bound(tensor.Shape{a.out})
	if r.mode == "nearest" && r.coord != "tf_crop_and_resize" {
		index := make([]float32, a.out)
		for i := range index {
			index[i] = float32(r.near(a, i))
		}
		return v.Select(a.axis, c.constant(index, a.out))
	}
	var index, weight, fill []float32
	taps, cropped := 1, false
	for i := range a.out {
		x := r.source(a, i)
		outside := r.coord == "tf_crop_and_resize" && (x < 0 || x > float64(a.in-1))
		cropped = cropped || outside
		k, ws := r.near(a, i), []float64{1}
		if r.mode != "nearest" {
			base := math.Ceil(x) - 1
			c.bound(tensor.Shape{a.out, int(4/min(a.scale, 1)) + 4})
			k, ws = r.filter(x-base, a.scale)
			k += int(base)
		}
		if r.excludeOut {
			within(ws, k, a.in)
		}
		for j, w := range ws {
			if outside {
				w = 0
			}
			index, weight = append(index, float32(max(0, min(k+j, a.in-1)))), append(weight, float32(w))
		}
		taps = len(ws)
		fill = append(fill, 0)
		if outside {
			fill[i] = r.fill
		}
	}
	v = graph.Apply(graph.Resample{Axis: a.axis}, v, c.constant(index, a.out, taps), c.constant(weight, a.out, taps))
	if cropped && r.fill != 0 {
		s := slices.Repeat([]int{1}, len(v.Shape)-a.axis)
		s[0] = a.out
		v = v.Add(c.constant(fill, s...))
	}
	return v
}

// within leaves out the weights of elements outside [0, n), from element k on.
func within(ws []float64, k, n int) {
	sum := 0.0
	for j := range ws {
		if k+j < 0 || k+j >= n {
			ws[j] = 0
		}
		sum += ws[j]
	}
	for j := range ws {
		ws[j] /= sum
	}
}
