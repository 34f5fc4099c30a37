package zoo

import (
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// TestSummary compares totals with those that torchvision states for its networks, and
// checks that the parts add up to them.
func TestSummary(t *testing.T) {
	for _, c := range []struct {
		name                     string
		parameters, unused, macs int64
	}{
		// Multiply-adds: torchvision's "_ops" of each, in billions, 0.714,
		// 1.498, 1.814 and 4.089; they count no more than is counted here.
		{"alexnet", 61_100_840, 0, 714_188_480},
		{"googlenet", 6_624_904, 6_379_984, 1_498_376_192},
		{"resnet18", 11_689_512, 0, 1_814_073_344},
		{"resnet50", 25_557_032, 0, 4_089_184_256},
	} {
		e, err := Lookup(c.name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := models.Summarize(e.New(), 1, 224, 224, 3)
		if err != nil {
			t.Fatal(err)
		}
		if s.Parameters != c.parameters || s.Unused != c.unused || s.MultiplyAdds != c.macs {
			t.Errorf("%s: %d parameters, %d unused, %d multiply-adds, want %v", c.name, s.Parameters, s.Unused, s.MultiplyAdds, c)
		}
		var layers, stages models.Cost
		for _, l := range s.Layers {
			layers.Add(l.Cost)
		}
		for _, st := range s.Stages {
			stages.Add(st.Cost)
		}
		if want := (models.Cost{Parameters: s.Parameters, MultiplyAdds: s.MultiplyAdds, ActivationBytes: s.ActivationBytes}); layers != want || stages != want {
			t.Errorf("%s: layers add up to %v, stages to %v, want %v", c.name, layers, stages, want)
		}
		if len(s.Outputs) != 1 || !s.Outputs[0].Shape.Equal([]int{1, 1000}) {
			t.Errorf("%s: outputs %v", c.name, s.Outputs)
		}
	}
}

// TestSetClasses changes the number of classes of every model that has classes.
func TestSetClasses(t *testing.T) {
	for _, e := range Models() {
		m := e.New()
		err := SetClasses(e, m, 7)
		if e.Task != Classify && e.Task != Segment && e.Task != Detect {
			if err == nil {
				t.Errorf("%s has classes", e.Name)
			}
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		all := weights.Map{}
		weights.Walk(m, func(name string, w *tensor.Tensor) { all[name] = w })
		if n := ClassesIn(e, all); n != 7 {
			t.Errorf("%s: a checkpoint has %d classes, want 7", e.Name, n)
		}
		if err := weights.Compare(e.New(), all).Err(); err == nil {
			t.Errorf("%s: another number of classes fits", e.Name)
		}
	}
}

// TestSummaryAttention compares projections and attention with the formulas of the Swin
// paper, MSA = 4hwC² + 2(hw)²C and W-MSA = 4hwC² + 2M²hwC.
func TestSummaryAttention(t *testing.T) {
	vit := models.NewViT(models.ViTConfig{Image: graph.Pair{64, 96}, Dim: 48, Depth: 3, Heads: 4, Classes: 7})
	swin := models.NewSwin(models.SwinConfig{Dim: 32, Depths: []int{2, 2}, Heads: []int{2, 4}, Window: graph.Both(4), Classes: 7})
	type split struct{ projections, attention int64 }
	n, c := int64(1+4*6), int64(48) // the class token is one more
	want := []split{{3 * 4 * n * c * c, 3 * 2 * n * n * c}, {}}
	for i, hw := range []int64{16 * 24, 8 * 12} {
		c := int64(32 << i)
		want[1].projections += 2 * 4 * hw * c * c
		want[1].attention += 2 * 2 * 16 * hw * c
	}
	for i, m := range []models.Network{vit, swin} {
		s, err := models.Summarize(m, 2, 64, 96, 3)
		if err != nil {
			t.Fatal(err)
		}
		if got := (split{s.Projections / 2, s.Attention / 2}); got != want[i] {
			t.Errorf("%T: %+v, want %+v", m, got, want[i])
		}
		var stages models.Cost
		for _, st := range s.Stages {
			stages.Add(st.Cost)
		}
		if stages.Projections != s.Projections || stages.Attention != s.Attention {
			t.Errorf("%T: stages add up to %+v", m, stages)
		}
	}
}
