package models

import (
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/tensor"
)

// ViT is the vision transformer of Dosovitskiy et al. (arXiv:2010.11929), which
// treats an image as a sequence of patches. DeiT (Touvron et al., arXiv:2012.12877)
// may have a second token, which learns from another network. Names are those of
// timm and MAE; see Canonical for others.
type ViT struct {
	ClassToken *tensor.Tensor     `weight:"cls_token"`  // [1, 1, C]
	DistToken  *tensor.Tensor     `weight:"dist_token"` // [1, 1, C], after the class token in DeiT; may be nil
	PosEmbed   *tensor.Tensor     `weight:"pos_embed"`  // [1, 1+N, C] for N patches, one more with DistToken
	PatchEmbed *layers.PatchEmbed `weight:"patch_embed"`
	Blocks     []*vitBlock        `weight:"blocks"`
	Norm       *layers.LayerNorm  `weight:"norm"`
	FCNorm     *layers.LayerNorm  `weight:"fc_norm"`       // replaces Norm with GlobalPool
	PreLogits  *layers.Linear     `weight:"pre_logits.fc"` // before Head, with a tanh; may be nil
	Head       *layers.Linear     `weight:"head"`          // nil: Forward returns the features
	HeadDist   *layers.Linear     `weight:"head_dist"`     // classifies by DistToken; may be nil

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
	DistToken    bool    // a second token before the patches, as in DeiT
	DistHead     bool    // with DistToken: the result is the mean of two heads, one for each token
	Eps          float64 // of the norms; 0 means 1e-6
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
	tokens := 1
	if c.DistToken {
		m.DistToken, tokens = tensor.Declare(1, 1, c.Dim), 2
	}
	m.PosEmbed = tensor.Declare(1, tokens+m.Grid[0]*m.Grid[1], c.Dim)
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
		if c.DistToken && c.DistHead {
			m.HeadDist = layers.NewLinear(c.Dim, or(c.Classes, 1000))
		}
	}
	if c.Eps != 0 {
		m.SetEps(c.Eps)
	}
	return m
}

// Prefix returns the number of tokens before the patches.
func (m *ViT) Prefix() int {
	if m.DistToken != nil {
		return 2
	}
	return 1
}

// SetEps sets the number that all norms add to the variance.
func (m *ViT) SetEps(eps float64) {
	for _, b := range m.Blocks {
		b.Norm1.Eps, b.Norm2.Eps = eps, eps
	}
	for _, n := range []*layers.LayerNorm{m.Norm, m.FCNorm} {
		if n != nil {
			n.Eps = eps
		}
	}
}

// AuxiliaryHeads returns the head of DeiT's second token, if there is one.
func (m *ViT) AuxiliaryHeads() []Head {
	if m.HeadDist == nil {
		return nil
	}
	return []Head{{m.HeadDist.Weight, m.HeadDist.Bias}}
}

// Forward maps images [B, H, W, 3] to logits [B, classes]. H and W are multiples of
// the patch size.
func (m *ViT) Forward(x *graph.Value) *graph.Value {
	tokens := m.Tokens(x)
	if m.FCNorm != nil {
		x = m.FCNorm.Forward(tokens.Slice(1, m.Prefix(), 0).Mean(1)).Stage("fc_norm")
	} else {
		x = tokens.Slice(1, 0, 1).Reshape(tokens.Shape[0], tokens.Shape[2]).Stage("class_token")
	}
	if m.PreLogits != nil {
		x = m.PreLogits.Forward(x).Stage("pre_logits.fc").Activate(graph.Tanh).Stage("pre_logits")
		x.Stage("pre_logits.act")
	}
	if m.Head == nil {
		return x
	}
	x = m.Head.Forward(x)
	if m.HeadDist == nil {
		return x
	}
	dist := tokens.Slice(1, 1, 2).Reshape(tokens.Shape[0], tokens.Shape[2]).Stage("dist_token")
	half := x.Graph().Const(tensor.Of([]float32{0.5}, 1))
	return x.Add(m.HeadDist.Forward(dist)).Mul(half)
}

// Tokens maps images [B, H, W, 3] to the tokens after the last block and Norm,
// [B, Prefix+H/p·W/p, C]: first the class token, then DeiT's second token if there
// is one, then the patches row by row. With GlobalPool there is no Norm.
func (m *ViT) Tokens(x *graph.Value) *graph.Value {
	g, b := x.Graph(), x.Shape[0]
	x, grid := m.patches(x)
	if m.DistToken != nil {
		x = graph.Cat(1, g.Const(m.DistToken).Expand(b, 1, x.Shape[2]), x)
	}
	class := g.Const(m.ClassToken).Expand(b, 1, x.Shape[2])
	x = graph.Cat(1, class, x).Add(m.positions(g, m.PosEmbed, grid))
	return m.encode(x)
}

// Map returns the patches of Tokens as a map [B, H/p, W/p, C].
func (m *ViT) Map(x *graph.Value) *graph.Value {
	h, w := x.Shape[1]/m.Patch, x.Shape[2]/m.Patch
	x = m.Tokens(x).Slice(1, m.Prefix(), 0)
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

// positions returns a position embedding table [1, Prefix+N, C] for a grid of patches.
// It resizes the part for patches if the grid is not the one of training.
func (m *ViT) positions(g *graph.Graph, table *tensor.Tensor, grid graph.Pair) *graph.Value {
	pos := g.Const(table)
	if grid == m.Grid {
		return pos
	}
	dim, prefix := table.Shape[2], m.Prefix()
	patches := pos.Slice(1, prefix, 0).Reshape(1, m.Grid[0], m.Grid[1], dim)
	patches = patches.Resize(graph.Resize{Mode: graph.Bicubic, Size: grid, AlignCorners: m.AlignCorners})
	return graph.Cat(1, pos.Slice(1, 0, prefix), patches.Reshape(1, grid[0]*grid[1], dim))
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
