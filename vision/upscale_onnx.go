package vision

import (
	"context"
	"fmt"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
)

// upscalerONNX returns the Upscaler of an ONNX file for a picture of width×height pixels,
// without Run, and the shape of the file's input. seams says that tiles may not meet
// exactly, because the network looks farther than they overlap, or nobody knows how far.
// tile is as in UpscaleOptions.
func (m *Model) upscalerONNX(n *zoo.ONNX, width, height, tile int) (u Upscaler, x tensor.Shape, seams bool, err error) {
	form, err := n.Main(n.Usual())
	if err != nil {
		return u, nil, false, err
	}
	u.Scale, u.Channels = form.Scale(n.Usual()), m.Channels
	g, err := models.TraceForward(n, n.Usual()...)
	if err != nil {
		return u, nil, false, err
	}
	g, _ = n.Optimize(g)
	halo, known := reachOf(g)
	const unknown = 32 // pixels that tiles overlap if nothing is known
	if u.Halo = halo; !known {
		u.Halo = unknown
	}
	batch := max(n.Batch, 1)
	if n.Free() {
		const whole = 1 << 20 // pixels that go through the network at once if it may look anywhere
		if u.Tile = u.tileSize(width, height, tile); !known && tile == 0 && width*height <= whole {
			u.Tile = [2]int{height, width}
		}
		x = tensor.Shape{batch, u.Tile[0], u.Tile[1], u.Channels}
	} else {
		if tile != 0 {
			return u, nil, false, fmt.Errorf("upscale: %s takes pictures of one size, and its tiles have it", m.Name)
		}
		u.Tile = n.Fixed()
		u.Halo = max(min(u.Halo, (min(u.Tile[0], u.Tile[1])-1)/4), 1)
		x = tensor.Shape{batch, u.Tile[0], u.Tile[1], u.Channels}
	}
	tiled := width > u.Tile[1] || height > u.Tile[0]
	return u, x, tiled && (!known || u.Halo < halo), nil
}

// tileFit carries tiles [1, h, w, C] in 0…1 to a network for inputs x and back, which enlarges
// them some times.
type tileFit struct {
	m     *Model
	x     tensor.Shape
	scale int
}

// place is where a channel of the picture is in the input, and the other way round.
func (f tileFit) place(c int) int {
	if f.m.Preprocess.BGR && f.x[3] == 3 {
		return 2 - c
	}
	return c
}

// in prepares a tile as pictures are, and repeats the pixels at the border of a tile that is
// smaller than x.
func (f tileFit) in(t *tensor.Tensor) *tensor.Tensor {
	h, w, channels := t.Shape[1], t.Shape[2], f.x[3]
	in := tensor.New(f.x...)
	for row := range f.x[1] {
		for col := range f.x[2] {
			from := t.Data[(min(row, h-1)*w+min(col, w-1))*channels:]
			to := in.Data[(row*f.x[2]+col)*channels:]
			for c := range channels {
				to[f.place(c)] = f.m.Preprocess.Sample(from[c], f.place(c))
			}
		}
	}
	return in
}

// out undoes the preparation in the result y of a tile of h×w pixels.
func (f tileFit) out(y *tensor.Tensor, h, w int) (*tensor.Tensor, error) {
	x, scale, channels := f.x, f.scale, f.x[3]
	if want := (tensor.Shape{x[0], x[1] * scale, x[2] * scale, channels}); !y.Shape.Equal(want) {
		return nil, fmt.Errorf("%s: the result of %v is %v, want %v", f.m.Name, x, y.Shape, want)
	}
	out := tensor.New(1, h*scale, w*scale, channels)
	for row := range h * scale {
		for col := range w * scale {
			from := y.Data[(row*x[2]*scale+col)*channels:]
			to := out.Data[(row*w*scale+col)*channels:]
			for c := range channels {
				to[c] = f.m.Preprocess.Unsample(from[f.place(c)], f.place(c))
			}
		}
	}
	return out, nil
}

// run returns a function that enlarges a tile.
func (f tileFit) run(run func(context.Context, *tensor.Tensor) (*tensor.Tensor, error)) func(context.Context, *tensor.Tensor) (*tensor.Tensor, error) {
	return func(ctx context.Context, t *tensor.Tensor) (*tensor.Tensor, error) {
		y, err := run(ctx, f.in(t))
		if err != nil {
			return nil, err
		}
		return f.out(y, t.Shape[1], t.Shape[2])
	}
}
