package models

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
)

// ESPCN is the sub-pixel convolutional network of Shi et al.
// (arXiv:1609.05158): it works at the low resolution and enlarges in the last
// step, by rearranging channels. It sees luminance in 0…1.
type ESPCN struct {
	Conv1 *layers.Conv2d `weight:"conv1"` // 5×5, 1 → 64
	Conv2 *layers.Conv2d `weight:"conv2"` // 3×3, 64 → 32
	Conv3 *layers.Conv2d `weight:"conv3"` // 3×3, 32 → scale²

	Scale int
	Act   graph.Activation // after the first two convolutions: Tanh
	Last  graph.Activation // of the result: Sigmoid
}

// ESPCNHalo is how far a pixel of the input reaches: no pixel of the result
// depends on what is farther from its place than this.
const ESPCNHalo = 2 + 1 + 1

// NewESPCN declares the network that enlarges scale times.
func NewESPCN(scale int) *ESPCN {
	return &ESPCN{
		Conv1: layers.NewConv2d(1, 64, graph.Both(5), graph.Conv2d{Pad: graph.Both(2)}),
		Conv2: layers.NewConv2d(64, 32, graph.Both(3), graph.Conv2d{Pad: graph.Both(1)}),
		Conv3: layers.NewConv2d(32, scale*scale, graph.Both(3), graph.Conv2d{Pad: graph.Both(1)}),
		Scale: scale,
		Act:   graph.Tanh,
		Last:  graph.Sigmoid,
	}
}

// Forward maps luminance [B, H, W, 1] to [B, H·scale, W·scale, 1].
func (m *ESPCN) Forward(x *graph.Value) *graph.Value {
	x = m.Conv1.Forward(x).Stage("conv1").Activate(m.Act)
	x = m.Conv2.Forward(x).Stage("conv2").Activate(m.Act)
	x = m.Conv3.Forward(x).Stage("conv3")
	return x.PixelShuffle(m.Scale).Stage("pixel_shuffle").Activate(m.Last)
}
