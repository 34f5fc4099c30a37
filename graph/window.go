package graph

import (
	"fmt"

	"github.com/vertebra/vertebra/tensor"
)

// Windows says how a map of Size tokens is cut into windows. It is padded below
// and to the right to Padded, rolled up and left by Shift, and cut into Count
// windows of Window tokens.
type Windows struct{ Window, Shift, Size, Padded, Count Pair }

// windows returns how a map of h×w tokens is cut with the given shift.
func windows(h, w int, window, shift Pair) (Windows, error) {
	ws := Windows{Window: window, Shift: shift, Size: Pair{h, w}}
	for d := range 2 {
		if window[d] < 1 || shift[d] < 0 || shift[d] >= window[d] {
			return ws, fmt.Errorf("window %v, shift %v: want a shift from 0 to less than the window", window, shift)
		}
		ws.Count[d] = (ws.Size[d] + window[d] - 1) / window[d]
		ws.Padded[d] = ws.Count[d] * window[d]
	}
	return ws, nil
}

// tokens returns the number of tokens in a window.
func (w Windows) tokens() int { return w.Window[0] * w.Window[1] }

// WindowPartition cuts a map into windows, as Swin and SAM do. The map is first
// padded with zeros below and to the right to multiples of Window, then rolled up
// and left by Shift.
//
// Args: x [B, H, W, C]. Result: [B·⌈H/Wh⌉·⌈W/Ww⌉, Wh, Ww, C].
type WindowPartition struct{ Window, Shift Pair }

// Name is "window_partition" and the window.
func (o WindowPartition) Name() string {
	return fmt.Sprintf("window_partition w%v s%v", o.Window, o.Shift)
}

// Windows says how a map of shape x is cut.
func (o WindowPartition) Windows(x tensor.Shape) (Windows, error) {
	return windows(x[1], x[2], o.Window, o.Shift)
}

// Shape checks that the shift is less than the window.
func (o WindowPartition) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 1 || len(args[0]) != 4 {
		return nil, fmt.Errorf("arguments are %v, want x [B, H, W, C]", args)
	}
	x := args[0]
	w, err := o.Windows(x)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{x[0] * w.Count[0] * w.Count[1], o.Window[0], o.Window[1], x[3]}, nil
}

// Eval pads, rolls and cuts.
func (o WindowPartition) Eval(args []*tensor.Tensor) *tensor.Tensor {
	x := args[0]
	w, err := o.Windows(x.Shape)
	if err != nil {
		panic(err)
	}
	return partition(roll(pad(x, w.Padded, nil), -o.Shift[0], -o.Shift[1]), o.Window)
}

// Bands splits the batch.
func (o WindowPartition) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	b := args[0][0]
	return args, tensor.Shape{b, result[0] / b * result[1], result[2], result[3]}, []bool{true}
}

// FLOPs is 0.
func (o WindowPartition) FLOPs([]tensor.Shape, tensor.Shape) int64 { return 0 }

// WindowPartition cuts v [B, H, W, C] into windows.
func (v *Value) WindowPartition(window, shift Pair) *Value {
	return Apply(WindowPartition{window, shift}, v)
}

// WindowReverse is the inverse of WindowPartition. It joins windows to a map,
// rolls it down and right by Shift, and crops it to Size, its height and width.
//
// Args: x [B·⌈H/Wh⌉·⌈W/Ww⌉, Wh, Ww, C]. Result: [B, H, W, C].
type WindowReverse struct{ Size, Shift Pair }

// Name is "window_reverse" and the map's size.
func (o WindowReverse) Name() string {
	return fmt.Sprintf("window_reverse %d×%d s%v", o.Size[0], o.Size[1], o.Shift)
}

// Windows says how the map was cut into windows of shape x.
func (o WindowReverse) Windows(x tensor.Shape) (Windows, error) {
	return windows(o.Size[0], o.Size[1], Pair{x[1], x[2]}, o.Shift)
}

