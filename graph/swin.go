package graph

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// RelativePositionBias looks up Swin's bias for each pair of tokens in a window:
//
//	y[h, i, j] = table[(iy − jy + Wh − 1)·(2·Ww − 1) + ix − jx + Ww − 1, h]
//
// Args: table [(2·Wh−1)·(2·Ww−1), Heads]. Result: [Heads, T, T], T = Wh·Ww.
type RelativePositionBias struct{ Window Pair }

// Name is "relative_position_bias" and the window.
func (o RelativePositionBias) Name() string {
	return fmt.Sprintf("relative_position_bias w%v", o.Window)
}

// Shape checks the table's rows.
func (o RelativePositionBias) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 1 || len(args[0]) != 2 || o.Window[0] < 1 || o.Window[1] < 1 {
		return nil, fmt.Errorf("arguments are %v, want table [positions, heads]", args)
	}
	if rows := (2*o.Window[0] - 1) * (2*o.Window[1] - 1); args[0][0] != rows {
		return nil, fmt.Errorf("table has %d rows, window %v wants %d", args[0][0], o.Window, rows)
	}
	t := o.Window[0] * o.Window[1]
	return tensor.Shape{args[0][1], t, t}, nil
}

// Eval computes the formula.
func (o RelativePositionBias) Eval(args []*tensor.Tensor) *tensor.Tensor {
	wh, ww := o.Window[0], o.Window[1]
	heads, t := args[0].Shape[1], wh*ww
	y := tensor.New(heads, t, t)
	for i := range t {
		for j := range t {
			row := (i/ww-j/ww+wh-1)*(2*ww-1) + i%ww - j%ww + ww - 1
			for h := range heads {
				y.Data[(h*t+i)*t+j] = args[0].Data[row*heads+h]
			}
		}
	}
	return y
}

// FLOPs is 0.
func (o RelativePositionBias) FLOPs([]tensor.Shape, tensor.Shape) int64 { return 0 }

// PatchMerge joins each 2×2 block of tokens into one token, as Swin does between
// its stages. Odd sizes are padded with zeros:
//
//	y[b, i, j] = x[b, 2i, 2j] ‖ x[b, 2i+1, 2j] ‖ x[b, 2i, 2j+1] ‖ x[b, 2i+1, 2j+1]
//
// Args: x [B, H, W, C]. Result: [B, ⌈H/2⌉, ⌈W/2⌉, 4·C]. Swin then normalises and
// projects it; Swin V2 projects first.
type PatchMerge struct{}

// Name is "patch_merge".
func (o PatchMerge) Name() string { return "patch_merge" }

// Shape halves the height and width, rounded up.
func (o PatchMerge) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 1 || len(args[0]) != 4 {
		return nil, fmt.Errorf("arguments are %v, want x [B, H, W, C]", args)
	}
	x := args[0]
	return tensor.Shape{x[0], (x[1] + 1) / 2, (x[2] + 1) / 2, 4 * x[3]}, nil
}

// Eval computes the formula.
func (o PatchMerge) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x := args[0]
	b, h, w, c := x.Shape[0], (x.Shape[1]+1)/2, (x.Shape[2]+1)/2, x.Shape[3]
	x = pad(x, Pair{2 * h, 2 * w}, nil)
	return x.Reshape(b, h, 2, w, 2, c).Permute(0, 1, 3, 4, 2, 5).Reshape(b, h, w, 4*c)
}

// Bands splits the batch.
func (o PatchMerge) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	return args, result, []bool{true}
}

// FLOPs is 0.
func (o PatchMerge) FLOPs([]tensor.Shape, tensor.Shape) int64 { return 0 }

// PatchMerge joins each 2×2 block of v [B, H, W, C] into one token.
func (v *Value) PatchMerge() *Value { return Apply(PatchMerge{}, v) }
