package models

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/weights"
)

// ESPCN is the sub-pixel convolutional network of Shi et al.
// (arXiv:1609.05158): it works at the low resolution and enlarges in the last
// step, by rearranging channels. The paper's sees luminance in 0…1.
type ESPCN struct {
	Conv1 *layers.Conv2d `weight:"conv1"` // 5×5, 1 → 64
	Conv2 *layers.Conv2d `weight:"conv2"` // 3×3, 64 → 32
	Conv3 *layers.Conv2d `weight:"conv3"` // 3×3, 32 → scale²

	Scale int
	Act   graph.Activation // after the first two convolutions: Tanh
	Last  graph.Activation // of the result: Sigmoid
}

// ESPCNConfig says which ESPCN.
type ESPCNConfig struct {
	Scale    int    // how many times it enlarges
	Channels int    // of pictures, in and out: 0 means 1, luminance; 3 is RGB
	Widths   [2]int // channels that the first two convolutions give; 0 means 64 and 32
}

// NewESPCN declares the network.
func NewESPCN(c ESPCNConfig) *ESPCN {
	channels, wide, narrow := or(c.Channels, 1), or(c.Widths[0], 64), or(c.Widths[1], 32)
	return &ESPCN{
		Conv1: layers.NewConv2d(channels, wide, graph.Both(5), graph.Conv2d{Pad: graph.Both(2)}),
		Conv2: layers.NewConv2d(wide, narrow, graph.Both(3), graph.Conv2d{Pad: graph.Both(1)}),
		Conv3: layers.NewConv2d(narrow, channels*c.Scale*c.Scale, graph.Both(3), graph.Conv2d{Pad: graph.Both(1)}),
		Scale: c.Scale,
		Act:   graph.Tanh,
		Last:  graph.Sigmoid,
	}
}

// LoadESPCN makes the network whose weights src has, and binds it. The weights
// tell its channels and the sizes of its convolutions. A scale of 0 is the one
// with which as many channels come out as go in. Activations are the paper's.
func LoadESPCN(src weights.Source, scale int) (*ESPCN, error) {
	s := shapesOf(src)
	err := s.require("ESPCN", map[string]int{"conv1.weight": 4, "conv2.weight": 4, "conv3.weight": 4})
	if err != nil {
		return nil, err
	}
	in, out := s["conv1.weight"][1], s["conv3.weight"][0]
	if scale == 0 {
		for scale = 1; in*scale*scale < out; scale++ {
		}
		if in*scale*scale != out {
			return nil, fmt.Errorf("models: no scale makes %d channels of the %d that conv3.weight gives", in, out)
		}
	}
	if scale < 1 || scale > out || out%(scale*scale) != 0 {
		return nil, fmt.Errorf("models: conv3.weight gives %d channels, which do not make pictures %d times as large", out, scale)
	}
	m := NewESPCN(ESPCNConfig{Scale: scale})
	weights.Adopt(m, src)
	for _, c := range []*layers.Conv2d{m.Conv1, m.Conv2, m.Conv3} {
		c.Op.Pad = graph.Pair{c.Weight.Shape[2] / 2, c.Weight.Shape[3] / 2}
	}
	return m, weights.Bind(m, src)
}

// Halo is how far a pixel of the input reaches: no pixel of the result depends on
// what is farther from its place than this.
func (m *ESPCN) Halo() int {
	halo := 0
	for _, c := range []*layers.Conv2d{m.Conv1, m.Conv2, m.Conv3} {
		halo += max(c.Weight.Shape[2], c.Weight.Shape[3]) / 2
	}
	return halo
}

// Channels are those of pictures, in and out: 1 is luminance.
func (m *ESPCN) Channels() int { return m.Conv1.Weight.Shape[1] }

// Forward maps pictures [B, H, W, channels] to
// [B, H·scale, W·scale, channels].
func (m *ESPCN) Forward(x *graph.Value) *graph.Value {
	x = m.Conv1.Forward(x).Stage("conv1").Activate(m.Act)
	x = m.Conv2.Forward(x).Stage("conv2").Activate(m.Act)
	x = m.Conv3.Forward(x).Stage("conv3")
	return x.PixelShuffle(m.Scale).Stage("pixel_shuffle").Activate(m.Last)
}
