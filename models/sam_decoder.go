package models

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// SAMOutputs is the number of masks for a prompt: one for a clear prompt, and
// three (whole, part, subpart) for an ambiguous one.
const SAMOutputs = 1 + 3

// SAMDecoder turns the embeddings of an image and a prompt into masks.
type SAMDecoder struct {
	Layers    []*samTwoWay      `weight:"transformer.layers"`
	FinalAttn *samCross         `weight:"transformer.final_attn_token_to_image"`
	FinalNorm *layers.LayerNorm `weight:"transformer.norm_final_attn"`
	IoUToken  *samEmbedding     `weight:"iou_token"`
	Tokens    *samEmbedding     `weight:"mask_tokens"`

	Up1    *layers.ConvTranspose2d `weight:"output_upscaling.0"`
	UpNorm *layers.LayerNorm       `weight:"output_upscaling.1"`
	Up2    *layers.ConvTranspose2d `weight:"output_upscaling.3"`
	Hyper  []*samMLP               `weight:"output_hypernetworks_mlps"`
	IoU    *samMLP                 `weight:"iou_prediction_head"`
}

// NewSAMDecoder declares the mask decoder.
func NewSAMDecoder(c SAMConfig) *SAMDecoder {
	c = c.Defaults()
	n := c.Channels
	twice := graph.ConvTranspose2d{Stride: graph.Both(2)}
	m := &SAMDecoder{
		FinalAttn: newSAMCross(n, c.DecoderHeads, c.Downsample),
		FinalNorm: layers.NewLayerNorm(n),
		IoUToken:  newSAMEmbedding(1, n),
		Tokens:    newSAMEmbedding(SAMOutputs, n),
		Up1:       layers.NewConvTranspose2d(n, n/4, graph.Both(2), twice),
		UpNorm:    samNorm(n / 4),
		Up2:       layers.NewConvTranspose2d(n/4, n/8, graph.Both(2), twice),
		IoU:       newSAMMLP(n, c.IoUHidden, SAMOutputs, c.IoULayers),
	}
	for range SAMOutputs {
		m.Hyper = append(m.Hyper, newSAMMLP(n, n, n/8, 3))
	}
	for i := range c.DecoderDepth {
		m.Layers = append(m.Layers, newSAMTwoWay(c, i == 0))
	}
	return m
}

// Forward maps the image's embedding [1, H, W, C], its positions [1, H, W, C], the
// prompts' points [B, T, C], which may be nil, and their masks [B or 1, H or 1,
// W or 1, C] to the logits of four masks [B, 4, 4H, 4W] and their predicted
// intersection over union [B, 4].
func (m *SAMDecoder) Forward(image, position, sparse, dense *graph.Value) (masks, iou *graph.Value) {
	g, h, w, n := image.Graph(), image.Shape[1], image.Shape[2], image.Shape[3]
	tokens := graph.Apply(graph.Concat{}, g.Const(m.IoUToken.Weight), g.Const(m.Tokens.Weight)).Reshape(1, 1+SAMOutputs, n)
	b := dense.Shape[0]
	if sparse != nil {
		b = sparse.Shape[0]
	}
	if b > 1 {
		tokens = tokens.Expand(b, 1+SAMOutputs, n)
	}
	if sparse != nil {
		tokens = graph.Apply(graph.Concat{Axis: 1}, tokens, sparse)
	}
	keys := image.Add(dense).Reshape(-1, h*w, n)
	if keys.Shape[0] < b {
		keys = keys.Expand(b, h*w, n)
	}
	queries, keys := m.transform(tokens, keys, position.Reshape(1, h*w, n))

	up := m.Up1.Forward(keys.Reshape(b, h, w, n)).Stage("output_upscaling.0")
	up = m.UpNorm.Forward(up).Stage("output_upscaling.1").GELU().Stage("output_upscaling.2")
	up = m.Up2.Forward(up).Stage("output_upscaling.3").GELU().Stage("output_upscaling.4")
	token := func(i int) *graph.Value { return queries.Slice(1, i, i+1).Reshape(b, n) }
	var hyper []*graph.Value
	for i, mlp := range m.Hyper {
		v := mlp.Forward(token(1 + i)).Stage(fmt.Sprintf("output_hypernetworks_mlps.%d", i))
		hyper = append(hyper, v.Reshape(b, 1, n/8))
	}
	masks = graph.Apply(graph.Concat{Axis: 1}, hyper...).MatMulT(up.Reshape(b, 16*h*w, n/8), 0)
	return masks.Reshape(b, SAMOutputs, 4*h, 4*w), m.IoU.Forward(token(0)).Stage("iou_prediction_head")
}

// transform applies the two-way blocks to tokens [B, T, C] and the image's keys
// [B, N, C]. In attention position [1, N, C] is added to the keys, and the
// original tokens are added to the queries.
func (m *SAMDecoder) transform(tokens, keys, position *graph.Value) (queries, newKeys *graph.Value) {
	queries = tokens
	for i, l := range m.Layers {
		name := fmt.Sprintf("transformer.layers.%d", i)
		queries, keys = l.Forward(queries, keys, tokens, position, name)
		queries.Stage(name + "#1.0")
		keys.Stage(name + "#1.1")
	}
	y := m.FinalAttn.Forward(queries.Add(tokens), keys.Add(position), keys).Stage("transformer.final_attn_token_to_image")
	queries = m.FinalNorm.Forward(queries.Add(y)).Stage("transformer.norm_final_attn").Stage("transformer#1.0")
	return queries, keys.Stage("transformer#1.1")
}

