package vision

import (
	"context"
	"fmt"
	"iter"
	"math"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

// MatteOptions say how a network's output becomes transparency.
type MatteOptions struct {
	// Stretch makes the least value of a picture 0 and the largest 1, as U²-Net's and
	// IS-Net's authors do. Otherwise values are probabilities or, if some are outside of
	// 0…1 by more than 0.001, their logits.
	Stretch bool `json:"stretch"`
}

// Matte is a picture with the transparency that separates what it shows from the rest.
type Matte struct {
	Name    string // of the input
	Picture *picture.Image
	Alpha   *picture.Image // one channel: 255 where all belongs to what the picture shows
	Seen    [2]int         // height and width of the network's input
}

// Matte separates what pictures show from their background, by an ONNX file whose output
// is one number a pixel: U²-Net, IS-Net, MODNet, BiRefNet and others. The transparency is
// enlarged to the picture's own size. If a picture cannot be read, it yields an
// *InputError and goes on; it stops at any other error.
func (m *Model) Matte(ctx context.Context, o MatteOptions, in ...Input) iter.Seq2[Matte, error] {
	return func(yield func(Matte, error) bool) {
		n, ok := m.Network.(*zoo.ONNX)
		if !ok {
			yield(Matte{}, fmt.Errorf("vision: %s is no ONNX file that separates pictures from their background", m.Name))
			return
		}
		if err := m.For(zoo.Segment); err != nil {
			yield(Matte{}, err)
			return
		}
		for c, err := range m.each(ctx, true, nil, in) {
			var r Matte
			if c.prepared != nil {
				r.Name = c.name
			}
			if err == nil {
				r.Picture, r.Seen = c.image, c.size()
				if r.Alpha, err = alphaOf(n, o, c); err != nil {
					yield(r, err)
					return
				}
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// alphaOf makes the transparency of a picture.
func alphaOf(n *zoo.ONNX, o MatteOptions, c computed) (*picture.Image, error) {
	form, err := n.Main(append(tensor.Shape{max(n.Batch, 1)}, c.input.Shape[1:]...))
	if err != nil {
		return nil, err
	}
	h, w := form.Seen[1], form.Seen[2]
	values := c.outputs[0].Data
	if len(values) != h*w {
		return nil, fmt.Errorf("%s: output %s is %v, want one number a pixel", n.Path, form.Name, form.Shape)
	}
	return alpha(values, h, w, o, c.size(), c.at, c.image.Width, c.image.Height), nil
}

// probable reports whether numbers from low to high are probabilities. Sums of f32, and
// f16, may pass 0 and 1 by a little.
func probable(low, high float32) bool {
	const slack = 1e-3
	return low >= -slack && high <= 1+slack
}

// alpha turns a network's values [h, w] for its input into the transparency of a picture.
// size is the input's height and width, and at maps points of the picture to it.
func alpha(values []float32, h, w int, o MatteOptions, size [2]int, at picture.Transform, width, height int) *picture.Image {
	low, high := float32(math.Inf(1)), float32(math.Inf(-1))
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	shares := make([]float32, len(values))
	for i, v := range values {
		switch {
		case o.Stretch && high > low:
			v = (v - low) / (high - low)
		case !o.Stretch && !probable(low, high):
			v = float32(1 / (1 + math.Exp(-float64(v))))
		}
		shares[i] = max(0, min(v, 1))
	}
	at = at.Then(picture.Scale(float32(w)/float32(size[1]), float32(h)/float32(size[0])))
	out := picture.New(width, height, 1)
	tensor.Parallel(height, func(y int) {
		for x := range width {
			if u, v := at.Point(float32(x)+0.5, float32(y)+0.5); u >= 0 && v >= 0 && u <= float32(w) && v <= float32(h) {
				out.Pix[y*width+x] = uint8(255*interpolated(shares, h, w, u, v) + 0.5)
			}
		}
	})
	return out
}
