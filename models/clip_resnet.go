package models

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/tensor"
)

// CLIPResNet is an image tower in the form of a residual network. It has a stem of
// three convolutions, average pools instead of strides, and attention instead of
// the last pool.
type CLIPResNet struct {
	Conv1  *layers.Conv2d    `weight:"conv1"`
	BN1    *layers.BatchNorm `weight:"bn1"`
	Conv2  *layers.Conv2d    `weight:"conv2"`
	BN2    *layers.BatchNorm `weight:"bn2"`
	Conv3  *layers.Conv2d    `weight:"conv3"`
	BN3    *layers.BatchNorm `weight:"bn3"`
	Layer1 []*clipBottleneck `weight:"layer1"` // at 1/4 of the image
	Layer2 []*clipBottleneck `weight:"layer2"` // at 1/8
	Layer3 []*clipBottleneck `weight:"layer3"` // at 1/16
	Layer4 []*clipBottleneck `weight:"layer4"` // at 1/32
	Pool   *attentionPool    `weight:"attnpool"`
}

func newCLIPResNet(c CLIPConfig) *CLIPResNet {
	in := c.Width
	stage := func(i int) []*clipBottleneck {
		stride := 2
		if i == 0 {
			stride = 1
		}
		var blocks []*clipBottleneck
		for range c.Blocks[i] {
			blocks = append(blocks, newCLIPBottleneck(in, c.Width<<i, stride))
			in, stride = 4*(c.Width<<i), 1
		}
		return blocks
	}
	half, pad := c.Width/2, graph.Conv2d{Pad: graph.Both(1)}
	first := graph.Conv2d{Stride: graph.Both(2), Pad: graph.Both(1)}
	return &CLIPResNet{
		Conv1:  layers.NewConv2d(3, half, graph.Both(3), first).NoBias(),
		BN1:    layers.NewBatchNorm(half),
		Conv2:  layers.NewConv2d(half, half, graph.Both(3), pad).NoBias(),
		BN2:    layers.NewBatchNorm(half),
		Conv3:  layers.NewConv2d(half, c.Width, graph.Both(3), pad).NoBias(),
		BN3:    layers.NewBatchNorm(c.Width),
		Layer1: stage(0),
		Layer2: stage(1),
		Layer3: stage(2),
		Layer4: stage(3),
		Pool:   newAttentionPool(32*c.Width, or(c.Heads, 32*c.Width/64), c.Size/32, c.Embedding),
	}
}

func (m *CLIPResNet) config(c *CLIPConfig) {
	c.Width, c.Heads = m.Conv3.Weight.Shape[0], m.Pool.Heads
	c.Size = 32 * int(math.Sqrt(float64(m.Pool.Position.Shape[0]-1)))
	c.Blocks = [4]int{len(m.Layer1), len(m.Layer2), len(m.Layer3), len(m.Layer4)}
}

// Forward maps images [B, size, size, 3] to [B, embedding].
func (m *CLIPResNet) Forward(x *graph.Value) *graph.Value {
	x = m.BN1.Forward(m.Conv1.Forward(x).Stage("visual.conv1")).ReLU()
	x = m.BN2.Forward(m.Conv2.Forward(x)).ReLU()
	x = m.BN3.Forward(m.Conv3.Forward(x)).ReLU()
	x = avgPool(x, 2).Stage("visual.avgpool")
	for i, blocks := range [][]*clipBottleneck{m.Layer1, m.Layer2, m.Layer3, m.Layer4} {
		for _, b := range blocks {
			x = b.Forward(x)
		}
		x.Stage(fmt.Sprintf("visual.layer%d", i+1))
	}
	return m.Pool.Forward(x).Stage("visual.attnpool")
}

// avgPool averages blocks of n×n pixels.
func avgPool(x *graph.Value, n int) *graph.Value {
	if n == 1 {
		return x
	}
	return x.AvgPool2d(graph.Window{Size: graph.Both(n), Stride: graph.Both(n)})
}

