package models

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// TestRandomWeights checks that random weights give outputs of a usual size, for
// few and for many blocks.
func TestRandomWeights(t *testing.T) {
	deep := ResNetConfig{Blocks: [4]int{3, 8, 36, 3}, Bottleneck: true, Width: 16}
	clip := NewCLIP(CLIPConfig{Embedding: 512, Size: 64, Width: 64, Blocks: [4]int{3, 4, 6, 3}, Context: 8, Vocabulary: 9, TextWidth: 64, TextLayers: 1})
	for _, c := range []struct {
		name  string
		model Network
		input tensor.Shape
	}{
		{"resnet18", NewResNet(ResNetConfig{Blocks: [4]int{2, 2, 2, 2}}), tensor.Shape{1, 32, 32, 3}},
		{"thin resnet152", NewResNet(deep), tensor.Shape{1, 32, 32, 3}},
		{"cifar_resnet110", NewCIFARResNet(CIFARResNetConfig{Blocks: [3]int{18, 18, 18}}), tensor.Shape{1, 16, 16, 3}},
		{"googlenet", NewGoogLeNet(GoogLeNetConfig{}), tensor.Shape{1, 32, 32, 3}},
		{"lenet5", NewLeNet5(1), tensor.Shape{1, 32, 32, 1}},
		{"unet", NewUNet(UNetConfig{Width: 16}), tensor.Shape{1, 32, 32, 3}},
		{"vit", NewViT(ViTConfig{Image: graph.Both(32), Dim: 192, Depth: 12, Heads: 3}), tensor.Shape{1, 32, 32, 3}},
		{"swin", NewSwin(SwinConfig{Dim: 32, Depths: []int{2, 2, 6, 2}, Heads: []int{1, 2, 4, 8}, Window: graph.Both(7)}), tensor.Shape{1, 64, 64, 3}},
		{"clip's resnet", clip.Visual, tensor.Shape{1, 64, 64, 3}},
	} {
		weights.Random(c.model, 1)
		g, err := TraceForward(c.model, c.input...)
		if err != nil {
			t.Fatal(c.name, err)
		}
		x, r := tensor.New(c.input...), rand.New(rand.NewPCG(1, 2))
		for i := range x.Data {
			x.Data[i] = r.Float32()
		}
		y, err := g.Eval(context.Background(), x)
		if err != nil {
			t.Fatal(c.name, err)
		}
		if s := deviation(y[0].Data); !(s > 0.1 && s < 10) {
			t.Errorf("%s: the output has a standard deviation of %g", c.name, s)
		}
	}
}

// deviation returns the standard deviation.
func deviation(data []float32) float64 {
	var sum, squares float64
	for _, v := range data {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	n := float64(len(data))
	return math.Sqrt(squares/n - sum/n*sum/n)
}
