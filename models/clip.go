package models

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/tensor"
)

// CLIP embeds images and texts in one space, in which an image lies close to the
// texts that describe it: Radford et al., Learning Transferable Visual Models
// From Natural Language Supervision (arXiv:2103.00020). Names are those of
// OpenAI's files.
type CLIP struct {
	Visual     Network        `weight:"visual"` // *CLIPViT or *CLIPResNet
	CLIPText                  // its names have no prefix
	LogitScale *tensor.Tensor `weight:"logit_scale"` // [], logarithm of the scale
}

// CLIPText is the text tower, a transformer with causal attention.
type CLIPText struct {
	Token    *tensor.Tensor    `weight:"token_embedding.weight"` // [vocabulary, width]
	Position *tensor.Tensor    `weight:"positional_embedding"`   // [context, width]
	Blocks   []*clipBlock      `weight:"transformer.resblocks"`
	Norm     *layers.LayerNorm `weight:"ln_final"`
	Proj     *tensor.Tensor    `weight:"text_projection"` // [width, embedding]
}

// CLIPConfig says which CLIP. If a number of heads is 0, a head has 64 channels.
type CLIPConfig struct {
	Embedding int // width of the common space
	Size      int // height and width of images

	// The image tower is a transformer if Patch is set, else a residual network.
	Width, Heads  int
	Patch, Layers int    // of the transformer
	Blocks        [4]int // of the residual network, for each stage

	Context, Vocabulary              int // length of a text and number of token ids
	TextWidth, TextHeads, TextLayers int

	// The channels inside the perceptrons of the transformers; 0 means four times
	// the width.
	Hidden, TextHidden int

	Act graph.Activation // of the transformers; None means QuickGELU
}

// NewCLIP declares the network.
func NewCLIP(c CLIPConfig) *CLIP {
	m := &CLIP{
		CLIPText: CLIPText{
			Token:    tensor.Declare(c.Vocabulary, c.TextWidth),
			Position: tensor.Declare(c.Context, c.TextWidth),
			Blocks:   clipBlocks(c.TextLayers, c.TextWidth, or(c.TextHeads, c.TextWidth/64), c.TextHidden, true, c.Act),
			Norm:     layers.NewLayerNorm(c.TextWidth),
			Proj:     tensor.Declare(c.TextWidth, c.Embedding),
		},
		LogitScale: tensor.Declare(),
	}
	if c.Patch > 0 {
		m.Visual = newCLIPViT(c)
	} else {
		m.Visual = newCLIPResNet(c)
	}
	return m
}

// CLIPNamed returns the configuration of one of OpenAI's models: "RN50", "RN101",
// "RN50x4", "RN50x16", "RN50x64", "ViT-B/32", "ViT-B/16", "ViT-L/14" or
// "ViT-L/14@336px".
func CLIPNamed(name string) (CLIPConfig, error) {
	c, ok := clipConfigs[name]
	if !ok {
		names := strings.Join(slices.Sorted(maps.Keys(clipConfigs)), ", ")
		return c, fmt.Errorf("models: no CLIP %q; there are %s", name, names)
	}
	c.Context, c.Vocabulary = 77, 49408
	return c, nil
}

var clipConfigs = map[string]CLIPConfig{
	"RN50":           {Embedding: 1024, Size: 224, Width: 64, Blocks: [4]int{3, 4, 6, 3}, TextWidth: 512, TextLayers: 12},
	"RN101":          {Embedding: 512, Size: 224, Width: 64, Blocks: [4]int{3, 4, 23, 3}, TextWidth: 512, TextLayers: 12},
	"RN50x4":         {Embedding: 640, Size: 288, Width: 80, Blocks: [4]int{4, 6, 10, 6}, TextWidth: 640, TextLayers: 12},
	"RN50x16":        {Embedding: 768, Size: 384, Width: 96, Blocks: [4]int{6, 8, 18, 8}, TextWidth: 768, TextLayers: 12},
	"RN50x64":        {Embedding: 1024, Size: 448, Width: 128, Blocks: [4]int{3, 15, 36, 10}, TextWidth: 1024, TextLayers: 12},
	"ViT-B/32":       {Embedding: 512, Size: 224, Width: 768, Patch: 32, Layers: 12, TextWidth: 512, TextLayers: 12},
	"ViT-B/16":       {Embedding: 512, Size: 224, Width: 768, Patch: 16, Layers: 12, TextWidth: 512, TextLayers: 12},
	"ViT-L/14":       {Embedding: 768, Size: 224, Width: 1024, Patch: 14, Layers: 24, TextWidth: 768, TextLayers: 12},
	"ViT-L/14@336px": {Embedding: 768, Size: 336, Width: 1024, Patch: 14, Layers: 24, TextWidth: 768, TextLayers: 12},
}

