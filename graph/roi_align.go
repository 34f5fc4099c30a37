package graph

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// RoiAlign samples regions of images, as torchvision's roi_align does. A region r is
// [left, top, right, bottom], times Scale, and minus ½ with HalfPixel. It has Size
// bins, and a bin has k samples across and as many down:
//
//	y[r,i,j,c] = mean of x at (top + (i + (u+½)/k)·bin_h, left + (j + (v+½)/k)·bin_w)
//
// k is Samples, or ⌈bin⌉ if that is 0. A sample between pixels is the bilinear mean
// of four; more than a pixel outside x it is 0. With Max a bin is the largest weighted
// pixel of its samples. Without HalfPixel a region is at least one pixel wide and
// high.
//
// Args: x [B, H, W, C], regions [R, 4], and for each the index of its image, [R].
// Result: [R, Size[0], Size[1], C].
type RoiAlign struct {
	Size      Pair
	Samples   int
	Scale     float64 // 0 means 1
	HalfPixel bool
	Max       bool
}

// Name is "roi_align" and the choices that differ from the defaults.
func (o RoiAlign) Name() string {
	s := "roi_align " + o.Size.String()
	if o.Samples > 0 {
		s += fmt.Sprintf(" samples%d", o.Samples)
	}
	if o.HalfPixel {
		s += " half-pixel"
	}
	if o.Max {
		s += " max"
	}
	return s
}

// Shape checks the shapes of the regions.
func (o RoiAlign) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 3 || len(args[0]) != 4 || len(args[1]) != 2 || args[1][1] != 4 || !args[2].Equal(args[1][:1]) {
		return nil, fmt.Errorf("arguments are %v, want x [B, H, W, C], regions [R, 4] and indices [R]", args)
	}
	if o.Size[0] < 1 || o.Size[1] < 1 || o.Samples < 0 || o.Scale < 0 {
		return nil, fmt.Errorf("size %v, %d samples, scale %v", o.Size, o.Samples, o.Scale)
	}
	return tensor.Shape{args[1][0], o.Size[0], o.Size[1], args[0][3]}, nil
}

// side returns the start of a region along a dimension, the width of its bins and
// the number of samples in one, all in float32, whose rounding decides the number.
func (o RoiAlign) side(from, to float32, bins int) (start, bin float32, samples int) {
	scale, shift := float32(o.Scale), float32(0)
	if scale == 0 {
		scale = 1
	}
	if o.HalfPixel {
		shift = 0.5
	}
	start = float32(from*scale) - shift
	length := float32(to*scale) - shift - start
	if !o.HalfPixel {
		length = max(length, 1)
	}
	bin = length / float32(bins)
	if samples = o.Samples; samples == 0 {
		samples = max(0, int(math.Ceil(float64(length)/float64(bins))))
	}
	return start, bin, samples
}

// beside lists the pixels beside a coordinate of n and their weights, or none if it
// is more than a pixel outside.
func beside(at float64, n int) []tap {
	if at < -1 || at > float64(n) {
		return nil
	}
	at = max(at, 0)
	k := int(at)
	if k >= n-1 {
		return []tap{{n - 1, 1}, {n - 1, 0}}
	}
	return []tap{{k, 1 - (at - float64(k))}, {k + 1, at - float64(k)}}
}

// Eval computes the formula.
func (o RoiAlign) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x, regions, images := args[0], args[1], args[2]
	shape, err := o.Shape(shapes(args))
	if err != nil {
		panic(err)
	}
	y := tensor.New(shape...)
	h, w, c := x.Shape[1], x.Shape[2], x.Shape[3]
	tensor.Parallel(shape[0]*o.Size[0]*o.Size[1], func(p int) {
		r, i, j := p/(o.Size[0]*o.Size[1]), p/o.Size[1]%o.Size[0], p%o.Size[1]
		image, ok := indexed(images.Data[r], x.Shape[0])
		box := regions.Data[4*r:]
		left, wide, across := o.side(box[0], box[2], o.Size[1])
		top, high, down := o.side(box[1], box[3], o.Size[0])
		for k := range c {
			sum, largest := 0.0, math.Inf(-1)
			for u := range down {
				rows := beside(float64(top)+(float64(i)+(float64(u)+0.5)/float64(down))*float64(high), h)
				for v := range across {
					columns := beside(float64(left)+(float64(j)+(float64(v)+0.5)/float64(across))*float64(wide), w)
					if rows == nil || columns == nil {
						largest = max(largest, 0)
						continue
					}
					for _, a := range rows {
						for _, b := range columns {
							v := a.weight * b.weight * float64(x.Data[((image*h+a.at)*w+b.at)*c+k])
							sum, largest = sum+v, max(largest, v)
						}
					}
				}
			}
			switch {
			case !ok:
				sum = math.NaN()
			case o.Max && down*across > 0:
				sum = largest
			default:
				sum /= float64(max(down*across, 1))
			}
			y.Data[p*c+k] = float32(sum)
		}
	})
	return y
}

// FLOPs counts eight for each sample, of four if their number depends on the region.
func (o RoiAlign) FLOPs(_ []tensor.Shape, result tensor.Shape) int64 {
	samples := o.Samples * o.Samples
	if samples == 0 {
		samples = 4
	}
	return 8 * int64(samples) * int64(result.Len())
}
