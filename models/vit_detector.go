package models

import (
	"math"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// ViTDetector finds objects with two linear layers on the patch tokens of a
// vision transformer: each patch says what is at its place and where exactly.
type ViTDetector struct {
	Backbone *ViT           `weight:"backbone"` // without a head
	ClsHead  *layers.Linear `weight:"cls_head"` // C → classes
	RegHead  *layers.Linear `weight:"reg_head"` // C → 4
}

// NewViTDetector declares the network on a backbone of c, whose Classes are
// those of objects; there is none for "nothing".
func NewViTDetector(c ViTConfig) *ViTDetector {
	classes := or(c.Classes, 80)
	c.Classes, c.GlobalPool = -1, false
	return &ViTDetector{
		Backbone: NewViT(c),
		ClsHead:  layers.NewLinear(c.Dim, classes),
		RegHead:  layers.NewLinear(c.Dim, 4),
	}
}

// Heads maps images [B, H, W, 3] to class logits [B, N, classes] and box
// offsets [B, N, 4] of N = H/p·W/p patches, row by row. Detections makes boxes
// of them.
func (m *ViTDetector) Heads(x *graph.Value) (logits, boxes *graph.Value) {
	patches := m.Backbone.Tokens(x).Slice(1, 1, 0)
	return m.ClsHead.Forward(patches), m.RegHead.Forward(patches)
}

// Forward is the logits of Heads.
func (m *ViTDetector) Forward(x *graph.Value) *graph.Value {
	logits, _ := m.Heads(x)
	return logits
}

// Outputs are those of Heads.
func (m *ViTDetector) Outputs(x *graph.Value) []graph.Output {
	logits, boxes := m.Heads(x)
	return []graph.Output{{Name: "logits", Value: logits}, {Name: "boxes", Value: boxes}}
}

// Canonical is a checkpoint whose backbone is in any layout of ViT, and whose
// heads may be det.class_head and det.box_head. A classifier that came with
// the backbone is left out.
func (m *ViTDetector) Canonical(src weights.Source) weights.Source {
	return weights.Arrange(src, func(name string) weights.Place {
		name = ViTDetectorName(name)
		if strings.HasPrefix(name, "backbone.head.") {
			return weights.Place{}
		}
		return partOfQKV(name)
	})
}

var detectorHeads = strings.NewReplacer("det.class_head", "cls_head", "det.box_head", "reg_head")

// ViTDetectorName is ViTName for a detector's weights.
func ViTDetectorName(name string) string {
	if rest, ok := strings.CutPrefix(name, "backbone."); ok {
		return "backbone." + ViTName(rest)
	}
	return detectorHeads.Replace(name)
}

// Detection is an object in a picture.
type Detection struct {
	Box   [4]float32 // left, top, right, bottom in pixels
	Class int
	Score float32 // 0…1
}

// DetectionFilter says which detections stay. Its zero values are RetinaNet's.
type DetectionFilter struct {
	Score float64 // least score; 0 means 0.05
	IoU   float64 // overlap over which the better of one class takes the other away; 0 means 0.5
	Most  int     // detections in a picture; 0 means 300
}

// maxLogSize bounds the logarithm of a box's size over that of a patch.
var maxLogSize = math.Log(1000.0 / 16)

// Detections makes objects of the results for image number b of a batch, whose
// height and width in pixels are size, best first. A class's score is the
// sigmoid of its logit. With (x, y) the centre of a patch of p×p pixels, the
// offsets (dx, dy, dw, dh) say a box with
//
//	centre (x + p·dx, y + p·dy) and size (p·eᵈʷ, p·eᵈʰ)
//
// which is cut at the borders: the code of Faster R-CNN (arXiv:1506.01497) with
// the patch as the anchor.
func (m *ViTDetector) Detections(logits, boxes *tensor.Tensor, b int, size [2]int, f DetectionFilter) []Detection {
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
		box := m.box(boxes.Data[(b*n+i)*4:][:4], i, size)
		for c, logit := range logits.Data[(b*n+i)*classes:][:classes] {
			if s := 1 / (1 + math.Exp(-float64(logit))); s >= f.Score && box[0] < box[2] && box[1] < box[3] {
				found, scores, kinds = append(found, box), append(scores, float32(s)), append(kinds, c)
			}
		}
	}
	var all []Detection
	for _, i := range NMS(found, scores, kinds, f.IoU) {
		if len(all) == or(f.Most, 300) {
			break
		}
		all = append(all, Detection{found[i], kinds[i], scores[i]})
	}
	return all
}

// box decodes the offsets of patch i of an image of a height and width.
func (m *ViTDetector) box(d []float32, i int, size [2]int) [4]float32 {
	p := float64(m.Backbone.Patch)
	across := size[1] / m.Backbone.Patch
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
