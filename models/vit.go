package models

import (
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// ViT is the vision transformer of Dosovitskiy et al. (arXiv:2010.11929), which
// treats an image as a sequence of patches. Names are those of timm and MAE; see
// Canonical for others.
type ViT struct {
	ClassToken *tensor.Tensor     `weight:"cls_token"` // [1, 1, C]
	PosEmbed   *tensor.Tensor     `weight:"pos_embed"` // [1, 1+N, C] for N patches
	PatchEmbed *layers.PatchEmbed `weight:"patch_embed"`
	Blocks     []*vitBlock        `weight:"blocks"`
	Norm       *layers.LayerNorm  `weight:"norm"`
	FCNorm     *layers.LayerNorm  `weight:"fc_norm"`       // replaces Norm with GlobalPool
	PreLogits  *layers.Linear     `weight:"pre_logits.fc"` // before Head, with a tanh; may be nil
	Head       *layers.Linear     `weight:"head"`          // nil: Forward returns the features

	Patch int
	Grid  graph.Pair // the grid of patches for which PosEmbed was trained

	// AlignCorners aligns the corners when PosEmbed is resized for another grid,
	// as torchvision does. timm and MAE do not align them.
	AlignCorners bool
}

// ViTConfig says which vision transformer.
type ViTConfig struct {
	Image        graph.Pair // height and width in training; 0 means 224
	Patch        int        // height and width of a patch; 0 means 16
	Dim          int        // channels of a token
	Depth, Heads int        // number of blocks, and of heads in each
	Hidden       int        // channels inside a perceptron; 0 means 4·Dim
	Classes      int        // 0 means 1000; below 0 means no head
	PreLogits    int        // channels of a layer with a tanh before the head; 0 means no such layer
	GlobalPool   bool       // classify by the mean of the patches, as MAE does, instead of the class token
	AlignCorners bool
}

// ViTVariant returns a configuration from the paper's table 1, for a name such as
// "b_16", which is ViT-Base with patches of 16×16 pixels. Sizes are b, l and h.
func ViTVariant(name string) (ViTConfig, error) {
	size, patch, _ := strings.Cut(name, "_")
	c := map[string]ViTConfig{
		"b": {Dim: 768, Depth: 12, Heads: 12},
		"l": {Dim: 1024, Depth: 24, Heads: 16},
		"h": {Dim: 1280, Depth: 32, Heads: 16},
	}[size]
	if _, err := fmt.Sscan(patch, &c.Patch); err != nil || c.Dim == 0 {
		return c, fmt.Errorf("models: no vision transformer %q; there are b, l and h with a patch size, such as b_16", name)
	}
	return c, nil
}

// NewViT declares the network.
func NewViT(c ViTConfig) *ViT {
	c.Patch, c.Image = or(c.Patch, 16), graph.Pair{or(c.Image[0], 224), or(c.Image[1], 224)}
	m := &ViT{
		ClassToken:   tensor.Declare(1, 1, c.Dim),
		PatchEmbed:   layers.NewPatchEmbed(3, c.Dim, c.Patch),
		Patch:        c.Patch,
		Grid:         graph.Pair{c.Image[0] / c.Patch, c.Image[1] / c.Patch},
		AlignCorners: c.AlignCorners,
	}
	m.PosEmbed = tensor.Declare(1, 1+m.Grid[0]*m.Grid[1], c.Dim)
	for range c.Depth {
		m.Blocks = append(m.Blocks, newViTBlock(c.Dim, c.Heads, or(c.Hidden, 4*c.Dim)))
	}
	if c.GlobalPool {
		m.FCNorm = newViTNorm(c.Dim)
	} else {
		m.Norm = newViTNorm(c.Dim)
	}
	if c.PreLogits > 0 {
		m.PreLogits = layers.NewLinear(c.Dim, c.PreLogits)
	}
	if c.Classes >= 0 {
		m.Head = layers.NewLinear(or(c.PreLogits, c.Dim), or(c.Classes, 1000))
	}
	return m
}

// Forward maps images [B, H, W, 3] to logits [B, classes]. H and W are multiples of
// the patch size.
func (m *ViT) Forward(x *graph.Value) *graph.Value {
	x = m.Tokens(x)
	if m.FCNorm != nil {
		x = m.FCNorm.Forward(x.Slice(1, 1, 0).Mean(1)).Stage("fc_norm")
	} else {
		x = x.Slice(1, 0, 1).Reshape(x.Shape[0], x.Shape[2]).Stage("class_token")
	}
	if m.PreLogits != nil {
		x = m.PreLogits.Forward(x).Stage("pre_logits.fc").Activate(graph.Tanh).Stage("pre_logits")
		x.Stage("pre_logits.act")
	}
	if m.Head == nil {
		return x
	}
	return m.Head.Forward(x)
}

// Tokens maps images [B, H, W, 3] to the tokens after the last block and Norm,
// [B, 1+H/p·W/p, C]: first the class token, then the patches row by row. With
// GlobalPool there is no Norm.
func (m *ViT) Tokens(x *graph.Value) *graph.Value {
	g, b := x.Graph(), x.Shape[0]
	x, grid := m.patches(x)
	class := g.Const(m.ClassToken).Expand(b, 1, x.Shape[2])
	x = graph.Cat(1, class, x).Add(m.positions(g, m.PosEmbed, grid))
	return m.encode(x)
}

// Map returns the patches of Tokens as a map [B, H/p, W/p, C].
func (m *ViT) Map(x *graph.Value) *graph.Value {
	h, w := x.Shape[1]/m.Patch, x.Shape[2]/m.Patch
	x = m.Tokens(x).Slice(1, 1, 0)
	return x.Reshape(x.Shape[0], h, w, x.Shape[2])
}

// patches maps images to tokens [B, h·w, C], and returns h and w.
func (m *ViT) patches(x *graph.Value) (*graph.Value, graph.Pair) {
	x = m.PatchEmbed.Forward(x)
	grid := graph.Pair{x.Shape[1], x.Shape[2]}
	return x.Reshape(x.Shape[0], grid[0]*grid[1], x.Shape[3]).Stage("patch_embed"), grid
}

// encode applies the blocks and the norm to tokens [B, N, C].
func (m *ViT) encode(x *graph.Value) *graph.Value {
	for i, block := range m.Blocks {
		x = block.Forward(x, fmt.Sprintf("blocks.%d", i))
	}
	if m.Norm != nil {
		x = m.Norm.Forward(x).Stage("norm")
	}
	return x
}

// positions returns a position embedding table [1, 1+N, C] for a grid of patches.
// It resizes the part for patches if the grid is not the one of training.
func (m *ViT) positions(g *graph.Graph, table *tensor.Tensor, grid graph.Pair) *graph.Value {
	pos := g.Const(table)
	if grid == m.Grid {
		return pos
	}
	dim := table.Shape[2]
	patches := pos.Slice(1, 1, 0).Reshape(1, m.Grid[0], m.Grid[1], dim)
	patches = patches.Resize(graph.Resize{Mode: graph.Bicubic, Size: grid, AlignCorners: m.AlignCorners})
	return graph.Cat(1, pos.Slice(1, 0, 1), patches.Reshape(1, grid[0]*grid[1], dim))
}

// vitBlock is a transformer block: attention and a perceptron, each with a norm
// before it and a residual connection.
type vitBlock struct {
	Norm1 *layers.LayerNorm `weight:"norm1"`
	Attn  *layers.Attention `weight:"attn"`
	Norm2 *layers.LayerNorm `weight:"norm2"`
	MLP   *layers.MLP       `weight:"mlp"`
}

func newViTBlock(dim, heads, hidden int) *vitBlock {
	return &vitBlock{
		Norm1: newViTNorm(dim),
		Attn:  layers.NewAttention(dim, heads),
		Norm2: newViTNorm(dim),
		MLP:   layers.NewMLP(dim, hidden),
	}
}

func newViTNorm(dim int) *layers.LayerNorm {
	n := layers.NewLayerNorm(dim)
	n.Eps = 1e-6
	return n
}

// Forward maps tokens [B, N, C] to the same shape. The names of its stages begin
// with name.
func (m *vitBlock) Forward(x *graph.Value, name string) *graph.Value {
	y := m.Norm1.Forward(x).Stage(name + ".norm1")
	x = m.Attn.Forward(y).Stage(name + ".attn").Add(x)
	y = m.Norm2.Forward(x).Stage(name + ".norm2")
	return m.MLP.Forward(y).Stage(name + ".mlp").Add(x).Stage(name)
}

// vitNames turns the names of weights and stages in torchvision and the
// transformers library into timm's.
var vitNames = strings.NewReplacer(
	"encoder.layers.encoder_layer_", "blocks.",
	"encoder.pos_embedding", "pos_embed",
	"encoder.ln", "norm",
	"class_token", "cls_token",
	"conv_proj", "patch_embed.proj",
	"heads.head", "head",
	"heads.pre_logits", "pre_logits.fc",
	"heads.act", "pre_logits.act",
	"ln_1", "norm1",
	"ln_2", "norm2",
	"self_attention.in_proj_", "attn.qkv.",
	"self_attention.out_proj", "attn.proj",
	"self_attention.0", "attn",
	"mlp.0", "mlp.fc1",
	"mlp.3", "mlp.fc2",
	"mlp.linear_1", "mlp.fc1", // torchvision's files are older than its code
	"mlp.linear_2", "mlp.fc2",

	"embeddings.cls_token", "cls_token", // ViTModel has no prefix "vit."
	"embeddings.position_embeddings", "pos_embed",
	"embeddings.patch_embeddings.projection", "patch_embed.proj",
	"encoder.layer.", "blocks.",
	"layernorm.", "norm.",
	"pooler.dense", "pre_logits.fc",

	"vit.embeddings.cls_token", "cls_token",
	"vit.embeddings.position_embeddings", "pos_embed",
	"vit.embeddings.patch_embeddings.projection", "patch_embed.proj",
	"vit.encoder.layer.", "blocks.",
	"vit.layernorm", "norm",
	"decoder.decoder_layers.", "decoder_blocks.",
	"decoder.", "",
	"layernorm_before", "norm1",
	"layernorm_after", "norm2",
	"attention.attention.", "attn.",
	"attention.output.dense", "attn.proj",
	"intermediate.dense", "mlp.fc1",
	"output.dense", "mlp.fc2",
	"classifier", "head",
)

// ViTName returns timm's name for a weight or module of a vision transformer in
// torchvision or in the transformers library. Queries, keys and values keep names
// of their own.
func ViTName(name string) string { return vitNames.Replace(name) }

// Canonical presents src under timm's names. It knows the layouts of timm,
// torchvision and the transformers library.
func (m *ViT) Canonical(src weights.Source) weights.Source {
	return weights.Arrange(src, func(name string) weights.Place { return partOfQKV(ViTName(name)) })
}
