package vision

import (
	"cmp"
	"fmt"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

// segmentONNX makes a segmentation of the output of an ONNX file: scores of classes, a
// mask, or numbers of classes. Its size may be another one than the input's.
func (m *Model) segmentONNX(n *zoo.ONNX, o SegmentOptions, c computed) (*picture.Segmentation, error) {
	form, err := n.Main(append(tensor.Shape{max(n.Batch, 1)}, c.input.Shape[1:]...))
	if err != nil {
		return nil, err
	}
	y := c.outputs[0]
	h, w := form.Seen[1], form.Seen[2]
	scores := y.Reshape(1, h, w, len(y.Data)/(h*w))
	if classes := scores.Shape[3]; form.Classes() && classes == 1 {
		return numbered(scores, len(m.ClassNames), c)
	}
	s := Segmenter{Threshold: cmp.Or(o.Threshold, 0.5), Probabilities: true, Whole: true}
	for _, v := range y.Data {
		if !probable(v, v) {
			s.Probabilities = false
			break
		}
	}
	return s.Apply(scores, c.size(), c.at, c.image.Width, c.image.Height), nil
}

// numbered is the segmentation for numbers of classes [1, h, w, 1], of which names many
// have a name.
func numbered(numbers *tensor.Tensor, names int, c computed) (*picture.Segmentation, error) {
	size, h, w := c.size(), numbers.Shape[1], numbers.Shape[2]
	at := c.at.Then(picture.Scale(float32(w)/float32(size[1]), float32(h)/float32(size[0])))
	out := &picture.Segmentation{Width: c.image.Width, Height: c.image.Height, Class: make([]uint8, c.image.Width*c.image.Height)}
	out.Count = max(2, names)
	for _, v := range numbers.Data {
		if v < 0 || v > 254 {
			return nil, fmt.Errorf("vision: class %v of a pixel, want 0 to 254", v)
		}
		out.Count = max(out.Count, int(v)+1)
	}
	for y := range out.Height {
		for x := range out.Width {
			if u, v := at.Point(float32(x)+0.5, float32(y)+0.5); u >= 0 && v >= 0 && int(u) < w && int(v) < h {
				out.Class[y*out.Width+x] = uint8(numbers.Data[int(v)*w+int(u)])
			}
		}
	}
	return out, nil
}
