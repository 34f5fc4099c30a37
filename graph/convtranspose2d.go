package graph

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// ConvTranspose2d is the transposed convolution that PyTorch calls
// conv_transpose2d, the gradient of Conv2d with respect to its input:
//
//	y[b,i,j,o] = Act(Σ_{u,v,c} x[b, (i+p−u·d)/s, (j+p−v·d)/s, g(o)·C/G+c] · w[g(o)·C/G+c, o mod O/G, u, v] + bias[o] + residual[b,i,j,o])
//
// over all u and v for which both divisions have no remainder and lie within x.
//
// Args: x [B, H, W, C], w [C, O/Groups, kH, kW], bias [O], residual
// [B, oH, oW, O]. Result: [B, oH, oW, O] with
// oH = (H − 1)·Stride − 2·Pad + Dilation·(kH − 1) + OutputPad + 1. A negative
// OutputPad crops rows at the bottom and columns at the right.
type ConvTranspose2d struct {
	Stride, Pad, OutputPad, Dilation Pair
	Groups                           int // 0 means 1
	Epilogue
}

// Defaults returns the op with its zero fields replaced by their defaults.
func (o ConvTranspose2d) Defaults() ConvTranspose2d {
	o.Stride, o.Dilation, o.Groups = o.Stride.or1(), o.Dilation.or1(), max(o.Groups, 1)
	return o
}

// Name is "conv_transpose2d" with the choices that differ from the defaults.
func (o ConvTranspose2d) Name() string {
	return "conv_transpose2d" + geometry(o.Stride, o.Pad, o.OutputPad, o.Dilation, o.Groups) + o.Epilogue.String()
}

// Shape checks the channels, groups and paddings.
func (o ConvTranspose2d) Shape(args []tensor.Shape) (tensor.Shape, error) {
	o = o.Defaults()
	if len(args) < 2 || len(args[0]) != 4 || len(args[1]) != 4 {
		return nil, fmt.Errorf("arguments are %v, want x [B, H, W, C] and weight [C, O/groups, kH, kW]", args)
	}
	x, w := args[0], args[1]
	switch {
	case x[3]%o.Groups != 0:
		return nil, fmt.Errorf("%d channels do not divide into %d groups", x[3], o.Groups)
	case w[0] != x[3]:
		return nil, fmt.Errorf("input has %d channels, weight wants %d", x[3], w[0])
	}
	y := tensor.Shape{x[0], 0, 0, w[1] * o.Groups}
	for d := range 2 {
		if o.Stride[d] < 1 || o.Dilation[d] < 1 || o.Pad[d] < 0 {
			return nil, fmt.Errorf("stride %v, padding %v, dilation %v", o.Stride, o.Pad, o.Dilation)
		}
		y[1+d] = (x[1+d]-1)*o.Stride[d] - 2*o.Pad[d] + o.Dilation[d]*(w[2+d]-1) + o.OutputPad[d] + 1
		if y[1+d] < 1 {
			return nil, fmt.Errorf("padding %v and output padding %v leave nothing of input %v under kernel %d×%d", o.Pad, o.OutputPad, x, w[2], w[3])
		}
	}
	return y, o.check(args, 2, y)
}

// Eval computes the formula with the sum in another order: it adds each pixel of
// x to all results that it contributes to.
func (o ConvTranspose2d) Eval(args []*tensor.Tensor) *tensor.Tensor {
	o = o.Defaults()
	x, w := args[0], args[1]
	shape, err := o.Shape(shapes(args))
	if err != nil {
		panic(err)
	}
	y := tensor.New(shape...)
	store := o.store(args, 2, y)
	h, wd, c := x.Shape[1], x.Shape[2], x.Shape[3]
	oh, ow, oc := shape[1], shape[2], shape[3]
	og, kh, kw := w.Shape[1], w.Shape[2], w.Shape[3]
	cg := c / o.Groups
	tensor.Parallel(shape[0]*oc, func(plane int) {
		b, f := plane/oc, plane%oc
		first := f / og * cg
		sums := make([]float64, oh*ow)
		for r := range h {
			for s := range wd {
				xs := x.Data[((b*h+r)*wd+s)*c+first:][:cg]
				for u := range kh {
					i := r*o.Stride[0] - o.Pad[0] + u*o.Dilation[0]
					if i < 0 || i >= oh {
						continue
					}
					for v := range kw {
						j := s*o.Stride[1] - o.Pad[1] + v*o.Dilation[1]
						if j < 0 || j >= ow {
							continue
						}
						for k, xv := range xs {
							sums[i*ow+j] += float64(xv) * float64(w.Data[(((first+k)*og+f%og)*kh+u)*kw+v])
						}
					}
				}
			}
		}
		for i, sum := range sums {
			store((b*oh*ow+i)*oc+f, f, sum)
		}
	})
	return y
}

// Bands splits the batch, and also the rows if the kernel's positions tile them.
func (o ConvTranspose2d) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	d, k := o.Defaults(), args[1][2]
	apart := d.Pad[0] == 0 && d.OutputPad[0] == 0 && d.Stride[0] == k && (d.Dilation[0] == 1 || k == 1)
	args, result = o.images(args, result, apart, 1, k)
	return args, result, o.moves(1, 1)
}

// Rows returns the rows of x that contribute to the result.
func (o ConvTranspose2d) Rows(args []tensor.Shape, _ tensor.Shape, from, to int) [][2]int {
	d := o.Defaults()
	s := d.Stride[0]
	last := (to - 1 + d.Pad[0]) / s
	// The min keeps first at or above row from if the stride leaves gaps.
	span := d.Dilation[0] * (args[1][2] - 1)
	first := min(max(0, from+d.Pad[0]-span+s-1)/s, (from+d.Pad[0])/s)
	return o.rows(args, inside(first, last+1, args[0][1]), from, to)
}

// FLOPs counts two for each element of x and weight that it meets.
func (o ConvTranspose2d) FLOPs(args []tensor.Shape, _ tensor.Shape) int64 {
	x, w := args[0], args[1]
	return 2 * int64(x.Len()) * int64(w[1]*w[2]*w[3])
}

func (o ConvTranspose2d) epilogue() Epilogue           { return o.Epilogue }
func (o ConvTranspose2d) withEpilogue(e Epilogue) Op   { o.Epilogue = e; return o }
func (o ConvTranspose2d) foldable() (weight, axis int) { return 1, 1 }
