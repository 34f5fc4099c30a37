package layers

import (
	"github.com/vertebra/vertebra/graph"
)

// Attention is multi-head self-attention with its projections. (Vaswani et al.,
// arXiv:1706.03762.)
type Attention struct {
	QKV   *Linear `weight:"qkv"`  // makes queries, keys and values, in this order
	Proj  *Linear `weight:"proj"` // projects the joined heads
	Heads int
}

// NewAttention declares the attention between tokens with dim channels.
func NewAttention(dim, heads int) *Attention {
	return &Attention{QKV: NewLinear(dim, 3*dim), Proj: NewLinear(dim, dim), Heads: heads}
}

// Forward maps tokens [B, N, dim] to [B, N, dim].
func (a *Attention) Forward(x *graph.Value) *graph.Value {
	op := graph.Attention{Heads: a.Heads, Packed: graph.PackedQKV}
	return a.Proj.Forward(graph.Apply(op, a.QKV.Forward(x)))
}

// MLP is the multilayer perceptron of a transformer, with GELU after its hidden
// layer.
type MLP struct {
	FC1 *Linear `weight:"fc1"`
	FC2 *Linear `weight:"fc2"`
}

// NewMLP declares a perceptron with dim channels and hidden channels inside.
func NewMLP(dim, hidden int) *MLP {
	return &MLP{FC1: NewLinear(dim, hidden), FC2: NewLinear(hidden, dim)}
}

// Forward maps [..., dim] to [..., dim].
func (m *MLP) Forward(x *graph.Value) *graph.Value {
	return m.FC2.Forward(m.FC1.Forward(x).GELU())
}

// PatchEmbed turns each patch of an image into a token.
type PatchEmbed struct {
	Proj *Conv2d    `weight:"proj"` // kernel and stride are the patch size
	Norm *LayerNorm `weight:"norm"` // may be nil
}

// NewPatchEmbed declares the embedding of patch×patch pixels with in channels as
// tokens with dim channels, without a norm.
func NewPatchEmbed(in, dim, patch int) *PatchEmbed {
	return &PatchEmbed{Proj: NewConv2d(in, dim, graph.Both(patch), graph.Conv2d{Stride: graph.Both(patch)})}
}

// Forward maps images [B, H, W, in] to tokens [B, ⌊H/patch⌋, ⌊W/patch⌋, dim].
func (p *PatchEmbed) Forward(x *graph.Value) *graph.Value {
	x = p.Proj.Forward(x).Stage("patch_embed.proj")
	if p.Norm != nil {
		x = p.Norm.Forward(x)
	}
	return x
}

// TokenReduction merges each R×R block of a map of tokens into one token: it
// moves the block to the channels and projects them. Vision encoders for high
// resolutions do this before a language model.
type TokenReduction struct {
	Proj *Linear `weight:"proj"`
	R    int
}

// NewTokenReduction declares the reduction of r² tokens with in channels to one
// token with out channels.
func NewTokenReduction(in, out, r int) *TokenReduction {
	return &TokenReduction{Proj: NewLinear(r*r*in, out), R: r}
}

// Forward maps [B, H, W, in] to [B, H/R, W/R, out].
func (t *TokenReduction) Forward(x *graph.Value) *graph.Value {
	return t.Proj.Forward(x.PixelUnshuffle(t.R))
}
