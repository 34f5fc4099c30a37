package models

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
)

// AlexNet is the network of Krizhevsky, Sutskever and Hinton (2012) in the
// one-GPU form of arXiv:1404.5997, as torchvision trains it: without groups and
// without local response normalisation.
type AlexNet struct {
	Conv1 *layers.Conv2d `weight:"features.0"` // 11×11 stride 4
	Conv2 *layers.Conv2d `weight:"features.3"` // 5×5
	Conv3 *layers.Conv2d `weight:"features.6"` // 3×3
	Conv4 *layers.Conv2d `weight:"features.8"`
	Conv5 *layers.Conv2d `weight:"features.10"`
	FC6   *layers.Linear `weight:"classifier.1"`
	FC7   *layers.Linear `weight:"classifier.4"`
	FC8   *layers.Linear `weight:"classifier.6"`
}

// NewAlexNet declares the network for the given number of classes.
func NewAlexNet(classes int) *AlexNet {
	conv := func(in, out, kernel int) *layers.Conv2d {
		return layers.NewConv2d(in, out, graph.Both(kernel), graph.Conv2d{Pad: graph.Both(kernel / 2)})
	}
	return &AlexNet{
		Conv1: layers.NewConv2d(3, 64, graph.Both(11), graph.Conv2d{Stride: graph.Both(4), Pad: graph.Both(2)}),
		Conv2: conv(64, 192, 5),
		Conv3: conv(192, 384, 3),
		Conv4: conv(384, 256, 3),
		Conv5: conv(256, 256, 3),
		FC6:   layers.NewLinear(256*6*6, 4096),
		FC7:   layers.NewLinear(4096, 4096),
		FC8:   layers.NewLinear(4096, classes),
	}
}

// Forward maps images [B, H, W, 3] to logits [B, classes].
func (m *AlexNet) Forward(x *graph.Value) *graph.Value {
	pool := graph.Window{Size: graph.Both(3), Stride: graph.Both(2)}
	x = m.Conv1.Forward(x).Stage("features.0").ReLU().Stage("features.1").MaxPool2d(pool).Stage("features.2")
	x = m.Conv2.Forward(x).Stage("features.3").ReLU().Stage("features.4").MaxPool2d(pool).Stage("features.5")
	x = m.Conv3.Forward(x).Stage("features.6").ReLU().Stage("features.7")
	x = m.Conv4.Forward(x).Stage("features.8").ReLU().Stage("features.9")
	x = m.Conv5.Forward(x).Stage("features.10").ReLU().Stage("features.11").MaxPool2d(pool).Stage("features.12")
	x = flatten(x.AdaptiveAvgPool2d(6, 6).Stage("avgpool")).Stage("classifier.0")
	x = m.FC6.Forward(x).Stage("classifier.1").ReLU().Stage("classifier.2").Stage("classifier.3")
	x = m.FC7.Forward(x).Stage("classifier.4").ReLU().Stage("classifier.5")
	return m.FC8.Forward(x).Stage("classifier.6")
}
