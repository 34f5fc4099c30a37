package models

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
)

// ResNet is the residual network of He et al. (arXiv:1512.03385), as torchvision
// trains it: in a bottleneck the 3×3 convolution has the stride. With groups it is
// ResNeXt (Xie et al., arXiv:1611.05431). With more channels inside its
// bottlenecks it is the wide residual network of Zagoruyko and Komodakis
// (arXiv:1605.07146).
type ResNet struct {
	Conv1  *layers.Conv2d    `weight:"conv1"` // 7×7 stride 2
	BN1    *layers.BatchNorm `weight:"bn1"`
	Layer1 []*residual       `weight:"layer1"` // at 1/4 of the image
	Layer2 []*residual       `weight:"layer2"` // at 1/8
	Layer3 []*residual       `weight:"layer3"` // at 1/16
	Layer4 []*residual       `weight:"layer4"` // at 1/32
	FC     *layers.Linear    `weight:"fc"`     // nil: Forward returns the features
}

// ResNetConfig says which residual network.
type ResNetConfig struct {
	Blocks     [4]int // of each stage
	Bottleneck bool   // blocks are 1×1, 3×3, 1×1 instead of 3×3, 3×3
	Width      int    // channels of the first convolution; 0 means 64
	Classes    int    // 0 means 1000; below 0 means no head

	// EarlyStride gives the stride of a bottleneck to its first convolution instead
	// of the 3×3 one. HalveFirst gives the first stage a stride of 2, too.
	EarlyStride, HalveFirst bool

	// Groups is the number of groups in a bottleneck's 3×3 convolution; 0 means
	// 1. GroupWidth is the number of channels of a group in the first stage if
	// Width is 64; 0 means 64. It doubles from stage to stage.
	Groups, GroupWidth int
}

// ResNetNamed returns the configuration with a name from torchvision: "resnet"
// with the number of layers in the paper's table 1, "resnext50_32x4d" with 32
// groups of 4 channels, or "wide_resnet50_2" with twice the channels inside
// bottlenecks, for example.
func ResNetNamed(name string) (ResNetConfig, error) {
	c, ok := resNets[name]
	if !ok {
		names := strings.Join(slices.Sorted(maps.Keys(resNets)), ", ")
		return c, fmt.Errorf("models: no residual network %q; there are %s", name, names)
	}
	return c, nil
}

var resNets = map[string]ResNetConfig{
	"resnet18":         {Blocks: [4]int{2, 2, 2, 2}},
	"resnet34":         {Blocks: [4]int{3, 4, 6, 3}},
	"resnet50":         {Blocks: [4]int{3, 4, 6, 3}, Bottleneck: true},
	"resnet101":        {Blocks: [4]int{3, 4, 23, 3}, Bottleneck: true},
	"resnet152":        {Blocks: [4]int{3, 8, 36, 3}, Bottleneck: true},
	"resnext50_32x4d":  {Blocks: [4]int{3, 4, 6, 3}, Bottleneck: true, Groups: 32, GroupWidth: 4},
	"resnext101_32x8d": {Blocks: [4]int{3, 4, 23, 3}, Bottleneck: true, Groups: 32, GroupWidth: 8},
	"resnext101_64x4d": {Blocks: [4]int{3, 4, 23, 3}, Bottleneck: true, Groups: 64, GroupWidth: 4},
	"wide_resnet50_2":  {Blocks: [4]int{3, 4, 6, 3}, Bottleneck: true, GroupWidth: 128},
	"wide_resnet101_2": {Blocks: [4]int{3, 4, 23, 3}, Bottleneck: true, GroupWidth: 128},
}

