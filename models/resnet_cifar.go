package models

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
)

// CIFARResNet is the residual network of He et al. for 32×32 images
// (arXiv:1512.03385, §4.2). It has 6n+2 layers, 16, 32 and 64 channels, and
// shortcuts without weights.
type CIFARResNet struct {
	Conv1  *layers.Conv2d    `weight:"conv1"` // 3×3
	BN1    *layers.BatchNorm `weight:"bn1"`
	Layer1 []*residual       `weight:"layer1"` // at 32×32
	Layer2 []*residual       `weight:"layer2"` // at 16×16
	Layer3 []*residual       `weight:"layer3"` // at 8×8
	Linear *layers.Linear    `weight:"linear"`
}

// CIFARResNetConfig says which residual network for CIFAR.
type CIFARResNetConfig struct {
	Blocks  [3]int // of each stage
	Classes int    // 0 means 10
}

// NewCIFARResNet declares the network.
func NewCIFARResNet(c CIFARResNetConfig) *CIFARResNet {
	in := 16
	stage := func(n, out int) []*residual {
		var blocks []*residual
		for range n {
			stride := out / in
			block := newResidual(in, out, stride)
			block.Shortcut, block.BNShort, block.OptionA = nil, nil, stride > 1
			blocks = append(blocks, block)
			in = out
		}
		return blocks
	}
	return &CIFARResNet{
		Conv1:  layers.NewConv2d(3, in, graph.Both(3), graph.Conv2d{Pad: graph.Both(1)}).NoBias(),
		BN1:    layers.NewBatchNorm(in),
		Layer1: stage(c.Blocks[0], 16),
		Layer2: stage(c.Blocks[1], 32),
		Layer3: stage(c.Blocks[2], 64),
		Linear: layers.NewLinear(64, or(c.Classes, 10)),
	}
}

// Forward maps images [B, H, W, 3] to logits [B, classes].
func (m *CIFARResNet) Forward(x *graph.Value) *graph.Value {
	x = m.Conv1.Forward(x).Stage("conv1")
	x = m.BN1.Forward(x).Stage("bn1").ReLU()
	for i, blocks := range [][]*residual{m.Layer1, m.Layer2, m.Layer3} {
		x = forwardStage(fmt.Sprintf("layer%d", i+1), blocks, x)
	}
	return m.Linear.Forward(x.Mean(1, 2))
}
