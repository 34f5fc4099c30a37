package models

import (
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// declared is the weights of a model with seeded numbers.
func declared(m any) weights.Map {
	weights.Random(m, 1)
	all := weights.Map{}
	weights.Walk(m, func(name string, w *tensor.Tensor) { all[name] = w })
	return all
}

// TestLoadResNet reads depth, width, groups and classes off the weights.
func TestLoadResNet(t *testing.T) {
	x := picture(1, 40, 33)
	for name, c := range map[string]ResNetConfig{
		"basic":      {Blocks: [4]int{1, 2, 1, 3}, Width: 4, Classes: 5},
		"bottleneck": {Blocks: [4]int{2, 1, 1, 1}, Width: 4, Classes: 5, Bottleneck: true},
		"groups":     {Blocks: [4]int{1, 1, 2, 1}, Width: 8, Classes: 5, Bottleneck: true, Groups: 4, GroupWidth: 16},
		"depthwise":  {Blocks: [4]int{1, 1, 1, 1}, Width: 8, Classes: 5, Bottleneck: true, Groups: 8, GroupWidth: 8},
		"wide":       {Blocks: [4]int{1, 1, 1, 1}, Width: 4, Classes: 5, Bottleneck: true, GroupWidth: 192},
	} {
		m := NewResNet(c)
		loaded, err := LoadResNet(declared(m))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d, err := tensor.Diff(evaluate(t, loaded, x)["out"], evaluate(t, m, x)["out"]); err != nil || d.Max != 0 {
			t.Errorf("%s: %v, %v", name, d, err)
		}
	}
}

// TestLoadResNetErrors expects the tensor that is wrong by its name.
func TestLoadResNetErrors(t *testing.T) {
	for want, change := range map[string]func(weights.Map){
		"layer3.0.conv1.weight is missing": func(m weights.Map) {
			for n := range m {
				if strings.HasPrefix(n, "layer3.") {
					delete(m, n)
				}
			}
		},
		"conv1.weight is missing":         func(m weights.Map) { delete(m, "conv1.weight") },
		"missing layer1.0.bn3.bias":       func(m weights.Map) { delete(m, "layer1.0.bn3.bias") },
		"unused layer2.0.se.weight":       func(m weights.Map) { m["layer2.0.se.weight"] = tensor.New(1) },
		"no whole number of groups makes": func(m weights.Map) { m["layer4.0.conv2.weight"] = tensor.New(32, 3, 3, 3) },
		"fc.weight is [0, 128]":           func(m weights.Map) { m["fc.weight"] = tensor.New(0, 128) },
	} {
		all := declared(NewResNet(ResNetConfig{Blocks: [4]int{1, 1, 1, 1}, Width: 4, Classes: 5, Bottleneck: true}))
		change(all)
		if _, err := LoadResNet(all); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
