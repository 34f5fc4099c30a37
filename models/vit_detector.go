package models

import (
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/weights"
)

// ViTDetector finds objects with two linear layers on the patch tokens of a vision
// transformer. Each patch predicts the class and the box of an object at its place.
type ViTDetector struct {
	Backbone *ViT           `weight:"backbone"` // without a head
	ClsHead  *layers.Linear `weight:"cls_head"` // C → classes
	RegHead  *layers.Linear `weight:"reg_head"` // C → 4
}

// NewViTDetector declares the network with a backbone of config c. c.Classes is the
// number of classes of objects, without one for "nothing"; 0 means 80.
func NewViTDetector(c ViTConfig) *ViTDetector {
	classes := or(c.Classes, 80)
	c.Classes, c.GlobalPool = -1, false
	return &ViTDetector{
		Backbone: NewViT(c),
		ClsHead:  layers.NewLinear(c.Dim, classes),
		RegHead:  layers.NewLinear(c.Dim, 4),
	}
}

// Heads maps images [B, H, W, 3] to class logits [B, N, classes] and box offsets
// [B, N, 4] for N = H/p·W/p patches, row by row. vision.Detections turns them into
// boxes.
func (m *ViTDetector) Heads(x *graph.Value) (logits, boxes *graph.Value) {
	patches := m.Backbone.Tokens(x).Slice(1, m.Backbone.Prefix(), 0)
	return m.ClsHead.Forward(patches), m.RegHead.Forward(patches)
}

// Forward returns the logits of Heads.
func (m *ViTDetector) Forward(x *graph.Value) *graph.Value {
	logits, _ := m.Heads(x)
	return logits
}

// Outputs returns the results of Heads as "logits" and "boxes".
func (m *ViTDetector) Outputs(x *graph.Value) []graph.Output {
	logits, boxes := m.Heads(x)
	return []graph.Output{{Name: "logits", Value: logits}, {Name: "boxes", Value: boxes}}
}

// Canonical presents src under the model's names. The backbone may have any layout
// that ViT knows, and the heads may be named det.class_head and det.box_head. It
// drops a classifier of the backbone.
func (m *ViTDetector) Canonical(src weights.Source) weights.Source {
	return weights.Arrange(src, func(name string) weights.Place {
		name = vitDetectorName(name)
		if strings.HasPrefix(name, "backbone.head.") {
			return weights.Place{}
		}
		return partOfQKV(name)
	})
}

var detectorHeads = strings.NewReplacer("det.class_head", "cls_head", "det.box_head", "reg_head")

// vitDetectorName is ViTName for a detector's weights.
func vitDetectorName(name string) string {
	if rest, ok := strings.CutPrefix(name, "backbone."); ok {
		return "backbone." + ViTName(rest)
	}
	return detectorHeads.Replace(name)
}
