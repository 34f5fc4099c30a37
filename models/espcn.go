package models

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/weights"
)

// ESPCN is the sub-pixel convolutional network of Shi et al. (arXiv:1609.05158).
// It works at the low resolution, and its last step enlarges by moving channels to
// pixels. The paper's input is luminance in 0…1.
type ESPCN struct {
	Conv1 *layers.Conv2d `weight:"conv1"` // 5×5, 1 → 64
	Conv2 *layers.Conv2d `weight:"conv2"` // 3×3, 64 → 32
	Conv3 *layers.Conv2d `weight:"conv3"` // 3×3, 32 → scale²

	Scale int
	Act   graph.Activation // after the first two convolutions; NewESPCN sets Tanh
	Last  graph.Activation // at the end; NewESPCN sets Sigmoid
}

// ESPCNConfig says which ESPCN.
type ESPCNConfig struct {
	Scale    int    // factor by which it enlarges
	Channels int    // of pictures, in and out; 0 means 1, luminance; 3 is RGB
	Widths   [2]int // channels after the first two convolutions; 0 means 64 and 32
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

// LoadESPCN makes the network for the weights in src and binds them. It reads the
// channels and the sizes of the convolutions from the weights. If scale is 0, it
// takes the scale for which output and input have the same number of channels.
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
			return nil, fmt.Errorf("models: conv3.weight gives %d channels, which is not %d times the square of a scale", out, in)
		}
	}
	if scale < 1 || scale > out || out%(scale*scale) != 0 {
		return nil, fmt.Errorf("models: conv3.weight gives %d channels, which do not fit scale %d", out, scale)
	}
	m := NewESPCN(ESPCNConfig{Scale: scale})
	weights.Adopt(m, src)
	for _, c := range []*layers.Conv2d{m.Conv1, m.Conv2, m.Conv3} {
		c.Op.Pad = graph.Pair{c.Weight.Shape[2] / 2, c.Weight.Shape[3] / 2}
	}
	return m, weights.Bind(m, src)
}

// Halo returns how far an input pixel reaches: a pixel of the result depends only
// on input pixels within this distance of its place.
func (m *ESPCN) Halo() int {
	halo := 0
	for _, c := range []*layers.Conv2d{m.Conv1, m.Conv2, m.Conv3} {
		halo += max(c.Weight.Shape[2], c.Weight.Shape[3]) / 2
	}
	return halo
}

// Factor returns the factor by which it enlarges.
func (m *ESPCN) Factor() int { return m.Scale }

// Channels returns the number of channels of pictures, in and out; 1 is luminance.
func (m *ESPCN) Channels() int { return m.Conv1.Weight.Shape[1] }

// Forward maps pictures [B, H, W, channels] to
// [B, H·scale, W·scale, channels].
func (m *ESPCN) Forward(x *graph.Value) *graph.Value {
	x = m.Conv1.Forward(x).Stage("conv1").Activate(m.Act)
	x = m.Conv2.Forward(x).Stage("conv2").Activate(m.Act)
	x = m.Conv3.Forward(x).Stage("conv3")
	return x.PixelShuffle(m.Scale).Stage("pixel_shuffle").Activate(m.Last)
}
