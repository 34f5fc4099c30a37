package plan

import (
	"testing"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// TestHalfBytes plans SAM's largest encoder with f16 weights. All but biases, norms and
// tables of positions take two bytes an element: 1.28 of 2.55 GB.
func TestHalfBytes(t *testing.T) {
	entry, err := zoo.Lookup("sam_vit_h")
	if err != nil {
		t.Fatal(err)
	}
	m := entry.New()
	largest := 0
	weights.Walk(m, func(_ string, w *tensor.Tensor) { largest = max(largest, w.Shape.Len()) })
	zeros := make([]uint16, largest)
	weights.Walk(m, func(_ string, w *tensor.Tensor) { w.Halves = zeros[:w.Shape.Len()] })
	g, err := models.Trace(m, 1, entry.Size, entry.Size, entry.Channels)
	if err != nil {
		t.Fatal(err)
	}
	var bytes [2]int64
	for i, f16 := range []bool{false, true} {
		l, err := New(g, shaders.Default, 256<<20, Choice{F16: f16})
		if err != nil {
			t.Fatal(err)
		}
		bytes[i] = l.WeightBytes()
	}
	if bytes[0] < 2.5e9 || bytes[1] > 1.3e9 {
		t.Errorf("weights take %d bytes, as f16 %d", bytes[0], bytes[1])
	}
}