// clipBottleneck is a block y = ReLU(F(x) + shortcut(x)), where F is a 1×1, a 3×3
// and a 1×1 convolution. An average pool takes the place of the stride.
type clipBottleneck struct {
	Conv1    *layers.Conv2d    `weight:"conv1"`
	BN1      *layers.BatchNorm `weight:"bn1"`
	Conv2    *layers.Conv2d    `weight:"conv2"`
	BN2      *layers.BatchNorm `weight:"bn2"`
	Conv3    *layers.Conv2d    `weight:"conv3"`
	BN3      *layers.BatchNorm `weight:"bn3"`
	Shortcut *layers.Conv2d    `weight:"downsample.0"` // nil if the shape stays the same
	BNShort  *layers.BatchNorm `weight:"downsample.1"`

	Stride int
}

func newCLIPBottleneck(in, mid, stride int) *clipBottleneck {
	one := func(in, out int) *layers.Conv2d {
		return layers.NewConv2d(in, out, graph.Both(1), graph.Conv2d{}).NoBias()
	}
	b := &clipBottleneck{
		Conv1:  one(in, mid),
		BN1:    layers.NewBatchNorm(mid),
		Conv2:  layers.NewConv2d(mid, mid, graph.Both(3), graph.Conv2d{Pad: graph.Both(1)}).NoBias(),
		BN2:    layers.NewBatchNorm(mid),
		Conv3:  one(mid, 4*mid),
		BN3:    layers.NewBatchNorm(4 * mid),
		Stride: stride,
	}
	if stride > 1 || in != 4*mid {
		b.Shortcut, b.BNShort = one(in, 4*mid), layers.NewBatchNorm(4*mid)
	}
	return b
}

// Forward maps [B, H, W, in] to [B, ⌊H/stride⌋, ⌊W/stride⌋, 4·mid].
func (b *clipBottleneck) Forward(x *graph.Value) *graph.Value {
	y := b.BN1.Forward(b.Conv1.Forward(x)).ReLU()
	y = b.BN2.Forward(b.Conv2.Forward(y)).ReLU()
	y = b.BN3.Forward(b.Conv3.Forward(avgPool(y, b.Stride)))
	if b.Shortcut != nil {
		x = b.BNShort.Forward(b.Shortcut.Forward(avgPool(x, b.Stride)))
	}
	return y.Add(x).ReLU()
}

// attentionPool reduces a map to one row by attention. The query is the mean of
// the map; the keys and values are the mean and all pixels.
type attentionPool struct {
	Position *tensor.Tensor `weight:"positional_embedding"` // [1+grid², width]
	Q        *layers.Linear `weight:"q_proj"`
	K        *layers.Linear `weight:"k_proj"`
	V        *layers.Linear `weight:"v_proj"`
	Out      *layers.Linear `weight:"c_proj"` // to the embedding

	Heads int
}

func newAttentionPool(width, heads, grid, out int) *attentionPool {
	return &attentionPool{
		Position: tensor.Declare(1+grid*grid, width),
		Q:        layers.NewLinear(width, width),
		K:        layers.NewLinear(width, width),
		V:        layers.NewLinear(width, width),
		Out:      layers.NewLinear(width, out),
		Heads:    heads,
	}
}

// Forward maps [B, grid, grid, width] to [B, out].
func (p *attentionPool) Forward(x *graph.Value) *graph.Value {
	b, width := x.Shape[0], x.Shape[3]
	x = x.Reshape(b, -1, width)
	mean := x.Mean(1).Reshape(b, 1, width)
	x = graph.Apply(graph.Concat{Axis: 1}, mean, x).Add(x.Graph().Const(p.Position))
	q := p.Q.Forward(x.Slice(1, 0, 1))
	y := graph.Apply(graph.Attention{Heads: p.Heads}, q, p.K.Forward(x), p.V.Forward(x))
	return p.Out.Forward(y).Reshape(b, -1)
}
