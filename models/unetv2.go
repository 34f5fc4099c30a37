package models

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
)

// UNetV2 is the U-Net v2 of Peng, Sonka and Chen (arXiv:2311.17791). A pyramid
// transformer encodes the image, and attention weighs channels and places of its
// maps. Skip connections multiply each map with all others: the coarser ones add
// semantics and the finer ones add detail.
type UNetV2 struct {
	Encoder *PVTv2 `weight:"encoder.backbone"`

	CA1    *channelAttention `weight:"ca_1"`
	SA1    *spatialAttention `weight:"sa_1"`
	CA2    *channelAttention `weight:"ca_2"`
	SA2    *spatialAttention `weight:"sa_2"`
	CA3    *channelAttention `weight:"ca_3"`
	SA3    *spatialAttention `weight:"sa_3"`
	CA4    *channelAttention `weight:"ca_4"`
	SA4    *spatialAttention `weight:"sa_4"`
	Trans1 *transLayer       `weight:"Translayer_1"`
	Trans2 *transLayer       `weight:"Translayer_2"`
	Trans3 *transLayer       `weight:"Translayer_3"`
	Trans4 *transLayer       `weight:"Translayer_4"`

	SDI1 *infusion `weight:"sdi_1"` // at 1/4 of the image
	SDI2 *infusion `weight:"sdi_2"`
	SDI3 *infusion `weight:"sdi_3"`
	SDI4 *infusion `weight:"sdi_4"` // at 1/32

	SegOuts []*layers.Conv2d        `weight:"seg_outs"` // at 1/32, 1/16, 1/8, 1/4; the last one makes the result
	Deconv2 *layers.ConvTranspose2d `weight:"deconv2"`  // from 1/32 to 1/16
	Deconv3 *layers.ConvTranspose2d `weight:"deconv3"`
	Deconv4 *layers.ConvTranspose2d `weight:"deconv4"`
	Deconv5 *layers.ConvTranspose2d `weight:"deconv5"` // in checkpoints, but unused

	// DeepSupervision adds the result at 1/8 of the image to the outputs.
	DeepSupervision bool
}

// UNetV2Config says which form of the network.
type UNetV2Config struct {
	Encoder         PVTv2Config // zero means B2
	Channels        int         // of the decoder; 0 means 32
	Classes         int         // 0 means 1
	DeepSupervision bool
}

// NewUNetV2 declares the network.
func NewUNetV2(c UNetV2Config) *UNetV2 {
	if c.Encoder == (PVTv2Config{}) {
		c.Encoder = PVTv2B2()
	}
	channels, classes := or(c.Channels, 32), or(c.Classes, 1)
	m := &UNetV2{Encoder: NewPVTv2(c.Encoder), DeepSupervision: c.DeepSupervision}
	for i, s := range m.skips() {
		dim := c.Encoder.EmbedDims[i]
		*s.ca, *s.sa = newChannelAttention(dim), newSpatialAttention()
		*s.trans = &transLayer{
			Conv: layers.NewConv2d(dim, channels, graph.Both(1), graph.Conv2d{}).NoBias(),
			BN:   layers.NewBatchNorm(channels),
		}
		*s.sdi = newInfusion(channels)
		m.SegOuts = append(m.SegOuts, layers.NewConv2d(channels, classes, graph.Both(1), graph.Conv2d{}))
	}
	for _, d := range []**layers.ConvTranspose2d{&m.Deconv2, &m.Deconv3, &m.Deconv4, &m.Deconv5} {
		op := graph.ConvTranspose2d{Stride: graph.Both(2), Pad: graph.Both(1)}
		*d = layers.NewConvTranspose2d(channels, channels, graph.Both(4), op).NoBias()
	}
	return m
}

// unetV2Skip points to the parts of a skip connection.
type unetV2Skip struct {
	ca    **channelAttention
	sa    **spatialAttention
	trans **transLayer
	sdi   **infusion
}

func (m *UNetV2) skips() [4]unetV2Skip {
	return [4]unetV2Skip{
		{&m.CA1, &m.SA1, &m.Trans1, &m.SDI1},
		{&m.CA2, &m.SA2, &m.Trans2, &m.SDI2},
		{&m.CA3, &m.SA3, &m.Trans3, &m.SDI3},
		{&m.CA4, &m.SA4, &m.Trans4, &m.SDI4},
	}
}

// Forward maps images [B, H, W, 3] to the logits of each pixel [B, H, W, classes].
// H and W are multiples of 32.
func (m *UNetV2) Forward(x *graph.Value) *graph.Value { return m.Outputs(x)[0].Value }