// NewResNet declares the network.
func NewResNet(c ResNetConfig) *ResNet {
	width, in := or(c.Width, 64), or(c.Width, 64)
	stage := func(i int) []*residual {
		stride := 2
		if i == 0 {
			stride = 1
		}
		var blocks []*residual
		for range c.Blocks[i] {
			var block *residual
			if c.Bottleneck {
				groups := or(c.Groups, 1)
				block = newBottleneck(in, (width<<i)*or(c.GroupWidth, 64)/64*groups, 4*width<<i, stride, groups)
			} else {
				block = newResidual(in, width<<i, stride)
			}
			blocks = append(blocks, block)
			in, stride = block.out(), 1
		}
		return blocks
	}
	m := &ResNet{
		Conv1:  layers.NewConv2d(3, width, graph.Both(7), graph.Conv2d{Stride: graph.Both(2), Pad: graph.Both(3)}).NoBias(),
		BN1:    layers.NewBatchNorm(width),
		Layer1: stage(0),
		Layer2: stage(1),
		Layer3: stage(2),
		Layer4: stage(3),
	}
	if c.Classes >= 0 {
		m.FC = layers.NewLinear(in, or(c.Classes, 1000))
	}
	if c.EarlyStride || c.HalveFirst {
		m.Strides(c.EarlyStride, c.HalveFirst)
	}
	return m
}

// Strides sets what ResNetConfig calls EarlyStride and HalveFirst.
func (m *ResNet) Strides(early, halve bool) {
	for i, blocks := range m.stages() {
		stride := graph.Both(2)
		if i == 0 && !halve {
			stride = graph.Both(1)
		}
		if len(blocks) > 0 {
			blocks[0].stride(stride, early)
		}
	}
}

func (m *ResNet) stages() [4][]*residual {
	return [4][]*residual{m.Layer1, m.Layer2, m.Layer3, m.Layer4}
}

// Forward maps images [B, H, W, 3] to logits [B, classes].
func (m *ResNet) Forward(x *graph.Value) *graph.Value {
	x = m.Conv1.Forward(x).Stage("conv1")
	x = m.BN1.Forward(x).Stage("bn1").ReLU().Stage("relu")
	x = x.MaxPool2d(graph.Window{Size: graph.Both(3), Stride: graph.Both(2), Pad: graph.Both(1)}).Stage("maxpool")
	for i, blocks := range m.stages() {
		x = forwardStage(fmt.Sprintf("layer%d", i+1), blocks, x)
	}
	x = flatten(globalAvgPool(x).Stage("avgpool"))
	if m.FC == nil {
		return x
	}
	return m.FC.Forward(x)
}

// forwardStage applies the blocks of a stage and names their results.
func forwardStage(name string, blocks []*residual, x *graph.Value) *graph.Value {
	for i, block := range blocks {
		x = block.Forward(x).Stage(fmt.Sprintf("%s.%d", name, i))
	}
	return x.Stage(name)
}

// residual is a block y = ReLU(F(x) + shortcut(x)). F is two 3×3 convolutions or,
// in a bottleneck, a 1×1, a 3×3 and a 1×1 convolution.
type residual struct {
	Conv1    *layers.Conv2d    `weight:"conv1"`
	BN1      *layers.BatchNorm `weight:"bn1"`
	Conv2    *layers.Conv2d    `weight:"conv2"`
	BN2      *layers.BatchNorm `weight:"bn2"`
	Conv3    *layers.Conv2d    `weight:"conv3"` // nil if the block is not a bottleneck
	BN3      *layers.BatchNorm `weight:"bn3"`
	Shortcut *layers.Conv2d    `weight:"downsample.0"` // nil if the shape stays the same
	BNShort  *layers.BatchNorm `weight:"downsample.1"`

	// OptionA selects the shortcut without weights of the paper's §4.2: every
	// second pixel, with zero channels before and after.
	OptionA bool
}

// newResidual declares a block of two 3×3 convolutions from in to out channels.
func newResidual(in, out, stride int) *residual {
	first := graph.Conv2d{Stride: graph.Both(stride), Pad: graph.Both(1)}
	m := &residual{
		Conv1: layers.NewConv2d(in, out, graph.Both(3), first).NoBias(),
		BN1:   layers.NewBatchNorm(out),
		Conv2: layers.NewConv2d(out, out, graph.Both(3), graph.Conv2d{Pad: graph.Both(1)}).NoBias(),
		BN2:   layers.NewBatchNorm(out),
	}
	return m.withShortcut(in, out, stride)
}

