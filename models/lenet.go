package models

import (
	_ "embed"
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
)

// LeNet5 is the network of LeCun et al. (1998), as in PyTorch's tutorials.
type LeNet5 struct {
	Conv1 *layers.Conv2d `weight:"conv1"` // 5×5, to 6 channels
	Conv2 *layers.Conv2d `weight:"conv2"` // 5×5, to 16
	FC1   *layers.Linear `weight:"fc1"`   // 400 → 120
	FC2   *layers.Linear `weight:"fc2"`   // 120 → 84
	FC3   *layers.Linear `weight:"fc3"`   // 84 → 10

	Act graph.Activation // NewLeNet5 sets ReLU
	Avg bool             // average pooling instead of max pooling
}

// NewLeNet5 declares the network for images of 32×32 pixels with 1 or 3
// channels.
func NewLeNet5(channels int) *LeNet5 {
	return &LeNet5{
		Conv1: layers.NewConv2d(channels, 6, graph.Both(5), graph.Conv2d{}),
		Conv2: layers.NewConv2d(6, 16, graph.Both(5), graph.Conv2d{}),
		FC1:   layers.NewLinear(16*5*5, 120),
		FC2:   layers.NewLinear(120, 84),
		FC3:   layers.NewLinear(84, 10),
		Act:   graph.ReLU,
	}
}

// Forward maps images [B, 32, 32, channels] to logits [B, 10].
func (m *LeNet5) Forward(x *graph.Value) *graph.Value {
	x = halve(m.Conv1.Forward(x).Stage("conv1").Activate(m.Act), m.Avg).Stage("pool")
	x = halve(m.Conv2.Forward(x).Stage("conv2").Activate(m.Act), m.Avg).Stage("pool#1")
	x = m.FC1.Forward(flatten(x)).Stage("fc1").Activate(m.Act)
	x = m.FC2.Forward(x).Stage("fc2").Activate(m.Act)
	return m.FC3.Forward(x).Stage("fc3")
}

// halve pools 2×2 windows.
func halve(x *graph.Value, avg bool) *graph.Value {
	w := graph.Window{Size: graph.Both(2)}
	if avg {
		return x.AvgPool2d(w)
	}
	return x.MaxPool2d(w)
}

// LeNet5D2L is LeNet-5 as in the book "Dive into Deep Learning": for images of
// 28×28 pixels, with average pooling.
type LeNet5D2L struct {
	Conv1 *layers.Conv2d `weight:"0"` // 5×5 padded, to 6 channels
	Conv2 *layers.Conv2d `weight:"3"` // 5×5, to 16
	FC1   *layers.Linear `weight:"7"` // 400 → 120
	FC2   *layers.Linear `weight:"9"` // 120 → 84
	FC3   *layers.Linear `weight:"11"`

	Act graph.Activation // NewLeNet5D2L sets Sigmoid
	Max bool             // max pooling instead of average pooling
}

// NewLeNet5D2L declares the network for images with one channel.
func NewLeNet5D2L() *LeNet5D2L {
	return &LeNet5D2L{
		Conv1: layers.NewConv2d(1, 6, graph.Both(5), graph.Conv2d{Pad: graph.Both(2)}),
		Conv2: layers.NewConv2d(6, 16, graph.Both(5), graph.Conv2d{}),
		FC1:   layers.NewLinear(16*5*5, 120),
		FC2:   layers.NewLinear(120, 84),
		FC3:   layers.NewLinear(84, 10),
		Act:   graph.Sigmoid,
	}
}

// Forward maps images [B, 28, 28, 1] to logits [B, 10]. Stages are numbered like
// the layers of the book's network.
func (m *LeNet5D2L) Forward(x *graph.Value) *graph.Value {
	n := 0
	stage := func(v *graph.Value) *graph.Value {
		n++
		return v.Stage(fmt.Sprint(n - 1))
	}
	x = stage(halve(stage(stage(m.Conv1.Forward(x)).Activate(m.Act)), !m.Max))
	x = stage(halve(stage(stage(m.Conv2.Forward(x)).Activate(m.Act)), !m.Max))
	x = stage(stage(m.FC1.Forward(stage(flatten(x)))).Activate(m.Act))
	x = stage(stage(m.FC2.Forward(x)).Activate(m.Act))
	return stage(m.FC3.Forward(x))
}

// LeNet5Conv is LeNet-5 with the paper's names, and with layer C5 as the
// convolution that it is in the paper.
type LeNet5Conv struct {
	C1 *layers.Conv2d `weight:"convnet.c1"` // 5×5, 1 → 6
	C3 *layers.Conv2d `weight:"convnet.c3"` // 5×5, 6 → 16
	C5 *layers.Conv2d `weight:"convnet.c5"` // 5×5, 16 → 120
	F6 *layers.Linear `weight:"fc.f6"`      // 120 → 84
	F7 *layers.Linear `weight:"fc.f7"`      // 84 → 10
}

// NewLeNet5Conv declares the network.
func NewLeNet5Conv() *LeNet5Conv {
	return &LeNet5Conv{
		C1: layers.NewConv2d(1, 6, graph.Both(5), graph.Conv2d{}),
		C3: layers.NewConv2d(6, 16, graph.Both(5), graph.Conv2d{}),
		C5: layers.NewConv2d(16, 120, graph.Both(5), graph.Conv2d{}),
		F6: layers.NewLinear(120, 84),
		F7: layers.NewLinear(84, 10),
	}
}

// Forward maps images [B, 32, 32, 1] to log probabilities [B, 10].
func (m *LeNet5Conv) Forward(x *graph.Value) *graph.Value {
	x = halve(m.C1.Forward(x).Stage("convnet.c1").ReLU().Stage("convnet.relu1"), false).Stage("convnet.s2")
	x = halve(m.C3.Forward(x).Stage("convnet.c3").ReLU().Stage("convnet.relu3"), false).Stage("convnet.s4")
	x = flatten(m.C5.Forward(x).Stage("convnet.c5").ReLU().Stage("convnet.relu5"))
	x = m.F6.Forward(x).Stage("fc.f6").ReLU().Stage("fc.relu6")
	return m.F7.Forward(x).Stage("fc.f7").LogSoftmax(-1).Stage("fc.sig7")
}
