package models

import (
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
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
// offsets [B, N, 4] of N = H/p·W/p patches, row by row. vision.Detections makes boxes
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