// Config returns the configuration that the shapes of the weights tell.
func (m *CLIP) Config() CLIPConfig {
	c := CLIPConfig{
		Embedding:  m.Proj.Shape[1],
		Context:    m.Position.Shape[0],
		Vocabulary: m.Token.Shape[0],
		TextWidth:  m.Token.Shape[1],
		TextLayers: len(m.Blocks),
	}
	if len(m.Blocks) > 0 {
		c.TextHeads, c.Act = m.Blocks[0].Attn.Heads, m.Blocks[0].Act
		c.TextHidden = hiddenUnless4(m.Blocks[0].FC.Weight.Shape, c.TextWidth)
	}
	switch v := m.Visual.(type) {
	case *CLIPViT:
		v.config(&c)
	case *CLIPResNet:
		v.config(&c)
	}
	return c
}

// Forward embeds images [B, size, size, 3] as [B, embedding], which is not
// normalised.
func (m *CLIP) Forward(images *graph.Value) *graph.Value { return m.Visual.Forward(images) }

// ForwardText embeds texts, ids [B, N] with N up to the context length, as
// [B, embedding], which is not normalised. A text ends with its largest id; any
// smaller ids may follow it.
func (m *CLIP) ForwardText(ids *graph.Value) *graph.Value {
	g := ids.Graph()
	x := ids.Embedding(g.Const(m.Token))
	position := g.Const(m.Position)
	if n := ids.Shape[1]; n < m.Position.Shape[0] {
		position = position.Slice(0, 0, n)
	}
	x = forwardBlocks("transformer.resblocks", m.Blocks, x.Add(position))
	x = m.Norm.Forward(x).Stage("ln_final")
	end := graph.Apply(graph.Argmax{Axis: 1, KeepDim: true}, ids)
	return x.TakeRows(end).Reshape(ids.Shape[0], m.Token.Shape[1]).MatMul(g.Const(m.Proj))
}

// Logits compares the embeddings of B images with those of T texts, [B, T]. A
// softmax over the texts gives the probability that each belongs to the image.
// OpenAI calls the transpose logits_per_text.
func (m *CLIP) Logits(images, texts *graph.Value) *graph.Value {
	similarity := images.Normalize(-1).MatMulT(texts.Normalize(-1), 0)
	return similarity.Mul(graph.Apply(graph.Activate{Act: graph.ExpClamped}, images.Graph().Const(m.LogitScale)))
}

// Scale returns the factor of the cosines in Logits, for a bound model.
func (m *CLIP) Scale() float64 { return math.Exp(float64(m.LogitScale.Data[0])) }

// clipBlock is a transformer block: attention, then two linear layers.
type clipBlock struct {
	Norm1 *layers.LayerNorm          `weight:"ln_1"`
	Attn  *layers.MultiheadAttention `weight:"attn"`
	Norm2 *layers.LayerNorm          `weight:"ln_2"`
	FC    *layers.Linear             `weight:"mlp.c_fc"` // width → hidden
	Proj  *layers.Linear             `weight:"mlp.c_proj"`

	Act graph.Activation
}

