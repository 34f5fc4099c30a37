package models

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/tensor"
)

// UNet3P is the U-Net 3+ of Huang et al. (arXiv:2004.08790). Every decoder stage
// joins maps of all scales: larger ones of the encoder, pooled, the encoder's map
// of its own scale, and smaller ones of the decoder, enlarged. A 3×3 convolution
// gives each of them the same number of channels.
type UNet3P struct {
	Conv1 *unet3Conv `weight:"conv1"`
	Conv2 *unet3Conv `weight:"conv2"`
	Conv3 *unet3Conv `weight:"conv3"`
	Conv4 *unet3Conv `weight:"conv4"`
	Conv5 *unet3Conv `weight:"conv5"`

	H1ToHD4  *scaleConv `weight:"h1_PT_hd4_"`
	H2ToHD4  *scaleConv `weight:"h2_PT_hd4_"`
	H3ToHD4  *scaleConv `weight:"h3_PT_hd4_"`
	H4ToHD4  *scaleConv `weight:"h4_Cat_hd4_"`
	HD5ToHD4 *scaleConv `weight:"hd5_UT_hd4_"`
	H1ToHD3  *scaleConv `weight:"h1_PT_hd3_"`
	H2ToHD3  *scaleConv `weight:"h2_PT_hd3_"`
	H3ToHD3  *scaleConv `weight:"h3_Cat_hd3_"`
	HD4ToHD3 *scaleConv `weight:"hd4_UT_hd3_"`
	HD5ToHD3 *scaleConv `weight:"hd5_UT_hd3_"`
	H1ToHD2  *scaleConv `weight:"h1_PT_hd2_"`
	H2ToHD2  *scaleConv `weight:"h2_Cat_hd2_"`
	HD3ToHD2 *scaleConv `weight:"hd3_UT_hd2_"`
	HD4ToHD2 *scaleConv `weight:"hd4_UT_hd2_"`
	HD5ToHD2 *scaleConv `weight:"hd5_UT_hd2_"`
	H1ToHD1  *scaleConv `weight:"h1_Cat_hd1_"`
	HD2ToHD1 *scaleConv `weight:"hd2_UT_hd1_"`
	HD3ToHD1 *scaleConv `weight:"hd3_UT_hd1_"`
	HD4ToHD1 *scaleConv `weight:"hd4_UT_hd1_"`
	HD5ToHD1 *scaleConv `weight:"hd5_UT_hd1_"`

	Conv1D *layers.Conv2d    `weight:"conv1d_1"` // on the joined maps
	BN1D   *layers.BatchNorm `weight:"bn1d_1"`
	Conv2D *layers.Conv2d    `weight:"conv2d_1"`
	BN2D   *layers.BatchNorm `weight:"bn2d_1"`
	Conv3D *layers.Conv2d    `weight:"conv3d_1"`
	BN3D   *layers.BatchNorm `weight:"bn3d_1"`
	Conv4D *layers.Conv2d    `weight:"conv4d_1"`
	BN4D   *layers.BatchNorm `weight:"bn4d_1"`

	Out1 *layers.Conv2d `weight:"outconv1"`
	Out2 *layers.Conv2d `weight:"outconv2"` // Out2 to Out5 are nil without deep supervision
	Out3 *layers.Conv2d `weight:"outconv3"`
	Out4 *layers.Conv2d `weight:"outconv4"`
	Out5 *layers.Conv2d `weight:"outconv5"`

	Class *layers.Conv2d `weight:"cls.1"` // class-guided module; may be nil
}

// UNet3PConfig says which form of the network.
type UNet3PConfig struct {
	Channels        int // of the images; 0 means 3
	Classes         int // 0 means 1
	Width           int // channels of the first convolutions; 0 means 64
	DeepSupervision bool

	// ClassGuided decides from the deepest map whether there is anything to
	// find, and gives empty masks if not. It includes deep supervision.
	ClassGuided bool
}

