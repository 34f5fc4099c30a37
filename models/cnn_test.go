package models

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

func newResNet(depth int) *ResNet {
	c, err := ResNetDepth(depth)
	if err != nil {
		panic(err)
	}
	return NewResNet(c)
}

func resNetLayout(depth int) layout { return layout{model: func() any { return newResNet(depth) }} }

// TestParameters counts what is trained, against the numbers that the papers'
// and the authors' tables state.
func TestParameters(t *testing.T) {
	for name, c := range map[string]struct {
		model Model
		want  int
	}{
		"alexnet":   {NewAlexNet(1000), 61_100_840},
		"googlenet": {NewGoogLeNet(GoogLeNetConfig{}), 6_624_904},
		"resnet18":  {newResNet(18), 11_689_512},
		"resnet34":  {newResNet(34), 21_797_672},
		"resnet50":  {newResNet(50), 25_557_032},
		"resnet101": {newResNet(101), 44_549_160},
		"resnet152": {newResNet(152), 60_192_808},
	} {
		got := 0
		weights.Walk(c.model, func(name string, w *tensor.Tensor) {
			if !strings.HasSuffix(name, ".running_mean") && !strings.HasSuffix(name, ".running_var") {
				got += w.Shape.Len()
			}
		})
		if got != c.want {
			t.Errorf("%s has %d parameters, want %d", name, got, c.want)
		}
	}
}

// TestRegistry traces every model at its usual size.
func TestRegistry(t *testing.T) {
	for i, e := range Registry {
		if i > 0 && Registry[i-1].Name >= e.Name {
			t.Errorf("%s stands after %s", e.Name, Registry[i-1].Name)
		}
		if _, err := Trace(e.New(), 1, e.Size, e.Size, e.Channels); err != nil {
			t.Errorf("%s: %v", e.Name, err)
		}
	}
}

// TestResNetStages checks the stages of residual networks for an image of
// 512×512 pixels against the paper's table 1.
func TestResNetStages(t *testing.T) {
	for _, depth := range []int{18, 34, 50, 101, 152} {
		m := newResNet(depth)
		g, err := Trace(m, 1, 512, 512, 3)
		if err != nil {
			t.Fatal(err)
		}
		blocks, shapes := map[string]int{}, map[string]string{}
		for _, s := range g.Stages {
			if stage, _, ok := strings.Cut(s.Name, "."); ok {
				blocks[stage]++
			}
			shapes[s.Name] = s.Value.Shape.String()
		}
		c, _ := ResNetDepth(depth)
		for i := range 4 {
			stage, channels := fmt.Sprintf("layer%d", i+1), 64<<i
			if c.Bottleneck {
				channels *= 4
			}
			if want := fmt.Sprintf("[1, %d, %d, %d]", 128>>i, 128>>i, channels); shapes[stage] != want {
				t.Errorf("resnet%d: %s is %s, want %s", depth, stage, shapes[stage], want)
			}
			if blocks[stage] != c.Blocks[i] {
				t.Errorf("resnet%d: %s has %d blocks, want %d", depth, stage, blocks[stage], c.Blocks[i])
			}
		}
	}
}
