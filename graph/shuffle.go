package graph

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// PixelShuffle moves channels to pixels, as in PyTorch:
//
//	y[b, i·R+u, j·R+v, c] = x[b, i, j, c·R²+u·R+v]
//
// Args: x [B, H, W, C·R²]. Result: [B, H·R, W·R, C]. (Shi et al.,
// arXiv:1609.05158.)
type PixelShuffle struct{ R int }

// Name is "pixel_shuffle" and the factor.
func (o PixelShuffle) Name() string { return fmt.Sprintf("pixel_shuffle r%d", o.R) }

// Shape checks that the channels divide by R².
func (o PixelShuffle) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 1 || len(args[0]) != 4 || o.R < 1 || args[0][3]/o.R < o.R || args[0][3]%(o.R*o.R) != 0 {
		return nil, fmt.Errorf("arguments are %v, want x [B, H, W, C·%d²]", args, o.R)
	}
	x := args[0]
	return tensor.Shape{x[0], x[1] * o.R, x[2] * o.R, x[3] / (o.R * o.R)}, nil
}

// Eval computes the formula.
func (o PixelShuffle) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x := args[0]
	h, w, cx := x.Shape[1], x.Shape[2], x.Shape[3]
	y := tensor.New(x.Shape[0], h*o.R, w*o.R, cx/(o.R*o.R))
	i := 0
	for b := range y.Shape[0] {
		for r := range y.Shape[1] {
			for s := range y.Shape[2] {
				for c := range y.Shape[3] {
					k := (c*o.R+r%o.R)*o.R + s%o.R
					y.Data[i] = x.Data[((b*h+r/o.R)*w+s/o.R)*cx+k]
					i++
				}
			}
		}
	}
	return y
}

// FLOPs is 0.
func (o PixelShuffle) FLOPs([]tensor.Shape, tensor.Shape) int64 { return 0 }

// Bands splits the batch and the rows of x.
func (o PixelShuffle) Bands(args []tensor.Shape, y tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	x := args[0]
	return []tensor.Shape{{x[0] * x[1], 1, x[2], x[3]}}, tensor.Shape{x[0] * x[1], o.R, y[2], y[3]}, []bool{true}
}

// PixelShuffle moves each group of r² channels to a block of r×r pixels.
func (v *Value) PixelShuffle(r int) *Value { return Apply(PixelShuffle{r}, v) }

// PixelUnshuffle moves pixels to channels. It is the inverse of PixelShuffle:
//
//	y[b, i, j, c·R²+u·R+v] = x[b, i·R+u, j·R+v, c]
//
// Args: x [B, H·R, W·R, C]. Result: [B, H, W, C·R²].
type PixelUnshuffle struct{ R int }

// Name is "pixel_unshuffle" and the factor.
func (o PixelUnshuffle) Name() string { return fmt.Sprintf("pixel_unshuffle r%d", o.R) }

// Shape checks that height and width divide by R.
func (o PixelUnshuffle) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 1 || len(args[0]) != 4 || o.R < 1 || args[0][1]%o.R != 0 || args[0][2]%o.R != 0 {
		return nil, fmt.Errorf("arguments are %v, want x [B, H·%d, W·%d, C]", args, o.R, o.R)
	}
	x := args[0]
	return tensor.Shape{x[0], x[1] / o.R, x[2] / o.R, x[3] * o.R * o.R}, nil
}

// Eval computes the formula.
func (o PixelUnshuffle) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x := args[0]
	h, w, cx := x.Shape[1], x.Shape[2], x.Shape[3]
	y := tensor.New(x.Shape[0], h/o.R, w/o.R, cx*o.R*o.R)
	i := 0
	for b := range y.Shape[0] {
		for r := range y.Shape[1] {
			for s := range y.Shape[2] {
				for k := range y.Shape[3] {
					c, u, v := k/(o.R*o.R), k/o.R%o.R, k%o.R
					y.Data[i] = x.Data[((b*h+r*o.R+u)*w+s*o.R+v)*cx+c]
					i++
				}
			}
		}
	}
	return y
}

// FLOPs is 0.
func (o PixelUnshuffle) FLOPs([]tensor.Shape, tensor.Shape) int64 { return 0 }

// Bands splits the batch and the rows of the result.
func (o PixelUnshuffle) Bands(args []tensor.Shape, y tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	x := args[0]
	return []tensor.Shape{{y[0] * y[1], o.R, x[2], x[3]}}, tensor.Shape{y[0] * y[1], 1, y[2], y[3]}, []bool{true}
}

// PixelUnshuffle moves each block of r×r pixels to a group of r² channels.
func (v *Value) PixelUnshuffle(r int) *Value { return Apply(PixelUnshuffle{r}, v) }
