package vision

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"iter"
	"math"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/zoo"
)

// Detection is an object in a picture.
type Detection struct {
	Box   [4]float32 // left, top, right, bottom in pixels
	Class int
	Score float32 // 0…1
}

// Objects are those of a picture, in the picture's pixels.
type Objects struct {
	Name    string // of the input
	Picture *picture.Image
	Found   []Object // the best first
}

// Object is a thing that was found.
type Object struct {
	Box       [4]float32 // left, top, right, bottom in pixels of the picture
	Class     int
	ClassName string // "" if it is not known
	Score     float32
}

// Title is the class's name, or its number.
func (o Object) Title() string {
	if o.ClassName != "" {
		return o.ClassName
	}
	return fmt.Sprintf("class %d", o.Class)
}

// Detect finds objects in pictures, in order. A picture that cannot be read is
// yielded with an *InputError, and the others follow; any other error is the last.
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
				r.Picture, r.Found = c.image, m.objects(f, c)
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// objects are the detections in pixels of the picture, cut at its borders.
func (m *Model) objects(f DetectionFilter, c computed) []Object {
	logits, boxes := c.outputs[0], c.outputs[1]
	patch := m.Network.(*models.ViTDetector).Backbone.Patch
	limit := [4]float32{float32(c.image.Width), float32(c.image.Height), float32(c.image.Width), float32(c.image.Height)}
	back := c.at.Inverse()
	all := []Object{}
	for _, d := range Detections(logits, boxes, 0, patch, c.size(), f) {
		box := back.Box(d.Box)
		for i, v := range box {
			box[i] = max(0, min(v, limit[i]))
		}
		if box[0] < box[2] && box[1] < box[3] {
			all = append(all, Object{box, d.Class, m.Label(d.Class, logits.Shape[2]), d.Score})
		}
	}
	return all
}

// Draw draws the boxes with their classes and scores on the picture, the best on
// top.
func (o Objects) Draw() image.Image {
	boxes := make([]picture.Titled, len(o.Found))
	for i, f := range o.Found {
		boxes[i] = picture.Titled{Bounds: f.Box, Title: fmt.Sprintf("%s %.2f", f.Title(), f.Score), Color: f.Class}
	}
	return picture.DrawBoxes(o.Picture, boxes)
}

// DetectionFilter says which detections stay. Its zero values are RetinaNet's.
type DetectionFilter struct {
	Score float64 // least score; 0 means 0.05
	IoU   float64 // overlap over which the better of one class takes the other away; 0 means 0.5
	Most  int     // detections in a picture; 0 means 300
}

// maxLogSize bounds the logarithm of a box's size over that of a patch.
var maxLogSize = math.Log(1000.0 / 16)

// Detections makes objects of a models.ViTDetector's results for image number b of
// a batch, whose height and width in pixels are size, best first. Patches have
// patch pixels a side. A class's score is the
// sigmoid of its logit. With (x, y) the centre of a patch of p×p pixels, the
// offsets (dx, dy, dw, dh) say a box with
//
//	centre (x + p·dx, y + p·dy) and size (p·eᵈʷ, p·eᵈʰ)
//
// which is cut at the borders: the code of Faster R-CNN (arXiv:1506.01497) with
// the patch as the anchor.
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
	for _, i := range NMS(found, scores, kinds, f.IoU) {
		if len(all) == cmp.Or(f.Most, 300) {
			break
		}
		all = append(all, Detection{found[i], kinds[i], scores[i]})
	}
	return all
}

// detectionBox decodes the offsets of patch i of an image of a height and width.
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
