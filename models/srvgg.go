package models

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/weights"
)

// SRVGG is the compact network of Real-ESRGAN (arXiv:2107.10833), which its authors call
// SRVGGNetCompact: convolutions at the low resolution, then channels become pixels. The
// network adds what the nearest pixel of the input lacks.
type SRVGG struct {
	// Body has convolutions of 3×3 at even places and PReLUs between them.
	Body []srvggLayer `weight:"body"`

	Scale int
}

// srvggLayer is a layer of an SRVGG's body: a *layers.Conv2d or a *layers.PReLU.
type srvggLayer interface {
	Forward(x *graph.Value) *graph.Value
}

// SRVGGConfig says which SRVGG.
type SRVGGConfig struct {
	Channels int // of pictures, in and out; 0 means 3, RGB
	Width    int // channels between the convolutions; 0 means 64
	Depth    int // convolutions between the first and the last; 0 means 16
	Scale    int // factor by which it enlarges; 0 means 4
}

// NewSRVGG declares the network.
func NewSRVGG(c SRVGGConfig) *SRVGG {
	channels, width, depth, scale := or(c.Channels, 3), or(c.Width, 64), or(c.Depth, 16), or(c.Scale, 4)
	m := &SRVGG{Scale: scale}
	in := channels
	for range depth + 1 {
		m.Body = append(m.Body, srvggConv(in, width), layers.NewPReLU(width))
		in = width
	}
	m.Body = append(m.Body, srvggConv(width, channels*scale*scale))
	return m
}

func srvggConv(in, out int) *layers.Conv2d {
	return layers.NewConv2d(in, out, graph.Both(3), graph.Conv2d{Pad: graph.Both(1)})
}

// SRVGGFor declares the network whose sizes src has.
func SRVGGFor(src weights.Source) (*SRVGG, error) {
	s := shapesOf(src)
	if err := s.require("SRVGG", map[string]int{"body.0.weight": 4, "body.0.bias": 1, "body.1.weight": 1}); err != nil {
		return nil, err
	}
	last := 0
	for s[fmt.Sprintf("body.%d.weight", last+2)] != nil {
		last += 2
	}
	in, out := s["body.0.weight"], s[fmt.Sprintf("body.%d.weight", last)]
	if last < 4 || len(out) != 4 || in[0] < 1 || in[1] < 1 {
		return nil, fmt.Errorf("models: %w of SRVGG: body has %d layers, the first %v and the last %v", ErrOther, last+1, in, out)
	}
	c := SRVGGConfig{Channels: in[1], Width: in[0], Depth: last/2 - 1, Scale: 1}
	for ; c.Channels*c.Scale*c.Scale < out[0]; c.Scale++ {
	}
	if c.Channels*c.Scale*c.Scale != out[0] {
		return nil, fmt.Errorf("models: %w of SRVGG: body.%d.weight gives %d channels, which is not %d times the square of a scale", ErrOther, last, out[0], c.Channels)
	}
	m := NewSRVGG(c)
	weights.Adopt(m, src)
	return m, nil
}

// Channels returns the number of channels of pictures, in and out.
func (m *SRVGG) Channels() int { return m.Body[0].(*layers.Conv2d).Weight.Shape[1] }

// Halo returns how far an input pixel reaches: a pixel of the result depends only
// on input pixels within this distance of its place.
func (m *SRVGG) Halo() int { return (len(m.Body) + 1) / 2 }

// Factor returns the factor by which it enlarges.
func (m *SRVGG) Factor() int { return m.Scale }

// Forward maps pictures [B, H, W, channels] in 0…1 to
// [B, H·scale, W·scale, channels].
func (m *SRVGG) Forward(x *graph.Value) *graph.Value {
	y := x
	for i, l := range m.Body {
		y = l.Forward(y).Stage(fmt.Sprintf("body.%d", i))
	}
	y = y.PixelShuffle(m.Scale).Stage("upsampler")
	return y.Add(x.Resize(graph.Resize{Mode: graph.Nearest, Scale: [2]float64{float64(m.Scale), float64(m.Scale)}}))
}