// newBottleneck declares a block from in to out channels. Its 3×3 convolution has
// mid channels in the given number of groups.
func newBottleneck(in, mid, out, stride, groups int) *residual {
	middle := graph.Conv2d{Stride: graph.Both(stride), Pad: graph.Both(1), Groups: groups}
	m := &residual{
		Conv1: layers.NewConv2d(in, mid, graph.Both(1), graph.Conv2d{}).NoBias(),
		BN1:   layers.NewBatchNorm(mid),
		Conv2: layers.NewConv2d(mid, mid, graph.Both(3), middle).NoBias(),
		BN2:   layers.NewBatchNorm(mid),
		Conv3: layers.NewConv2d(mid, out, graph.Both(1), graph.Conv2d{}).NoBias(),
		BN3:   layers.NewBatchNorm(out),
	}
	return m.withShortcut(in, out, stride)
}

// withShortcut declares the shortcut if the block's shape changes.
func (m *residual) withShortcut(in, out, stride int) *residual {
	if stride != 1 || in != out {
		m.Shortcut = layers.NewConv2d(in, out, graph.Both(1), graph.Conv2d{Stride: graph.Both(stride)}).NoBias()
		m.BNShort = layers.NewBatchNorm(out)
	}
	return m
}

// stride sets the stride of the block, in a bottleneck that of its first convolution
// if early.
func (m *residual) stride(s graph.Pair, early bool) {
	one := graph.Both(1)
	first, second := s, one
	if m.Conv3 != nil && !early {
		first, second = one, s
	}
	m.Conv1.Op.Stride, m.Conv2.Op.Stride = first, second
	if m.Shortcut != nil {
		m.Shortcut.Op.Stride = s
	}
}

// out returns the number of channels of the block's result.
func (m *residual) out() int {
	if m.Conv3 != nil {
		return m.Conv3.Weight.Shape[0]
	}
	return m.Conv2.Weight.Shape[0]
}

// Forward maps [B, H, W, in] to [B, ⌈H/stride⌉, ⌈W/stride⌉, out].
func (m *residual) Forward(x *graph.Value) *graph.Value {
	y := m.BN1.Forward(m.Conv1.Forward(x)).ReLU()
	y = m.BN2.Forward(m.Conv2.Forward(y))
	if m.Conv3 != nil {
		y = m.BN3.Forward(m.Conv3.Forward(y.ReLU()))
	}
	return y.Add(m.shortcut(x)).ReLU()
}

func (m *residual) shortcut(x *graph.Value) *graph.Value {
	switch {
	case m.Shortcut != nil:
		return m.BNShort.Forward(m.Shortcut.Forward(x))
	case m.OptionA:
		x = graph.Apply(graph.Slice{Step: [graph.MaxRank]int{1: 2, 2: 2}}, x)
		more := m.out() - x.Shape[3]
		return graph.Apply(graph.Pad{
			Before: [graph.MaxRank]int{3: more / 2},
			After:  [graph.MaxRank]int{3: more - more/2},
		}, x)
	}
	return x
}

// or returns n, or usual if n is 0.
func or(n, usual int) int {
	if n == 0 {
		return usual
	}
	return n
}

// globalAvgPool returns the mean over the image, [B, 1, 1, C].
func globalAvgPool(x *graph.Value) *graph.Value {
	return x.Mean(1, 2).Reshape(x.Shape[0], 1, 1, x.Shape[3])
}

// flatten maps [B, H, W, C] to [B, C·H·W] in the order of PyTorch's flatten.
func flatten(x *graph.Value) *graph.Value {
	if x.Shape[1]*x.Shape[2] > 1 {
		x = x.Permute(0, 3, 1, 2)
	}
	return x.Reshape(x.Shape[0], -1)
}
