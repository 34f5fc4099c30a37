package graph

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/tensor"
)

// WindowAttention is the attention of a Swin block between its qkv layer and its
// projection. The map is padded to multiples of Window, rolled by Shift and cut
// into windows. Tokens attend to the tokens of their window. The windows are then
// joined and rolled back. For tokens i and j of one window and head h:
//
//	y[i,h] = Σ_j softmax_j(q[i,h]·k[j,h]/√D + bias[h,i,j] + mask[i,j]) · v[j,h]
//
// The padding is zeros before the qkv layer, so its qkv is that layer's bias.
// Padded tokens are ordinary keys. The shift is 0 along a dimension in which one
// window covers the padded map. The mask is −100 between tokens that only the
// roll has made neighbours. With Cosine, q and k are scaled to length 1, and
// scale[h] replaces 1/√D.
//
// Args: qkv [B, H, W, 3·C] without padding, bias [Heads, T, T] for the T = Wh·Ww
// tokens of a window, padding [3·C] and, with Cosine, scale [Heads]. Result:
// [B, H, W, C]. (Liu et al., arXiv:2103.14030 and, for Cosine, arXiv:2111.09883;
// padding as in torchvision.)
type WindowAttention struct {
	Heads         int // 0 means 1
	Window, Shift Pair
	Cosine        bool
}

// Name is "window_attention" with window, shift and heads.
func (o WindowAttention) Name() string {
	s := fmt.Sprintf("window_attention w%v s%v h%d", o.Window, o.Shift, max(o.Heads, 1))
	if o.Cosine {
		s += " cosine"
	}
	return s
}

// Windows says how a map of shape x is cut, with the shift for its size.
func (o WindowAttention) Windows(x tensor.Shape) (Windows, error) {
	w, err := windows(x[1], x[2], o.Window, o.Shift)
	for d := range 2 {
		if w.Window[d] >= w.Padded[d] {
			w.Shift[d] = 0
		}
	}
	return w, err
}

// Shape checks the channels and heads, and the sizes of bias and padding.
func (o WindowAttention) Shape(args []tensor.Shape) (tensor.Shape, error) {
	want, heads := 3, max(o.Heads, 1)
	if o.Cosine {
		want = 4
	}
	if len(args) != want || len(args[0]) != 4 {
		return nil, fmt.Errorf("arguments are %v, want %d with qkv [B, H, W, 3·C] first", args, want)
	}
	x := args[0]
	w, err := o.Windows(x)
	if err != nil {
		return nil, err
	}
	t := w.tokens()
	switch {
	case x[3]%(3*heads) != 0:
		return nil, fmt.Errorf("%d channels of q, k and v do not divide into %d heads", x[3], heads)
	case !args[1].Equal(tensor.Shape{heads, t, t}):
		return nil, fmt.Errorf("bias is %v, want %v", args[1], tensor.Shape{heads, t, t})
	case !args[2].Equal(x[3:]):
		return nil, fmt.Errorf("padding is %v, qkv has %d channels", args[2], x[3])
	case o.Cosine && !args[3].Equal(tensor.Shape{heads}):
		return nil, fmt.Errorf("scale is %v, want one for each of %d heads", args[3], heads)
	}
	return tensor.Shape{x[0], x[1], x[2], x[3] / 3}, nil
}

// Eval follows the paper: pad, roll, partition, attend with the mask, join, roll
// back and crop.
func (o WindowAttention) Eval(args []*tensor.Tensor) *tensor.Tensor {
	bias, heads := args[1], max(o.Heads, 1)
	w, err := o.Windows(args[0].Shape)
	if err != nil {
		panic(err)
	}
	x := partition(roll(pad(args[0], w.Padded, args[2].Data), -w.Shift[0], -w.Shift[1]), w.Window)
	mask := ShiftMask(w.Padded, w.Window, w.Shift)
	t, c := w.tokens(), x.Shape[3]/3
	d := c / heads
	y := tensor.New(x.Shape[0], w.Window[0], w.Window[1], c)
	tensor.Parallel(x.Shape[0]*heads, func(i int) {
		window, h := i/heads, i%heads
		masks := mask.Data[window%(w.Count[0]*w.Count[1])*t*t:]
		part := func(token, which int) []float32 {
			return x.Data[((window*t+token)*3+which)*c+h*d:][:d]
		}
		scores, sums := make([]float64, t), make([]float64, d)
		for q := range t {
			for k := range scores {
				s := dot(part(q, 0), part(k, 1))
				if o.Cosine {
					s = s / (length(part(q, 0)) * length(part(k, 1))) * float64(args[3].Data[h])
				} else {
					s /= math.Sqrt(float64(d))
				}
				scores[k] = s + float64(bias.Data[(h*t+q)*t+k]) + float64(masks[q*t+k])
			}
			softmax(scores)
			clear(sums)
			for k, p := range scores {
				for j, v := range part(k, 2) {
					sums[j] += p * float64(v)
				}
			}
			for j, s := range sums {
				y.Data[(window*t+q)*c+h*d+j] = float32(s)
			}
		}
	})
	return crop(roll(reverse(y, w), w.Shift[0], w.Shift[1]), w.Size)
}

// length returns the Euclidean length of x, or 1e-12 if that is larger.
func length(x []float32) float64 { return max(math.Sqrt(dot(x, x)), 1e-12) }

// Bands splits the batch.
func (o WindowAttention) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	moves := make([]bool, len(args))
	moves[0] = true
	return args, result, moves
}

// FLOPs counts both matrix products in every window.
func (o WindowAttention) FLOPs(args []tensor.Shape, result tensor.Shape) int64 {
	w, err := o.Windows(args[0])
	if err != nil {
		return 0
	}
	return 4 * int64(result[0]*w.Count[0]*w.Count[1]) * int64(w.tokens()*w.tokens()) * int64(result[3])
}

// ShiftMask returns the mask [windows, T, T] that Swin adds to the scores of a
// rolled map of size padded: −100 between tokens of different regions, else 0.
// The roll cuts each shifted dimension into three regions: all before the last
// window, the last shift rows, and the rows between.
func ShiftMask(padded, window, shift Pair) *tensor.Tensor {
	region := func(i, d int) float32 {
		switch {
		case shift[d] == 0 || i < padded[d]-window[d]:
			return 0
		case i < padded[d]-shift[d]:
			return 1
		}
		return 2
	}
	regions := tensor.New(1, padded[0], padded[1], 1)
	for i := range padded[0] {
		for j := range padded[1] {
			regions.Data[i*padded[1]+j] = 3*region(i, 0) + region(j, 1)
		}
	}
	regions = partition(regions, window)
	n, t := regions.Shape[0], window[0]*window[1]
	mask := tensor.New(n, t, t)
	for i := range mask.Data {
		at := i / (t * t) * t
		if regions.Data[at+i/t%t] != regions.Data[at+i%t] {
			mask.Data[i] = -100
		}
	}
	return mask
}