func clipBlocks(n, width, heads, hidden int, causal bool, act graph.Activation) []*clipBlock {
	hidden = or(hidden, 4*width)
	if act == graph.None {
		act = graph.QuickGELU
	}
	var blocks []*clipBlock
	for range n {
		b := &clipBlock{
			Norm1: layers.NewLayerNorm(width),
			Attn:  layers.NewMultiheadAttention(width, heads),
			Norm2: layers.NewLayerNorm(width),
			FC:    layers.NewLinear(width, hidden),
			Proj:  layers.NewLinear(hidden, width),
			Act:   act,
		}
		b.Attn.Causal = causal
		blocks = append(blocks, b)
	}
	return blocks
}

// Forward maps tokens [B, N, width] to [B, N, width].
func (b *clipBlock) Forward(x *graph.Value) *graph.Value {
	x = b.Attn.Forward(b.Norm1.Forward(x)).Add(x)
	return b.Proj.Forward(b.FC.Forward(b.Norm2.Forward(x)).Activate(b.Act)).Add(x)
}

func forwardBlocks(name string, blocks []*clipBlock, x *graph.Value) *graph.Value {
	for i, b := range blocks {
		x = b.Forward(x).Stage(fmt.Sprintf("%s.%d", name, i))
	}
	return x
}

// CLIPViT is an image tower in the form of a vision transformer.
type CLIPViT struct {
	Conv     *layers.Conv2d    `weight:"conv1"`                // turns patches into tokens
	Class    *tensor.Tensor    `weight:"class_embedding"`      // [width], the first token
	Position *tensor.Tensor    `weight:"positional_embedding"` // [1+grid², width]
	NormPre  *layers.LayerNorm `weight:"ln_pre"`
	Blocks   []*clipBlock      `weight:"transformer.resblocks"`
	NormPost *layers.LayerNorm `weight:"ln_post"`
	Proj     *tensor.Tensor    `weight:"proj"` // [width, embedding]
}

func newCLIPViT(c CLIPConfig) *CLIPViT {
	grid := c.Size / c.Patch
	return &CLIPViT{
		Conv:     layers.NewConv2d(3, c.Width, graph.Both(c.Patch), graph.Conv2d{Stride: graph.Both(c.Patch)}).NoBias(),
		Class:    tensor.Declare(c.Width),
		Position: tensor.Declare(1+grid*grid, c.Width),
		NormPre:  layers.NewLayerNorm(c.Width),
		Blocks:   clipBlocks(c.Layers, c.Width, or(c.Heads, c.Width/64), c.Hidden, false, c.Act),
		NormPost: layers.NewLayerNorm(c.Width),
		Proj:     tensor.Declare(c.Width, c.Embedding),
	}
}

func (m *CLIPViT) config(c *CLIPConfig) {
	c.Patch, c.Width, c.Layers = m.Conv.Weight.Shape[2], m.Conv.Weight.Shape[0], len(m.Blocks)
	c.Size = c.Patch * int(math.Sqrt(float64(m.Position.Shape[0]-1)))
	if len(m.Blocks) > 0 {
		c.Heads, c.Act = m.Blocks[0].Attn.Heads, m.Blocks[0].Act
		c.Hidden = hiddenUnless4(m.Blocks[0].FC.Weight.Shape, c.Width)
	}
}

// Forward maps images [B, size, size, 3] to [B, embedding].
func (m *CLIPViT) Forward(x *graph.Value) *graph.Value {
	g, b, width := x.Graph(), x.Shape[0], m.Class.Shape[0]
	x = m.Conv.Forward(x).Stage("visual.conv1").Reshape(b, -1, width)
	class := g.Const(m.Class).Reshape(1, 1, width)
	if b > 1 {
		class = class.Expand(b, 1, width)
	}
	x = graph.Apply(graph.Concat{Axis: 1}, class, x).Add(g.Const(m.Position))
	x = m.NormPre.Forward(x).Stage("visual.ln_pre")
	x = forwardBlocks("visual.transformer.resblocks", m.Blocks, x)
	x = m.NormPost.Forward(x.Slice(1, 0, 1).Reshape(b, width)).Stage("visual.ln_post")
	return x.MatMul(g.Const(m.Proj))
}