// Shape checks the number of windows.
func (o WindowReverse) Shape(args []tensor.Shape) (tensor.Shape, error) {
	if len(args) != 1 || len(args[0]) != 4 || o.Size[0] < 1 || o.Size[1] < 1 {
		return nil, fmt.Errorf("arguments are %v, want windows [B·count, Wh, Ww, C] of a map %d×%d", args, o.Size[0], o.Size[1])
	}
	x := args[0]
	w, err := o.Windows(x)
	if err != nil {
		return nil, err
	}
	if count := w.Count[0] * w.Count[1]; x[0]%count != 0 {
		return nil, fmt.Errorf("%d windows, but a map of %d×%d has %d", x[0], o.Size[0], o.Size[1], count)
	}
	return tensor.Shape{x[0] / (w.Count[0] * w.Count[1]), o.Size[0], o.Size[1], x[3]}, nil
}

// Eval joins, rolls and crops.
func (o WindowReverse) Eval(args []*tensor.Tensor) *tensor.Tensor {
	w, err := o.Windows(args[0].Shape)
	if err != nil {
		panic(err)
	}
	return crop(roll(reverse(args[0], w), o.Shift[0], o.Shift[1]), o.Size)
}

// Bands splits the batch.
func (o WindowReverse) Bands(args []tensor.Shape, result tensor.Shape) ([]tensor.Shape, tensor.Shape, []bool) {
	b, x := result[0], args[0]
	return []tensor.Shape{{b, x[0] / b * x[1], x[2], x[3]}}, result, []bool{true}
}

// FLOPs is 0.
func (o WindowReverse) FLOPs([]tensor.Shape, tensor.Shape) int64 { return 0 }

// WindowReverse joins windows v to a map [B, H, W, C] of height h and width w.
func (v *Value) WindowReverse(h, w int, shift Pair) *Value {
	return Apply(WindowReverse{Pair{h, w}, shift}, v)
}

// pad extends x [B, H, W, C] below and to the right with tokens equal to with,
// or with zeros if it is nil.
func pad(x *tensor.Tensor, to Pair, with []float32) *tensor.Tensor {
	c := x.Shape[3]
	y := tensor.New(x.Shape[0], to[0], to[1], c)
	at := 0
	for b := range y.Shape[0] {
		for i := range to[0] {
			for j := range to[1] {
				if i < x.Shape[1] && j < x.Shape[2] {
					copy(y.Data[at:at+c], x.Data[((b*x.Shape[1]+i)*x.Shape[2]+j)*c:])
				} else if with != nil {
					copy(y.Data[at:at+c], with)
				}
				at += c
			}
		}
	}
	return y
}

// crop keeps the upper left part of x [B, H, W, C].
func crop(x *tensor.Tensor, to Pair) *tensor.Tensor {
	c := x.Shape[3]
	y := tensor.New(x.Shape[0], to[0], to[1], c)
	for row := range y.Shape[0] * to[0] {
		from := (row/to[0]*x.Shape[1] + row%to[0]) * x.Shape[2]
		copy(y.Data[row*to[1]*c:][:to[1]*c], x.Data[from*c:])
	}
	return y
}

// roll moves the tokens of x [B, H, W, C] down and to the right, cyclically.
func roll(x *tensor.Tensor, down, right int) *tensor.Tensor {
	h, w, c := x.Shape[1], x.Shape[2], x.Shape[3]
	y := tensor.New(x.Shape...)
	for row := range x.Shape[0] * h {
		b, i := row/h, row%h
		for j := range w {
			to := (b*h+((i+down)%h+h)%h)*w + ((j+right)%w+w)%w
			copy(y.Data[to*c:][:c], x.Data[(row*w+j)*c:])
		}
	}
	return y
}

// partition cuts x [B, H, W, C] into [B·count, Wh, Ww, C].
func partition(x *tensor.Tensor, window Pair) *tensor.Tensor {
	b, h, w, c := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	return x.Reshape(b, h/window[0], window[0], w/window[1], window[1]*c).
		Permute(0, 1, 3, 2, 4).
		Reshape(b*h*w/(window[0]*window[1]), window[0], window[1], c)
}

// reverse joins windows x [B·count, Wh, Ww, C] to the padded map.
func reverse(x *tensor.Tensor, w Windows) *tensor.Tensor {
	b, c := x.Shape[0]/(w.Count[0]*w.Count[1]), x.Shape[3]
	return x.Reshape(b, w.Count[0], w.Count[1], w.Window[0], w.Window[1]*c).
		Permute(0, 1, 3, 2, 4).
		Reshape(b, w.Padded[0], w.Padded[1], c)
}