// samTwoWay is a block of self-attention between tokens, cross attention from
// tokens to the image, an MLP on tokens, and cross attention from the image to
// tokens.
type samTwoWay struct {
	Self  *samCross         `weight:"self_attn"`
	Norm1 *layers.LayerNorm `weight:"norm1"`
	Image *samCross         `weight:"cross_attn_token_to_image"`
	Norm2 *layers.LayerNorm `weight:"norm2"`
	Lin1  *layers.Linear    `weight:"mlp.lin1"`
	Lin2  *layers.Linear    `weight:"mlp.lin2"`
	Norm3 *layers.LayerNorm `weight:"norm3"`
	Norm4 *layers.LayerNorm `weight:"norm4"`
	Token *samCross         `weight:"cross_attn_image_to_token"`

	First bool // its self-attention has no positions and no residual
}

func newSAMTwoWay(c SAMConfig, first bool) *samTwoWay {
	n := c.Channels
	return &samTwoWay{
		Self:  newSAMCross(n, c.DecoderHeads, 1),
		Norm1: layers.NewLayerNorm(n),
		Image: newSAMCross(n, c.DecoderHeads, c.Downsample),
		Norm2: layers.NewLayerNorm(n),
		Lin1:  layers.NewLinear(n, c.DecoderMLP),
		Lin2:  layers.NewLinear(c.DecoderMLP, n),
		Norm3: layers.NewLayerNorm(n),
		Norm4: layers.NewLayerNorm(n),
		Token: newSAMCross(n, c.DecoderHeads, c.Downsample),
		First: first,
	}
}

// Forward applies the block. The names of its stages begin with name.
func (l *samTwoWay) Forward(queries, keys, tokens, position *graph.Value, name string) (newQueries, newKeys *graph.Value) {
	if l.First {
		queries = l.Self.Forward(queries, queries, queries).Stage(name + ".self_attn")
	} else {
		q := queries.Add(tokens)
		queries = queries.Add(l.Self.Forward(q, q, queries).Stage(name + ".self_attn"))
	}
	queries = l.Norm1.Forward(queries).Stage(name + ".norm1")
	k := keys.Add(position)
	y := l.Image.Forward(queries.Add(tokens), k, keys).Stage(name + ".cross_attn_token_to_image")
	queries = l.Norm2.Forward(queries.Add(y)).Stage(name + ".norm2")
	y = l.Lin2.Forward(l.Lin1.Forward(queries).ReLU()).Stage(name + ".mlp")
	queries = l.Norm3.Forward(queries.Add(y)).Stage(name + ".norm3")
	y = l.Token.Forward(k, queries.Add(tokens), queries).Stage(name + ".cross_attn_image_to_token")
	return queries, l.Norm4.Forward(keys.Add(y)).Stage(name + ".norm4")
}

// samCross is attention with separate projections and fewer channels inside.
type samCross struct {
	Q   *layers.Linear `weight:"q_proj"`
	K   *layers.Linear `weight:"k_proj"`
	V   *layers.Linear `weight:"v_proj"`
	Out *layers.Linear `weight:"out_proj"`

	Heads int
}

func newSAMCross(channels, heads, downsample int) *samCross {
	in := func() *layers.Linear { return layers.NewLinear(channels, channels/downsample) }
	return &samCross{Q: in(), K: in(), V: in(), Out: layers.NewLinear(channels/downsample, channels), Heads: heads}
}

// Forward maps queries [B, N, C], keys and values [B, M, C] to [B, N, C].
func (a *samCross) Forward(q, k, v *graph.Value) *graph.Value {
	return a.Out.Forward(graph.Apply(graph.Attention{Heads: a.Heads}, a.Q.Forward(q), a.K.Forward(k), a.V.Forward(v)))
}

// samMLP is a sequence of linear layers with a ReLU between them.
type samMLP struct {
	Layers []*layers.Linear `weight:"layers"`
}

func newSAMMLP(in, hidden, out, n int) *samMLP {
	m := &samMLP{}
	for i := range n {
		from, to := hidden, hidden
		if i == 0 {
			from = in
		}
		if i == n-1 {
			to = out
		}
		m.Layers = append(m.Layers, layers.NewLinear(from, to))
	}
	return m
}

// Forward maps [B, in] to [B, out].
func (m *samMLP) Forward(x *graph.Value) *graph.Value {
	for i, l := range m.Layers {
		if i > 0 {
			x = x.ReLU()
		}
		x = l.Forward(x)
	}
	return x
}

// TraceDecoder records the decoder for a number of prompts with the given number
// of points each, which may be 0. If mask is set, all prompts share one mask. The
// inputs are "image" [1, grid, grid, C] and, if used, "points" [prompts, points, C]
// and "mask" [1, 4·grid, 4·grid, 1]. The outputs are "masks" and "iou"; see Decode.
func (m *SAM) TraceDecoder(positions *tensor.Tensor, prompts, points int, mask bool) (*graph.Graph, error) {
	grid, n := m.Grid(), positions.Shape[3]
	weights.Walk(m, func(string, *tensor.Tensor) {}) // names the layers
	return graph.Trace(func(g *graph.Graph) {
		image := g.Input("image", 1, grid, grid, n)
		var at, start *graph.Value
		if points > 0 {
			at = g.Input("points", prompts, points, n)
		}
		if mask {
			start = g.Input("mask", 1, 4*grid, 4*grid, 1)
		}
		masks, iou := m.Decode(image, g.Const(positions), at, start)
		g.Output("masks", masks)
		g.Output("iou", iou)
	})
}
