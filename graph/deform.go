package graph

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// DeformColumns gathers what the windows of a deformable convolution see. A 1×1
// convolution of the result is the convolution (Zhu et al., arXiv:1811.11168):
//
//	y[b,i,j, c·kH·kW + t] = mask[b,i,j, g·kH·kW+t] · x[b, i·s−p+u·d + Δ_0, j·s−p+v·d + Δ_1, c]
//	Δ = offset[b,i,j, 2·(g·kH·kW+t) : +2]
//
// with t = u·kW + v and g the group of channel c, of Groups. A place between pixels is
// the bilinear mean of four, and the outside of x is 0.
//
// Args: x [B, H, W, C], offset [B, oH, oW, 2·Groups·kH·kW], and with Mask also mask
// [B, oH, oW, Groups·kH·kW]. Result: [B, oH, oW, C·kH·kW].
type DeformColumns struct {
	Size, Stride, Pad, Dilation Pair
	Groups                      int // 0 means 1
	Mask                        bool
}

// Defaults returns the op with its zero fields replaced by their defaults.
func (o DeformColumns) Defaults() DeformColumns {
	o.Stride, o.Dilation, o.Groups = o.Stride.or1(), o.Dilation.or1(), max(o.Groups, 1)
	return o
}

// Name is "deform_columns" with the choices that differ from the defaults.
func (o DeformColumns) Name() string {
	s := "deform_columns k" + o.Size.String() + geometry(o.Stride, o.Pad, Pair{}, o.Dilation, o.Groups)
	if o.Mask {
		s += " mask"
	}
	return s
}

// Shape checks the offsets and the mask.
func (o DeformColumns) Shape(args []tensor.Shape) (tensor.Shape, error) {
	o = o.Defaults()
	taps := o.Groups * o.Size[0] * o.Size[1]
	want := 2
	if o.Mask {
		want = 3
	}
	if len(args) != want || len(args[0]) != 4 || len(args[1]) != 4 || taps < 1 || args[1][3] != 2*taps || args[1][0] != args[0][0] {
		return nil, fmt.Errorf("arguments are %v, want x [B, H, W, C] and offset [B, oH, oW, %d]", args, 2*taps)
	}
	if o.Mask && !args[2].Equal(append(args[1][:3].Clone(), taps)) {
		return nil, fmt.Errorf("mask is %v, want %d channels of the offset %v", args[2], taps, args[1])
	}
	if args[0][3]%o.Groups != 0 {
		return nil, fmt.Errorf("%d channels do not divide into %d groups", args[0][3], o.Groups)
	}
	return append(args[1][:3].Clone(), args[0][3]*o.Size[0]*o.Size[1]), nil
}

// Eval computes the formula.
func (o DeformColumns) Eval(args []*tensor.Tensor) *tensor.Tensor {
	o = o.Defaults()
	x, offset := args[0], args[1]
	shape, err := o.Shape(shapes(args))
	if err != nil {
		panic(err)
	}
	y := tensor.New(shape...)
	h, w, c := x.Shape[1], x.Shape[2], x.Shape[3]
	taps := o.Size[0] * o.Size[1]
	tensor.Parallel(shape[:3].Len(), func(p int) {
		b, i, j := p/(shape[1]*shape[2]), p/shape[2]%shape[1], p%shape[2]
		for k := range c * taps {
			t := k % taps
			at := p*o.Groups*taps + k/taps/(c/o.Groups)*taps + t
			r := float64(i*o.Stride[0]-o.Pad[0]+t/o.Size[1]*o.Dilation[0]) + float64(offset.Data[2*at])
			s := float64(j*o.Stride[1]-o.Pad[1]+t%o.Size[1]*o.Dilation[1]) + float64(offset.Data[2*at+1])
			sum := 0.0
			for u := range 2 {
				for v := range 2 {
					row, column := math.Floor(r)+float64(u), math.Floor(s)+float64(v)
					if row >= 0 && row < float64(h) && column >= 0 && column < float64(w) {
						weight := (1 - math.Abs(r-row)) * (1 - math.Abs(s-column))
						sum += weight * float64(x.Data[((b*h+int(row))*w+int(column))*c+k/taps])
					}
				}
			}
			if o.Mask {
				sum *= float64(args[2].Data[at])
			}
			y.Data[p*c*taps+k] = float32(sum)
		}
	})
	return y
}

// FLOPs counts eight for each element.
func (o DeformColumns) FLOPs(_ []tensor.Shape, result tensor.Shape) int64 {
	return 8 * int64(result.Len())
}

// Bands splits the batch.
func (o DeformColumns) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return args, result, all(args)
}
