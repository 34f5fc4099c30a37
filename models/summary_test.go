package models

import (
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// TestSummary checks totals against those that torchvision states for its
// networks, and where they come from.
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
		s, err := Summarize(e.New(), 1, 224, 224, 3)
		if err != nil {
			t.Fatal(err)
		}
		if s.Parameters != c.parameters || s.Unused != c.unused || s.MultiplyAdds != c.macs {
			t.Errorf("%s: %d parameters, %d unused, %d multiply-adds, want %v", c.name, s.Parameters, s.Unused, s.MultiplyAdds, c)
		}
		var layers, stages Cost
		for _, l := range s.Layers {
			layers.add(l.Cost)
		}
		for _, st := range s.Stages {
			stages.add(st.Cost)
		}
		if want := (Cost{s.Parameters, s.MultiplyAdds, s.ActivationBytes}); layers != want || stages != want {
			t.Errorf("%s: layers add up to %v, stages to %v, want %v", c.name, layers, stages, want)
		}
		if len(s.Outputs) != 1 || !s.Outputs[0].Shape.Equal([]int{1, 1000}) {
			t.Errorf("%s: outputs %v", c.name, s.Outputs)
		}
	}
}

// TestSetClasses gives every model that has classes another number of them.
func TestSetClasses(t *testing.T) {
	for _, e := range Registry {
		if strings.HasPrefix(e.Name, "clip") || strings.HasPrefix(e.Name, "sam_") {
			continue // an embedding
		}
		m := e.New()
		err := SetClasses(e, m, 7)
		if strings.HasPrefix(e.Name, "espcn") {
			if err == nil {
				t.Errorf("%s has classes", e.Name)
			}
			continue
		}
		if err != nil {
			if !strings.HasPrefix(e.Name, "mae") {
				t.Error(err)
			}
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
