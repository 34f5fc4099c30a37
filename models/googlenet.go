package models

import (
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/tensor"
)

// GoogLeNet is the first Inception network of Szegedy et al. (arXiv:1409.4842), as
// torchvision trains it: with batch normalisation, and with 3×3 convolutions where
// the paper has 5×5.
type GoogLeNet struct {
	Conv1       *convBN        `weight:"conv1"` // 7×7 stride 2
	Conv2       *convBN        `weight:"conv2"` // 1×1
	Conv3       *convBN        `weight:"conv3"` // 3×3
	Inception3a *inception     `weight:"inception3a"`
	Inception3b *inception     `weight:"inception3b"`
	Inception4a *inception     `weight:"inception4a"`
	Inception4b *inception     `weight:"inception4b"`
	Inception4c *inception     `weight:"inception4c"`
	Inception4d *inception     `weight:"inception4d"`
	Inception4e *inception     `weight:"inception4e"`
	Inception5a *inception     `weight:"inception5a"`
	Inception5b *inception     `weight:"inception5b"`
	Aux1        *inceptionAux  `weight:"aux1"` // after inception4a; may be nil
	Aux2        *inceptionAux  `weight:"aux2"` // after inception4d; may be nil
	FC          *layers.Linear `weight:"fc"`

	// TransformInput converts images that are normalised with ImageNet's mean and
	// standard deviation. Inception was trained with ½ for both.
	TransformInput bool

	// Auxiliary adds the auxiliary heads, which only training needs, to the
	// outputs.
	Auxiliary bool
}

// GoogLeNetConfig says which form of the network.
type GoogLeNetConfig struct {
	Classes        int  // 0 means 1000
	Aux            bool // the checkpoint has auxiliary heads
	TransformInput bool
}

// NewGoogLeNet declares the network.
func NewGoogLeNet(c GoogLeNetConfig) *GoogLeNet {
	classes := or(c.Classes, 1000)
	m := &GoogLeNet{
		Conv1:          newConvBN(3, 64, 7, graph.Conv2d{Stride: graph.Both(2), Pad: graph.Both(3)}),
		Conv2:          newConvBN(64, 64, 1, graph.Conv2d{}),
		Conv3:          newConvBN(64, 192, 3, graph.Conv2d{Pad: graph.Both(1)}),
		Inception3a:    newInception(192, 64, 96, 128, 16, 32, 32),
		Inception3b:    newInception(256, 128, 128, 192, 32, 96, 64),
		Inception4a:    newInception(480, 192, 96, 208, 16, 48, 64),
		Inception4b:    newInception(512, 160, 112, 224, 24, 64, 64),
		Inception4c:    newInception(512, 128, 128, 256, 24, 64, 64),
		Inception4d:    newInception(512, 112, 144, 288, 32, 64, 64),
		Inception4e:    newInception(528, 256, 160, 320, 32, 128, 128),
		Inception5a:    newInception(832, 256, 160, 320, 32, 128, 128),
		Inception5b:    newInception(832, 384, 192, 384, 48, 128, 128),
		FC:             layers.NewLinear(1024, classes),
		TransformInput: c.TransformInput,
	}
	if c.Aux {
		m.Aux1 = newInceptionAux(512, classes)
		m.Aux2 = newInceptionAux(528, classes)
	}
	return m
}

// Forward maps images [B, H, W, 3] to logits [B, classes].
func (m *GoogLeNet) Forward(x *graph.Value) *graph.Value { return m.Outputs(x)[0].Value }

// Outputs returns the logits "out" and, with Auxiliary, "aux2" and "aux1".
func (m *GoogLeNet) Outputs(x *graph.Value) []graph.Output {
	down := graph.Window{Size: graph.Both(3), Stride: graph.Both(2), Ceil: true}
	if m.TransformInput {
		x = toInception(x)
	}
	x = m.Conv1.Forward(x).Stage("conv1").MaxPool2d(down).Stage("maxpool1")
	x = m.Conv2.Forward(x).Stage("conv2")
	x = m.Conv3.Forward(x).Stage("conv3").MaxPool2d(down).Stage("maxpool2")
	x = m.Inception3a.Forward(x).Stage("inception3a")
	x = m.Inception3b.Forward(x).Stage("inception3b").MaxPool2d(down).Stage("maxpool3")
	x4a := m.Inception4a.Forward(x).Stage("inception4a")
	x = m.Inception4b.Forward(x4a).Stage("inception4b")
	x = m.Inception4c.Forward(x).Stage("inception4c")
	x4d := m.Inception4d.Forward(x).Stage("inception4d")
	x = m.Inception4e.Forward(x4d).Stage("inception4e").MaxPool2d(graph.Window{Size: graph.Both(2), Ceil: true}).Stage("maxpool4")
	x = m.Inception5a.Forward(x).Stage("inception5a")
	x = m.Inception5b.Forward(x).Stage("inception5b")
	x = m.FC.Forward(flatten(globalAvgPool(x).Stage("avgpool")))
	outputs := []graph.Output{{Name: "out", Value: x}}
	if m.Auxiliary && m.Aux1 != nil && m.Aux2 != nil {
		outputs = append(outputs,
			graph.Output{Name: "aux2", Value: m.Aux2.Forward(x4d)},
			graph.Output{Name: "aux1", Value: m.Aux1.Forward(x4a)})
	}
	return outputs
}

