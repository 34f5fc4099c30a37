package onnx

import (
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// frame says how a window moves over the dimensions after the channels.
type frame struct {
	kernel, stride, dilation, before, after []int
	ceil                                    bool
}

// frame reads the attributes of a convolution or pooling over x with this kernel.
func (c *call) frame(x tensor.Shape, kernel []int) frame {
	n := len(x) - 2
	f := frame{kernel: kernel, stride: c.perAxis("strides", n), dilation: c.perAxis("dilations", n),
		before: make([]int, n), after: make([]int, n), ceil: c.flag("ceil_mode", false)}
	if len(kernel) != n {
		failf("a kernel of %v over %v", kernel, x)
	}
	for d := range n {
		if kernel[d] < 1 || kernel[d] > mostKnown || f.stride[d] < 1 || f.dilation[d] < 1 || f.stride[d] > mostKnown || f.dilation[d] > mostKnown {
			failf("kernel %v, strides %v, dilations %v", kernel, f.stride, f.dilation)
		}
	}
	switch auto := c.string("auto_pad", "NOTSET"); auto {
	case "NOTSET", "":
		if pads, ok := c.ints("pads"); ok {
			if len(pads) != 2*n {
				failf("pads %v of %d dimensions", pads, n)
			}
			for _, p := range pads {
				if p < 0 || p > mostKnown {
					failf("pads %v", pads)
				}
			}
			f.before, f.after = slices.Clone(pads[:n]), slices.Clone(pads[n:])
		}
	case "VALID":
	case "SAME_UPPER", "SAME_LOWER":
		for d := range n {
			total := max(0, ((x[d+2]+f.stride[d]-1)/f.stride[d]-1)*f.stride[d]+(kernel[d]-1)*f.dilation[d]+1-x[d+2])
			f.before[d], f.after[d] = total/2, total-total/2
			if auto == "SAME_LOWER" {
				f.before[d], f.after[d] = f.after[d], f.before[d]
			}
		}
		f.ceil = false
	default:
		failf("auto_pad %.40q", auto)
	}
	return f
}

// perAxis returns an attribute with a number for each of n dimensions, or ones.
func (c *call) perAxis(name string, n int) []int {
	v, ok := c.ints(name)
	if !ok || len(v) == 0 {
		return slices.Repeat([]int{1}, n)
	}
	if len(v) != n {
		failf("%s are %v, want %d numbers", name, v, n)
	}
	return slices.Clone(v)
}

// image adds the height of a line in front.
func (f frame) image() frame {
	if len(f.kernel) != 1 {
		return f
	}
	f.kernel, f.stride, f.dilation = append([]int{1}, f.kernel...), append([]int{1}, f.stride...), append([]int{1}, f.dilation...)
	f.before, f.after = append([]int{0}, f.before...), append([]int{0}, f.after...)
	return f
}

// plane leaves out the depth of a volume.
func (f frame) plane() frame {
	f.kernel, f.stride, f.dilation, f.before, f.after = f.kernel[1:], f.stride[1:], f.dilation[1:], f.before[1:], f.after[1:]
	return f
}

// depth is the window over the depth of a volume [B, D, P, C] whose images are lines.
func (f frame) depth() frame {
	f.kernel, f.stride, f.dilation = []int{f.kernel[0], 1}, []int{f.stride[0], 1}, []int{f.dilation[0], 1}
	f.before, f.after = []int{f.before[0], 0}, []int{f.after[0], 0}
	return f
}

// extra is the padding after that is more than the padding before.
func (f frame) extra() graph.Pair {
	return graph.Pair{f.after[0] - f.before[0], f.after[1] - f.before[1]}
}

// window is f over an image, for a pooling.
func (f frame) window() graph.Window {
	return graph.Window{Size: pair(f.kernel), Stride: pair(f.stride), Pad: pair(f.before), Extra: f.extra(), Dilation: pair(f.dilation), Ceil: f.ceil}
}

func pair(v []int) graph.Pair { return graph.Pair{v[0], v[1]} }
