package vision

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"iter"
	"math"
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

// SegmentOptions say how to turn a network's scores into classes.
type SegmentOptions struct {
	// Threshold is for a network with one class: a pixel with a higher probability
	// belongs to the class; 0 means ½.
	Threshold float32
}

// Segmentation is the class of each pixel of a picture, at the picture's own size.
type Segmentation struct {
	Name string // of the input
	*picture.Segmentation
	Picture *picture.Image
	Seen    [2]int // height and width of the network's input

	label func(class, count int) string
}

// ClassArea is the area of a class in a picture.
type ClassArea struct {
	Number int
	Name   string // "" if it is not known
	Pixels int
	Share  float64 // of the picture
}

// Title returns the name of the class, or its number if it has no name.
func (a ClassArea) Title() string {
	if a.Name != "" {
		return a.Name
	}
	return fmt.Sprintf("class %d", a.Number)
}

// Segment finds the class of each pixel of pictures, in order. If a picture cannot be
// read, it yields an *InputError and goes on; it stops at any other error.
func (m *Model) Segment(ctx context.Context, o SegmentOptions, in ...Input) iter.Seq2[Segmentation, error] {
	return func(yield func(Segmentation, error) bool) {
		if err := m.For(zoo.Segment); err != nil {
			yield(Segmentation{}, err)
			return
		}
		for c, err := range m.each(ctx, true, nil, in) {
			var r Segmentation
			if c.prepared != nil {
				r.Name = c.name
			}
			if err == nil {
				r.Picture, r.Seen, r.label = c.image, c.size(), m.Label
				r.Segmentation, err = m.segmentation(o, c)
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func (m *Model) segmentation(o SegmentOptions, c computed) (*picture.Segmentation, error) {
	if n, ok := m.Network.(*zoo.ONNX); ok {
		return m.segmentONNX(n, o, c)
	}
	g, err := models.TraceForward(m.Network, c.input.Shape...)
	if err != nil {
		return nil, err
	}
	s, err := NewSegmenter(g)
	if err != nil {
		return nil, err
	}
	s.Threshold = cmp.Or(o.Threshold, s.Threshold)
	return s.Apply(c.outputs[0], c.size(), c.at, c.image.Width, c.image.Height), nil
}

// Areas lists the areas of all classes.
func (s Segmentation) Areas() []ClassArea {
	var all []ClassArea
	for class, n := range s.Segmentation.Area() {
		all = append(all, ClassArea{class, s.label(class, s.Count), n, float64(n) / float64(len(s.Class))})
	}
	return all
}

// Overlay returns the picture tinted with the colours of the classes.
func (s Segmentation) Overlay() *picture.Image { return s.Segmentation.Overlay(s.Picture) }

// Draw returns the overlay with a legend of the classes in the picture: the twenty
// largest, without class 0.
func (s Segmentation) Draw() image.Image {
	const most = 20
	areas := slices.DeleteFunc(s.Areas(), func(a ClassArea) bool { return a.Number == 0 || a.Pixels == 0 })
	slices.SortStableFunc(areas, func(a, b ClassArea) int { return cmp.Compare(b.Pixels, a.Pixels) })
	colors := picture.Palette(s.Count)
	var all []picture.Meaning
	for _, a := range areas[:min(len(areas), most)] {
		all = append(all, picture.Meaning{Color: colors[a.Number], Title: fmt.Sprintf("%s %.1f %%", a.Title(), 100*a.Share)})
	}
	return picture.WithLegend(s.Overlay(), all...)
}

// Segmenter turns a network's scores of pixels into a segmentation.
type Segmenter struct {
	// Threshold is for a network with one class: a pixel with a higher probability is
	// of class 1, any other of class 0.
	Threshold float32

	// Probabilities says that the scores are probabilities instead of logits.
	Probabilities bool

	// Whole says that the scores are those of the whole input, at any size, instead of the
	// input's middle.
	Whole bool
}

// NewSegmenter makes a Segmenter for the first output of g, with threshold ½. It
// checks that the output is scores [B, h, w, C] for the pixels of g's input or of the
// input's middle.
func NewSegmenter(g *graph.Graph) (Segmenter, error) {
	y, x := g.Outputs[0].Value, g.Inputs[0].Shape
	s := Segmenter{Threshold: 0.5}
	if len(y.Shape) != 4 || y.Shape[3] > 255 || y.Shape[1] > x[1] || y.Shape[2] > x[2] || 2*y.Shape[1] < x[1] || 2*y.Shape[2] < x[2] {
		return s, fmt.Errorf("vision: results %v for pictures %v are not classes of pixels", y.Shape, x)
	}
	for v := y; v.Op != nil; v = v.Args[0] {
		if a, ok := v.Op.(graph.Activate); ok {
			s.Probabilities = a.Act == graph.Sigmoid
		}
		if _, moved := v.Op.(graph.Reshape); !moved {
			break
		}
	}
	return s, nil
}

// Apply finds the class of each pixel of a picture of width × height pixels. scores
// [1, h, w, C] are the network's for the input that Preprocess made of the picture.
// size is the input's height and width, and at maps the picture's points to the
// input. Apply interpolates scores bilinearly at the middle of each pixel. Pixels
// outside the network's result get class 0.
func (s Segmenter) Apply(scores *tensor.Tensor, size [2]int, at picture.Transform, width, height int) *picture.Segmentation {
	h, w, c := scores.Shape[1], scores.Shape[2], scores.Shape[3]
	out := &picture.Segmentation{Width: width, Height: height, Count: max(c, 2), Class: make([]uint8, width*height)}
	if s.Whole {
		at = at.Then(picture.Scale(float32(w)/float32(size[1]), float32(h)/float32(size[0])))
	} else {
		at = at.Then(picture.Shift(-float32(size[1]-w)/2, -float32(size[0]-h)/2))
	}
	limit := s.Threshold
	if !s.Probabilities {
		limit = float32(math.Log(float64(s.Threshold) / (1 - float64(s.Threshold))))
	}
	for y := range height {
		for x := range width {
			u, v := at.Point(float32(x)+0.5, float32(y)+0.5)
			if u < 0 || v < 0 || u > float32(w) || v > float32(h) {
				continue
			}
			l, r, fx := between(u, w)
			t, b, fy := between(v, h)
			best := limit
			for k := range c {
				top := scores.Data[(t*w+l)*c+k]*(1-fx) + scores.Data[(t*w+r)*c+k]*fx
				bottom := scores.Data[(b*w+l)*c+k]*(1-fx) + scores.Data[(b*w+r)*c+k]*fx
				score := top*(1-fy) + bottom*fy
				switch {
				case c == 1 && score > limit:
					out.Class[y*width+x] = 1
				case c > 1 && (k == 0 || score > best):
					best = score
					out.Class[y*width+x] = uint8(k)
				}
			}
		}
	}
	return out
}

// between returns the two of n samples around a place, and the weight of the second.
// A sample lies in the middle of its pixel.
func between(at float32, n int) (first, second int, share float32) {
	at = min(max(at-0.5, 0), float32(n-1))
	first = int(at)
	return first, min(first+1, n-1), at - float32(first)
}