// toInception returns ((x·std + mean) − ½)/½ with ImageNet's mean and standard
// deviation.
func toInception(x *graph.Value) *graph.Value {
	scale, shift := tensor.New(3), tensor.New(3)
	for c, mean := range ImageNetMean {
		scale.Data[c] = ImageNetStd[c] / 0.5
		shift.Data[c] = (mean - 0.5) / 0.5
	}
	g := x.Graph()
	return x.Mul(g.Const(scale)).Add(g.Const(shift))
}

// inception is an Inception module: it joins the results of four branches.
type inception struct {
	Branch1 *convBN   `weight:"branch1"`   // 1×1
	Branch2 []*convBN `weight:"branch2"`   // 1×1, 3×3
	Branch3 []*convBN `weight:"branch3"`   // 1×1, 3×3
	Branch4 *convBN   `weight:"branch4.1"` // 1×1 after a 3×3 max pool
}

func newInception(in, n1x1, n3x3reduce, n3x3, n5x5reduce, n5x5, pool int) *inception {
	pad := graph.Conv2d{Pad: graph.Both(1)}
	return &inception{
		Branch1: newConvBN(in, n1x1, 1, graph.Conv2d{}),
		Branch2: []*convBN{newConvBN(in, n3x3reduce, 1, graph.Conv2d{}), newConvBN(n3x3reduce, n3x3, 3, pad)},
		Branch3: []*convBN{newConvBN(in, n5x5reduce, 1, graph.Conv2d{}), newConvBN(n5x5reduce, n5x5, 3, pad)},
		Branch4: newConvBN(in, pool, 1, graph.Conv2d{}),
	}
}

// Forward maps [B, H, W, in] to [B, H, W, n1x1+n3x3+n5x5+pool].
func (m *inception) Forward(x *graph.Value) *graph.Value {
	pooled := x.MaxPool2d(graph.Window{Size: graph.Both(3), Stride: graph.Both(1), Pad: graph.Both(1), Ceil: true})
	return graph.Cat(-1,
		m.Branch1.Forward(x),
		m.Branch2[1].Forward(m.Branch2[0].Forward(x)),
		m.Branch3[1].Forward(m.Branch3[0].Forward(x)),
		m.Branch4.Forward(pooled))
}

// inceptionAux is a classifier in the middle of the network.
type inceptionAux struct {
	Conv *convBN        `weight:"conv"` // 1×1
	FC1  *layers.Linear `weight:"fc1"`
	FC2  *layers.Linear `weight:"fc2"`
}

func newInceptionAux(in, classes int) *inceptionAux {
	return &inceptionAux{
		Conv: newConvBN(in, 128, 1, graph.Conv2d{}),
		FC1:  layers.NewLinear(128*4*4, 1024),
		FC2:  layers.NewLinear(1024, classes),
	}
}

// Forward maps [B, H, W, in] to logits [B, classes].
func (m *inceptionAux) Forward(x *graph.Value) *graph.Value {
	x = m.Conv.Forward(x.AdaptiveAvgPool2d(4, 4))
	return m.FC2.Forward(m.FC1.Forward(flatten(x)).ReLU())
}

// convBN is a convolution, batch normalisation and ReLU.
type convBN struct {
	Conv *layers.Conv2d    `weight:"conv"`
	BN   *layers.BatchNorm `weight:"bn"`
}

func newConvBN(in, out, kernel int, op graph.Conv2d) *convBN {
	m := &convBN{Conv: layers.NewConv2d(in, out, graph.Both(kernel), op).NoBias(), BN: layers.NewBatchNorm(out)}
	m.BN.Eps = 0.001
	return m
}

// Forward maps [B, H, W, in] to [B, oH, oW, out].
func (m *convBN) Forward(x *graph.Value) *graph.Value {
	return m.BN.Forward(m.Conv.Forward(x)).ReLU()
}

// AuxiliaryHeads returns the classifiers that only training uses.
func (m *GoogLeNet) AuxiliaryHeads() []Head {
	var all []Head
	for _, aux := range []*inceptionAux{m.Aux1, m.Aux2} {
		if aux != nil {
			all = append(all, Head{aux.FC2.Weight, aux.FC2.Bias})
		}
	}
	return all
}
