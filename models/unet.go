package models

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
)

// UNet is the network of Ronneberger, Fischer and Brox (arXiv:1505.04597). An
// encoder halves the image four times. A decoder doubles it again, and joins each
// map of the encoder by a skip connection. Most train it with padded convolutions
// and batch normalisation, under the names used here. Valid is the paper's form.
type UNet struct {
	Inc   *doubleConv    `weight:"inc.double_conv"`
	Down1 *doubleConv    `weight:"down1.maxpool_conv.1.double_conv"`
	Down2 *doubleConv    `weight:"down2.maxpool_conv.1.double_conv"`
	Down3 *doubleConv    `weight:"down3.maxpool_conv.1.double_conv"`
	Down4 *doubleConv    `weight:"down4.maxpool_conv.1.double_conv"`
	Up1   *unetUp        `weight:"up1"`
	Up2   *unetUp        `weight:"up2"`
	Up3   *unetUp        `weight:"up3"`
	Up4   *unetUp        `weight:"up4"`
	OutC  *layers.Conv2d `weight:"outc.conv"` // 1×1
}

// UNetConfig says which form of the network.
type UNetConfig struct {
	Channels int  // of the images; 0 means 3
	Classes  int  // 0 means 2
	Width    int  // channels of the first convolutions; 0 means 64
	Bilinear bool // bilinear up-sampling instead of transposed convolutions

	// Valid selects convolutions without padding and normalisation, but with
	// biases. Skip connections are then cropped: 572×572 pixels give 388×388.
	Valid bool
}

// NewUNet declares the network.
func NewUNet(c UNetConfig) *UNet {
	w, classes := or(c.Width, 64), or(c.Classes, 2)
	conv := func(in, mid, out int) *doubleConv { return newDoubleConv(in, mid, out, c.Valid) }
	up := func(in, out int) *unetUp { // in counts the channels from below and from the skip connection
		if c.Bilinear {
			return &unetUp{Conv: conv(in, in/2, out)}
		}
		return &unetUp{
			Up:   layers.NewConvTranspose2d(in, in/2, graph.Both(2), graph.ConvTranspose2d{Stride: graph.Both(2)}),
			Conv: conv(in, in/2, in/2),
		}
	}
	deepest := 16 * w
	if c.Bilinear {
		deepest = 8 * w
	}
	return &UNet{
		Inc:   conv(or(c.Channels, 3), w, w),
		Down1: conv(w, 2*w, 2*w),
		Down2: conv(2*w, 4*w, 4*w),
		Down3: conv(4*w, 8*w, 8*w),
		Down4: conv(8*w, deepest, deepest),
		Up1:   up(16*w, 4*w),
		Up2:   up(8*w, 2*w),
		Up3:   up(4*w, w),
		Up4:   up(2*w, w),
		OutC:  layers.NewConv2d(w, classes, graph.Both(1), graph.Conv2d{}),
	}
}

// Forward maps images [B, H, W, channels] to the logits of each pixel
// [B, H, W, classes]. With Valid the result has fewer pixels.
func (m *UNet) Forward(x *graph.Value) *graph.Value {
	x = m.Inc.Forward(x).Stage("inc")
	skips := []*graph.Value{x}
	for i, down := range []*doubleConv{m.Down1, m.Down2, m.Down3, m.Down4} {
		x = down.Forward(halve(x, false)).Stage(fmt.Sprintf("down%d", i+1))
		skips = append(skips, x)
	}
	for i, up := range []*unetUp{m.Up1, m.Up2, m.Up3, m.Up4} {
		name := fmt.Sprintf("up%d", i+1)
		x = up.Forward(x, skips[3-i], name).Stage(name)
	}
	return m.OutC.Forward(x).Stage("outc")
}

// unetUp doubles the size, joins the skip connection, and convolves.
type unetUp struct {
	Up   *layers.ConvTranspose2d `weight:"up"` // nil means bilinear
	Conv *doubleConv             `weight:"conv.double_conv"`
}

// Forward maps x [B, H, W, in] and skip, which is about twice as large, to the size
// of skip. If convolutions are not padded, it crops skip to twice the size of x.
func (m *unetUp) Forward(x, skip *graph.Value, name string) *graph.Value {
	if m.Up != nil {
		x = m.Up.Forward(x)
	} else {
		x = magnify(x, 2, true)
	}
	x = x.Stage(name + ".up")
	if m.Conv.BN1 == nil {
		skip = fit(skip, x)
	} else {
		x = fit(x, skip)
	}
	return m.Conv.Forward(graph.Cat(-1, skip, x))
}

// fit pads x with zeros or crops it, evenly on all sides, to the size of y.
func fit(x, y *graph.Value) *graph.Value {
	h, w := y.Shape[1]-x.Shape[1], y.Shape[2]-x.Shape[2]
	if h == 0 && w == 0 {
		return x
	}
	top, left := h/2, w/2
	return x.Pad(top, h-top, left, w-left)
}

// magnify resizes bilinearly by a whole factor.
func magnify(x *graph.Value, factor int, alignCorners bool) *graph.Value {
	return x.Resize(graph.Resize{
		Mode:         graph.Bilinear,
		AlignCorners: alignCorners,
		Size:         graph.Pair{factor * x.Shape[1], factor * x.Shape[2]},
	})
}

// doubleConv is two times a 3×3 convolution, batch norm and ReLU.
type doubleConv struct {
	Conv1 *layers.Conv2d    `weight:"0"`
	BN1   *layers.BatchNorm `weight:"1"` // nil if convolutions are not padded
	Conv2 *layers.Conv2d    `weight:"3"`
	BN2   *layers.BatchNorm `weight:"4"`
}

func newDoubleConv(in, mid, out int, valid bool) *doubleConv {
	if valid {
		return &doubleConv{
			Conv1: layers.NewConv2d(in, mid, graph.Both(3), graph.Conv2d{}),
			Conv2: layers.NewConv2d(mid, out, graph.Both(3), graph.Conv2d{}),
		}
	}
	pad := graph.Conv2d{Pad: graph.Both(1)}
	return &doubleConv{
		Conv1: layers.NewConv2d(in, mid, graph.Both(3), pad).NoBias(),
		BN1:   layers.NewBatchNorm(mid),
		Conv2: layers.NewConv2d(mid, out, graph.Both(3), pad).NoBias(),
		BN2:   layers.NewBatchNorm(out),
	}
}

// Forward maps [B, H, W, in] to [B, H, W, out], or to [B, H-4, W-4, out] without
// padding.
func (m *doubleConv) Forward(x *graph.Value) *graph.Value {
	return convReLU(m.Conv2, m.BN2, convReLU(m.Conv1, m.BN1, x))
}

// convReLU applies a convolution, a batch norm unless it is nil, and ReLU.
func convReLU(conv *layers.Conv2d, bn *layers.BatchNorm, x *graph.Value) *graph.Value {
	x = conv.Forward(x)
	if bn != nil {
		x = bn.Forward(x)
	}
	return x.ReLU()
}
