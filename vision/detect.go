package vision

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"iter"
	"math"
	"slices"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/decode"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

// Detection is an object in a picture.
type Detection struct {
	Box   [4]float32 // left, top, right, bottom in pixels
	Class int
	Score float32 // 0…1
}

// Objects are the objects in a picture.
type Objects struct {
	Name    string // of the input
	Picture *picture.Image
	Found   []Object // the best first
}

// Object is an object that was found.
type Object struct {
	Box       [4]float32 // left, top, right, bottom in pixels of the picture
	Class     int
	ClassName string // "" if it is not known
	Score     float32
	Points    []decode.Point // key points in pixels of the picture, if the network has any

	cells *maskCells // nil if the network makes no masks
}

// Title returns the name of the class, or its number if it has no name.
func (o Object) Title() string {
	if o.ClassName != "" {
		return o.ClassName
	}
	return fmt.Sprintf("class %d", o.Class)
}

// Detect finds objects in pictures, in order. If a picture cannot be read, it yields
// an *InputError and goes on; it stops at any other error.
func (m *Model) Detect(ctx context.Context, f DetectionFilter, in ...Input) iter.Seq2[Objects, error] {
	return func(yield func(Objects, error) bool) {
		if err := m.For(zoo.Detect); err != nil {
			yield(Objects{}, err)
			return
		}
		for c, err := range m.each(ctx, false, nil, in) {
			var r Objects
			if c.prepared != nil {
				r.Name = c.name
			}
			if err == nil {
				r.Picture = c.image
				if r.Found, err = m.objects(f, c); err != nil {
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

// objects returns the detections in pixels of the picture, clipped to its borders.
func (m *Model) objects(f DetectionFilter, c computed) ([]Object, error) {
	if n, ok := m.Network.(*zoo.ONNX); ok {
		return m.objectsONNX(n, f, c)
	}
	logits, boxes := c.outputs[0], c.outputs[1]
	patch := m.Network.(*models.ViTDetector).Backbone.Patch
	back := c.at.Inverse()
	all := []Object{}
	for _, d := range Detections(logits, boxes, 0, patch, c.size(), f) {
		o := Object{Box: back.Box(d.Box), Class: d.Class, ClassName: m.Label(d.Class, logits.Shape[2]), Score: d.Score}
		if o.clip(c.image) {
			all = append(all, o)
		}
	}
	return all, nil
}

// Draw draws the boxes with their classes and scores, key points and masks on the picture.
// The best is on top.
func (o Objects) Draw() image.Image {
	boxes, m := make([]picture.Titled, len(o.Found)), o.Picture
	for i, f := range slices.Backward(o.Found) {
		boxes[i] = picture.Titled{Bounds: f.Box, Title: fmt.Sprintf("%s %.2f", f.Title(), f.Score), Color: f.Class}
		for _, p := range f.Points {
			if p.Score > 0.5 {
				boxes[i].Points = append(boxes[i].Points, [2]float32{p.X, p.Y})
			}
		}
		if mask := f.Mask(); mask != nil {
			m = mask.Tint(m, picture.Colors[f.Class%len(picture.Colors)])
		}
	}
	return picture.DrawBoxes(m, boxes)
}

// DetectionFilter says which detections to keep. The defaults are RetinaNet's, and for an
// ONNX file those of its model.json, or else of its decoder.
type DetectionFilter struct {
	Score float64 // least score; 0 means 0.05
	IoU   float64 // of two boxes of one class that overlap more, the better stays; 0 means 0.5
	Most  int     // most detections in a picture; 0 means 300

	// Decoder is the name in package decode of what the outputs of an ONNX file mean.
	// Empty means the one in its model.json, or the only one that they can be for.
	Decoder  string
	AnyClass bool // see decode.Options
}

// maxLogSize is the upper limit of log(box size / patch size).
var maxLogSize = math.Log(1000.0 / 16)

// Detections decodes the outputs of a models.ViTDetector for image b of a batch. It
// returns the objects, the best first. patch is the side of a patch and size the
// height and width of the image, in pixels. A score is the sigmoid of a logit. For a
// patch of p×p pixels with the centre (x, y), the offsets (dx, dy, dw, dh) encode a
// box with
//
//	centre (x + p·dx, y + p·dy) and size (p·eᵈʷ, p·eᵈʰ)
//
// clipped to the image. This is the box encoding of Faster R-CNN (arXiv:1506.01497)
// with the patch as the anchor.
func Detections(logits, boxes *tensor.Tensor, b, patch int, size [2]int, f DetectionFilter) []Detection {
	if f.Score == 0 {
		f.Score = 0.05
	}
	if f.IoU == 0 {
		f.IoU = 0.5
	}
	n, classes := logits.Shape[1], logits.Shape[2]
	var found [][4]float32
	var scores []float32
	var kinds []int
	for i := range n {
		box := detectionBox(boxes.Data[(b*n+i)*4:][:4], i, patch, size)
		for c, logit := range logits.Data[(b*n+i)*classes:][:classes] {
			if s := 1 / (1 + math.Exp(-float64(logit))); s >= f.Score && box[0] < box[2] && box[1] < box[3] {
				found, scores, kinds = append(found, box), append(scores, float32(s)), append(kinds, c)
			}
		}
	}
	var all []Detection
	for _, i := range decode.NMS(found, scores, kinds, f.IoU, 0) {
		if len(all) == cmp.Or(f.Most, 300) {
			break
		}
		all = append(all, Detection{found[i], kinds[i], scores[i]})
	}
	return all
}

// detectionBox decodes the offsets d of patch i. size is the image's height and width.
func detectionBox(d []float32, i, patch int, size [2]int) [4]float32 {
	p := float64(patch)
	across := size[1] / patch
	at := [2]int{i % across, i / across}
	var box [4]float32
	for k := range 2 {
		center := p * (float64(at[k]) + 0.5 + float64(d[k]))
		half := p * math.Exp(min(float64(d[2+k]), maxLogSize)) / 2
		limit := float64(size[1-k])
		box[k] = float32(max(0, min(center-half, limit)))
		box[2+k] = float32(max(0, min(center+half, limit)))
	}
	return box
}
