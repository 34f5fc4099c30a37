package zoo

import (
	"testing"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
)

// TestDetectorClasses checks that another number of classes leaves boxes alone.
func TestDetectorClasses(t *testing.T) {
	m := vitDetectorModel.New().(*models.ViTDetector)
	if err := SetClasses(vitDetectorModel, m, 7); err != nil {
		t.Fatal(err)
	}
	if cls, reg := m.ClsHead.Weight.Shape, m.RegHead.Weight.Shape; !cls.Equal(tensor.Shape{7, 768}) || !reg.Equal(tensor.Shape{4, 768}) {
		t.Errorf("heads are %v and %v, want [7, 768] and [4, 768]", cls, reg)
	}
}