// NewUNet3P declares the network.
func NewUNet3P(c UNet3PConfig) *UNet3P {
	w, classes := or(c.Width, 64), or(c.Classes, 1)
	joined := 5 * w // channels of a decoder stage
	m := &UNet3P{
		Conv1: newUNet3Conv(or(c.Channels, 3), w),
		Conv2: newUNet3Conv(w, 2*w),
		Conv3: newUNet3Conv(2*w, 4*w),
		Conv4: newUNet3Conv(4*w, 8*w),
		Conv5: newUNet3Conv(8*w, 16*w),
	}
	conv := func(in, out int) *layers.Conv2d {
		return layers.NewConv2d(in, out, graph.Both(3), graph.Conv2d{Pad: graph.Both(1)})
	}
	for d, stage := range m.stages() {
		for s, branch := range stage.branches {
			in := joined // from decoder stage s+1
			if s <= d || s == 4 {
				in = w << s // from encoder stage s+1
			}
			*branch = &scaleConv{Conv: conv(in, w), BN: layers.NewBatchNorm(w)}
		}
		*stage.conv, *stage.bn = conv(joined, joined), layers.NewBatchNorm(joined)
	}
	m.Out1 = conv(joined, classes)
	if c.DeepSupervision || c.ClassGuided {
		m.Out2, m.Out3, m.Out4, m.Out5 = conv(joined, classes), conv(joined, classes), conv(joined, classes), conv(16*w, classes)
	}
	if c.ClassGuided {
		m.Class = layers.NewConv2d(16*w, 2, graph.Both(1), graph.Conv2d{})
	}
	return m
}

// unet3Stage points to the parts of a decoder stage: a branch for each of the five
// scales, and the convolution on the joined branches.
type unet3Stage struct {
	branches [5]**scaleConv
	conv     **layers.Conv2d
	bn       **layers.BatchNorm
}

// stages lists the decoder's stages, the largest first.
func (m *UNet3P) stages() [4]unet3Stage {
	return [4]unet3Stage{
		{[5]**scaleConv{&m.H1ToHD1, &m.HD2ToHD1, &m.HD3ToHD1, &m.HD4ToHD1, &m.HD5ToHD1}, &m.Conv1D, &m.BN1D},
		{[5]**scaleConv{&m.H1ToHD2, &m.H2ToHD2, &m.HD3ToHD2, &m.HD4ToHD2, &m.HD5ToHD2}, &m.Conv2D, &m.BN2D},
		{[5]**scaleConv{&m.H1ToHD3, &m.H2ToHD3, &m.H3ToHD3, &m.HD4ToHD3, &m.HD5ToHD3}, &m.Conv3D, &m.BN3D},
		{[5]**scaleConv{&m.H1ToHD4, &m.H2ToHD4, &m.H3ToHD4, &m.H4ToHD4, &m.HD5ToHD4}, &m.Conv4D, &m.BN4D},
	}
}

// Forward maps images [B, H, W, channels] to the probabilities of each pixel
// [B, H, W, classes]. H and W are multiples of 16.
func (m *UNet3P) Forward(x *graph.Value) *graph.Value { return m.Outputs(x)[0].Value }

// Outputs returns "out" or, with deep supervision, "out0" from the largest decoder
// stage to "out4" from the smallest. All have the size of the image.
func (m *UNet3P) Outputs(x *graph.Value) []graph.Output {
	var encoder, decoder [5]*graph.Value
	for i, conv := range []*unet3Conv{m.Conv1, m.Conv2, m.Conv3, m.Conv4, m.Conv5} {
		if i > 0 {
			x = halve(x, false)
		}
		x = conv.Forward(x).Stage(fmt.Sprintf("conv%d", i+1))
		encoder[i] = x
	}
	decoder[4] = x
	present := m.classGuide(x)
	stages := m.stages()
	for d := 3; d >= 0; d-- {
		var parts [5]*graph.Value
		for s, branch := range stages[d].branches {
			switch {
			case s < d:
				pooled := encoder[s].MaxPool2d(graph.Window{Size: graph.Both(1 << (d - s)), Ceil: true})
				parts[s] = (*branch).Forward(pooled).Stage(fmt.Sprintf("h%d_PT_hd%d_relu", s+1, d+1))
			case s == d:
				parts[s] = (*branch).Forward(encoder[s]).Stage(fmt.Sprintf("h%d_Cat_hd%d_relu", s+1, d+1))
			case s > d:
				parts[s] = (*branch).enlarged(decoder[s], 1<<(s-d)).Stage(fmt.Sprintf("hd%d_UT_hd%d_relu", s+1, d+1))
			}
		}
		decoder[d] = convReLU(*stages[d].conv, *stages[d].bn, graph.Cat(-1, parts[:]...)).Stage(fmt.Sprintf("relu%dd_1", d+1))
	}
	var outputs []graph.Output
	for i, out := range []*layers.Conv2d{m.Out1, m.Out2, m.Out3, m.Out4, m.Out5} {
		if out == nil {
			return []graph.Output{{Name: "out", Value: outputs[0].Value}}
		}
		y := out.Forward(decoder[i]).Stage(fmt.Sprintf("outconv%d", i+1))
		if i > 0 {
			y = magnify(y, 1<<i, false)
		}
		if present != nil {
			y = y.Mul(present)
		}
		outputs = append(outputs, graph.Output{Name: fmt.Sprintf("out%d", i), Value: y.Sigmoid()})
	}
	return outputs
}

