package vision

import (
	"math"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
)

// TestDetections decodes boxes of an image of 24 rows and 32 columns in patches
// of 8.
func TestDetections(t *testing.T) {
	m := models.NewViTDetector(models.ViTConfig{Image: graph.Both(32), Patch: 8, Dim: 4, Depth: 1, Heads: 1, Classes: 2})
	g, err := models.Trace(m, 1, 24, 32, 3)
	if err != nil {
		t.Fatal(err)
	}
	if l, b := g.Outputs[0].Value.Shape, g.Outputs[1].Value.Shape; !l.Equal(tensor.Shape{1, 12, 2}) || !b.Equal(tensor.Shape{1, 12, 4}) {
		t.Fatalf("logits are %v, boxes %v", l, b)
	}
	logits, boxes := tensor.New(2, 12, 2), tensor.New(2, 12, 4)
	for i := range logits.Data {
		logits.Data[i] = -10
	}
	set := func(patch, class int, logit float32, offsets ...float32) {
		logits.Data[(12+patch)*2+class] = logit
		copy(boxes.Data[(12+patch)*4:], offsets)
	}
	double := float32(math.Log(2))
	set(5, 1, 2, 0, 0, 0, 0)                 // the patch itself: x 8…16, y 8…16
	set(6, 1, 1, -1, 0, 0, 0.1)              // nearly the same box: dropped
	set(4, 0, 1.5, 1, 0, 0, 0)               // the same box with another class
	set(11, 0, 0, 0.5, 0.25, double, double) // centre (32, 22), 16×16, clipped at the border
	set(0, 0, -3.5, 0, 0, 0, 0)              // below the least score
	set(1, 1, 3, -9, 0, 0, 0)                // outside
	got := Detections(logits, boxes, 1, 8, [2]int{24, 32}, DetectionFilter{})
	want := []Detection{
		{[4]float32{8, 8, 16, 16}, 1, 0.880797},
		{[4]float32{8, 8, 16, 16}, 0, 0.8175745},
		{[4]float32{24, 14, 32, 24}, 0, 0.5},
	}
	if len(got) != len(want) {
		t.Fatalf("detections are %v, want %v", got, want)
	}
	for i, w := range want {
		if d := got[i]; d.Box != w.Box || d.Class != w.Class || math.Abs(float64(d.Score-w.Score)) > 1e-6 {
			t.Errorf("detection %d is %v, want %v", i, d, w)
		}
	}
	if got := Detections(logits, boxes, 1, 8, [2]int{24, 32}, DetectionFilter{Most: 1, Score: 0.85}); len(got) != 1 {
		t.Errorf("of the best, %v", got)
	}
	if got := Detections(logits, boxes, 0, 8, [2]int{24, 32}, DetectionFilter{}); len(got) != 0 {
		t.Errorf("in an empty image, %v", got)
	}
}