// Outputs returns "out" or, with deep supervision, "out0" in the size of the image
// and "out1" in half of it.
func (m *UNetV2) Outputs(x *graph.Value) []graph.Output {
	const encoder = "encoder.backbone"
	maps := m.Encoder.Features(x, encoder+".")
	for i, f := range maps {
		f.Stage(fmt.Sprintf("%s#1.%d", encoder, i))
	}
	skips := m.skips()
	for i, s := range skips {
		f := maps[i]
		f = (*s.ca).Forward(f).Stage(fmt.Sprintf("ca_%d", i+1)).Mul(f)
		f = (*s.sa).Forward(f).Stage(fmt.Sprintf("sa_%d", i+1)).Mul(f)
		maps[i] = (*s.trans).Forward(f).Stage(fmt.Sprintf("Translayer_%d", i+1))
	}
	var infused [4]*graph.Value
	for i := 3; i >= 0; i-- {
		infused[i] = (*skips[i].sdi).Forward(maps, i).Stage(fmt.Sprintf("sdi_%d", i+1))
	}
	x = infused[3]
	at := [4]*graph.Value{x}
	for i, up := range []*layers.ConvTranspose2d{m.Deconv2, m.Deconv3, m.Deconv4} {
		x = up.Forward(x).Stage(fmt.Sprintf("deconv%d", i+2)).Add(infused[2-i])
		at[i+1] = x
	}
	out := magnify(m.SegOuts[3].Forward(at[3]), 4, false)
	if !m.DeepSupervision {
		return []graph.Output{{Name: "out", Value: out}}
	}
	return []graph.Output{
		{Name: "out0", Value: out},
		{Name: "out1", Value: magnify(m.SegOuts[2].Forward(at[2]), 4, false)},
	}
}

// channelAttention weighs channels by their means and maxima over the image.
// (Woo et al., arXiv:1807.06521.)
type channelAttention struct {
	FC1 *layers.Conv2d `weight:"fc1"` // 1×1
	FC2 *layers.Conv2d `weight:"fc2"`
}

func newChannelAttention(channels int) *channelAttention {
	return &channelAttention{
		FC1: layers.NewConv2d(channels, channels/16, graph.Both(1), graph.Conv2d{}).NoBias(),
		FC2: layers.NewConv2d(channels/16, channels, graph.Both(1), graph.Conv2d{}).NoBias(),
	}
}

// Forward maps [B, H, W, C] to weights [B, 1, 1, C].
func (m *channelAttention) Forward(x *graph.Value) *graph.Value {
	mlp := func(v *graph.Value) *graph.Value { return m.FC2.Forward(m.FC1.Forward(v).ReLU()) }
	largest := x.Max(1, 2).Reshape(x.Shape[0], 1, 1, x.Shape[3])
	return mlp(globalAvgPool(x)).Add(mlp(largest)).Sigmoid()
}

// spatialAttention weighs pixels by the means and maxima over channels in their
// neighbourhood. (Woo et al., arXiv:1807.06521.)
type spatialAttention struct {
	Conv1 *layers.Conv2d `weight:"conv1"` // 7×7
}

func newSpatialAttention() *spatialAttention {
	return &spatialAttention{layers.NewConv2d(2, 1, graph.Both(7), graph.Conv2d{Pad: graph.Both(3)}).NoBias()}
}

// Forward maps [B, H, W, C] to weights [B, H, W, 1].
func (m *spatialAttention) Forward(x *graph.Value) *graph.Value {
	b, h, w := x.Shape[0], x.Shape[1], x.Shape[2]
	seen := graph.Cat(-1, x.Mean(-1).Reshape(b, h, w, 1), x.Max(-1).Reshape(b, h, w, 1))
	return m.Conv1.Forward(seen).Sigmoid()
}

// transLayer maps to the decoder's number of channels.
type transLayer struct {
	Conv *layers.Conv2d    `weight:"conv"` // 1×1
	BN   *layers.BatchNorm `weight:"bn"`
}

// Forward maps [B, H, W, in] to [B, H, W, out].
func (m *transLayer) Forward(x *graph.Value) *graph.Value { return m.BN.Forward(m.Conv.Forward(x)) }

// infusion is semantics and detail infusion: the product of all maps, after each
// is resized to one size and convolved.
type infusion struct {
	Convs []*layers.Conv2d `weight:"convs"` // 3×3, one for each map
}

func newInfusion(channels int) *infusion {
	m := &infusion{}
	for range 4 {
		m.Convs = append(m.Convs, layers.NewConv2d(channels, channels, graph.Both(3), graph.Conv2d{Pad: graph.Both(1)}))
	}
	return m
}

// Forward joins four maps into one with the size of map number anchor.
func (m *infusion) Forward(maps [4]*graph.Value, anchor int) *graph.Value {
	h, w := maps[anchor].Shape[1], maps[anchor].Shape[2]
	var product *graph.Value
	for i, x := range maps {
		switch {
		case x.Shape[1] > h:
			x = x.AdaptiveAvgPool2d(h, w)
		case x.Shape[1] < h:
			x = x.Resize(graph.Resize{Mode: graph.Bilinear, AlignCorners: true, Size: graph.Pair{h, w}})
		}
		x = m.Convs[i].Forward(x)
		if product == nil {
			product = x
			continue
		}
		product = product.Mul(x)
	}
	return product
}