// classGuide returns 1 for an image with something to find and 0 for one without,
// [B, 1, 1, 1], or nil without the module. As in the authors' program, logits are
// multiplied by it, so that an empty mask is ½ everywhere.
func (m *UNet3P) classGuide(deepest *graph.Value) *graph.Value {
	if m.Class == nil {
		return nil
	}
	scores := m.Class.Forward(deepest).AdaptiveMaxPool2d(1, 1).Sigmoid().Stage("cls")
	return scores.Argmax(-1).Reshape(scores.Shape[0], 1, 1, 1)
}

// scaleConv is a 3×3 convolution, batch norm and ReLU.
type scaleConv struct {
	Conv *layers.Conv2d    `weight:"conv"`
	BN   *layers.BatchNorm `weight:"bn"`
}

// Forward maps [B, H, W, in] to [B, H, W, out].
func (m *scaleConv) Forward(x *graph.Value) *graph.Value { return convReLU(m.Conv, m.BN, x) }

// enlarged is Forward on x enlarged bilinearly by an integer factor: it maps
// [B, H, W, in] to [B, factor·H, factor·W, out].
//
// Enlarging commutes with sums over channels. Each of the kernel's nine places
// therefore sums over channels at the small size first; the results are then
// enlarged, shifted and added. This avoids the largest map of the paper's network,
// 1024 channels at the size of the image. For 320×320 pixels it turns a
// convolution of 120 billion operations into one of half a billion.
func (m *scaleConv) enlarged(x *graph.Value, factor int) *graph.Value {
	g := x.Graph()
	weight, zero := g.Const(m.Conv.Weight), g.Const(tensor.New(m.Conv.Weight.Shape[0]))
	mean, variance, gain, bias := g.Const(m.BN.Mean), g.Const(m.BN.Var), g.Const(m.BN.Weight), g.Const(m.BN.Bias)
	norm := graph.BatchNorm{Eps: m.BN.Eps, Affine: true}
	tap := func(u, v int) *graph.Value {
		w := weight.Slice(2, u, u+1).Slice(3, v, v+1)
		var y *graph.Value
		if u == 1 && v == 1 { // terms that do not depend on x are added once
			y = graph.Apply(graph.Conv2d{Epilogue: graph.Epilogue{Bias: true}}, x, w, g.Const(m.Conv.Bias))
			y = graph.Apply(norm, y, mean, variance, gain, bias)
		} else {
			y = graph.Apply(norm, graph.Apply(graph.Conv2d{}, x, w), zero, variance, gain, zero)
		}
		y = magnify(y, factor, false)
		if u == 1 && v == 1 {
			return y
		}
		return y.Pad(1-u, u-1, 1-v, v-1)
	}
	sum := tap(1, 1)
	for u := range 3 {
		for v := range 3 {
			if u != 1 || v != 1 {
				sum = sum.Add(tap(u, v))
			}
		}
	}
	return sum.ReLU()
}

// unet3Conv is two times a 3×3 convolution, batch norm and ReLU.
type unet3Conv struct {
	Conv1 *layers.Conv2d    `weight:"conv1.0"`
	BN1   *layers.BatchNorm `weight:"conv1.1"`
	Conv2 *layers.Conv2d    `weight:"conv2.0"`
	BN2   *layers.BatchNorm `weight:"conv2.1"`
}

func newUNet3Conv(in, out int) *unet3Conv {
	pad := graph.Conv2d{Pad: graph.Both(1)}
	return &unet3Conv{
		Conv1: layers.NewConv2d(in, out, graph.Both(3), pad),
		BN1:   layers.NewBatchNorm(out),
		Conv2: layers.NewConv2d(out, out, graph.Both(3), pad),
		BN2:   layers.NewBatchNorm(out),
	}
}

// Forward maps [B, H, W, in] to [B, H, W, out].
func (m *unet3Conv) Forward(x *graph.Value) *graph.Value {
	return convReLU(m.Conv2, m.BN2, convReLU(m.Conv1, m.BN1, x))
}
