package models

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/tensor"
)

// MAE is the masked autoencoder of He et al. (arXiv:2111.06377): a vision
// transformer encodes a few patches of an image, and a small decoder reconstructs
// the others. The fine-tuned classifiers are ViTs.
type MAE struct {
	ViT // the encoder, without a head

	MaskToken       *tensor.Tensor    `weight:"mask_token"`        // [1, 1, D]
	DecoderPosEmbed *tensor.Tensor    `weight:"decoder_pos_embed"` // [1, 1+N, D]
	DecoderEmbed    *layers.Linear    `weight:"decoder_embed"`
	DecoderBlocks   []*vitBlock       `weight:"decoder_blocks"`
	DecoderNorm     *layers.LayerNorm `weight:"decoder_norm"`
	DecoderPred     *layers.Linear    `weight:"decoder_pred"` // D → p²·3; nil without a decoder

	MaskRatio float64 // share of the patches that the encoder does not see
	NormPix   bool    // the loss normalises each target patch to mean 0 and variance 1
	Seed      uint64  // of the noise in Forward and Outputs
}

// MAEConfig says which autoencoder.
type MAEConfig struct {
	Encoder      ViTConfig // Classes and GlobalPool are not used
	DecoderDim   int       // 0 means 512
	DecoderDepth int       // 0 means 8
	DecoderHeads int       // 0 means 16
	MaskRatio    float64   // 0 means 0.75
	NormPix      bool
	EncoderOnly  bool // no decoder, as in most published checkpoints
}

// NewMAE declares the network.
func NewMAE(c MAEConfig) *MAE {
	c.Encoder.Classes, c.Encoder.GlobalPool, c.Encoder.DistToken = -1, false, false
	m := &MAE{ViT: *NewViT(c.Encoder), MaskRatio: c.MaskRatio, NormPix: c.NormPix}
	if m.MaskRatio == 0 {
		m.MaskRatio = 0.75
	}
	if c.EncoderOnly {
		return m
	}
	dim := or(c.DecoderDim, 512)
	m.MaskToken = tensor.Declare(1, 1, dim)
	m.DecoderPosEmbed = tensor.Declare(1, m.PosEmbed.Shape[1], dim)
	m.DecoderEmbed = layers.NewLinear(c.Encoder.Dim, dim)
	for range or(c.DecoderDepth, 8) {
		m.DecoderBlocks = append(m.DecoderBlocks, newViTBlock(dim, or(c.DecoderHeads, 16), 4*dim))
	}
	m.DecoderNorm = newViTNorm(dim)
	m.DecoderPred = layers.NewLinear(dim, m.Patch*m.Patch*3)
	if c.Encoder.Eps != 0 {
		m.SetEps(c.Encoder.Eps)
	}
	return m
}

// SetEps sets the number that all norms add to the variance.
func (m *MAE) SetEps(eps float64) {
	m.ViT.SetEps(eps)
	for _, b := range m.DecoderBlocks {
		b.Norm1.Eps, b.Norm2.Eps = eps, eps
	}
	if m.DecoderNorm != nil {
		m.DecoderNorm.Eps = eps
	}
}

// MAEResult holds the results of a pre-training pass on images [B, H, W, 3] with
// L patches of p×p pixels. The last four are nil without a decoder.
type MAEResult struct {
	Latent     *graph.Value // [B, 1+⌊L·(1−ratio)⌋, C]: the encoded class token and kept patches
	Mask       *graph.Value // [B, L]: 0 for a kept patch, 1 for a removed one
	IDsRestore *graph.Value // [B, L]: the rank of each patch's noise
	Pred       *graph.Value // [B, L, p²·3]: the decoder's prediction of each patch
	Target     *graph.Value // [B, L, p²·3]: the patches of the images
	Loss       *graph.Value // []: the mean squared error over removed patches
	Image      *graph.Value // [B, H, W, 3]: Pred as images
}

// Pretrain keeps those patches of images [B, H, W, 3] that have the smallest
// noise [B, L]. It encodes them and decodes all patches.
func (m *MAE) Pretrain(images, noise *graph.Value) MAEResult {
	var r MAEResult
	var grid graph.Pair
	r.Latent, r.Mask, r.IDsRestore, grid = m.encodeKept(images, noise)
	if m.DecoderPred == nil {
		return r
	}
	r.Pred = m.decode(r.Latent, r.IDsRestore, grid)
	r.Target = patchify(images, m.Patch)
	r.Loss = m.loss(r)
	r.Image = unpatchify(r.Pred, grid, m.Patch)
	return r
}

// encodeKept is forward_encoder of the reference: it encodes only kept patches.
func (m *MAE) encodeKept(images, noise *graph.Value) (latent, mask, restore *graph.Value, grid graph.Pair) {
	g, b := images.Graph(), images.Shape[0]
	x, grid := m.patches(images)
	n, dim := x.Shape[1], x.Shape[2]
	pos := m.positions(g, m.PosEmbed, grid)
	x = x.Add(pos.Slice(1, 1, 0))

	keep := int(float64(n) * (1 - m.MaskRatio))
	x = x.TakeRows(noise.Argsort(1).Slice(1, 0, keep))
	restore = graph.Apply(graph.Argsort{Axis: 1, Inverse: true}, noise)
	removed := tensor.New(n, 1) // by rank of the noise
	for i := keep; i < n; i++ {
		removed.Data[i] = 1
	}
	mask = restore.Embedding(g.Const(removed)).Reshape(b, n)

	class := g.Const(m.ClassToken).Add(pos.Slice(1, 0, 1)).Expand(b, 1, dim)
	return m.encode(graph.Cat(1, class, x)), mask, restore, grid
}

// decode is forward_decoder of the reference: mask tokens replace the removed
// patches.
func (m *MAE) decode(latent, restore *graph.Value, grid graph.Pair) *graph.Value {
	g, b, n := latent.Graph(), latent.Shape[0], restore.Shape[1]
	x := m.DecoderEmbed.Forward(latent).Stage("decoder_embed")
	dim := x.Shape[2]
	class, kept := x.Slice(1, 0, 1), x.Slice(1, 1, 0)
	if removed := n - kept.Shape[1]; removed > 0 {
		kept = graph.Cat(1, kept, g.Const(m.MaskToken).Expand(b, removed, dim))
	}
	x = graph.Cat(1, class, kept.TakeRows(restore)).Add(m.positions(g, m.DecoderPosEmbed, grid))
	for i, block := range m.DecoderBlocks {
		x = block.Forward(x, fmt.Sprintf("decoder_blocks.%d", i))
	}
	x = m.DecoderPred.Forward(m.DecoderNorm.Forward(x).Stage("decoder_norm")).Stage("decoder_pred")
	return x.Slice(1, 1, 0)
}

// loss is the mean squared error over the removed patches,
//
//	Σ_l mask[l] · mean((pred[l] − target[l])²) / Σ_l mask[l]
//
// With NormPix each target becomes (target − mean)/√(var + 1e-6) with the unbiased
// variance, which is n/(n−1) times the variance in LayerNorm.
func (m *MAE) loss(r MAEResult) *graph.Value {
	target := r.Target
	if m.NormPix {
		n := target.Shape[2]
		unbiased := float64(n-1) / float64(n)
		scale := tensor.Of([]float32{float32(math.Sqrt(unbiased))}, 1)
		target = target.LayerNorm(1e-6*unbiased, nil, nil).Mul(target.Graph().Const(scale))
	}
	d := r.Pred.Sub(target)
	perPatch := d.Mul(d).Mean(2)
	return perPatch.Mul(r.Mask).Sum().Div(r.Mask.Sum())
}

// patchify maps images [B, h·p, w·p, 3] to patches [B, h·w, p²·3].
func patchify(x *graph.Value, p int) *graph.Value {
	b, h, w, c := x.Shape[0], x.Shape[1]/p, x.Shape[2]/p, x.Shape[3]
	return x.Reshape(b, h, p, w, p, c).Permute(0, 1, 3, 2, 4, 5).Reshape(b, h*w, p*p*c)
}

// unpatchify is the inverse of patchify for a grid of h×w patches.
func unpatchify(x *graph.Value, grid graph.Pair, p int) *graph.Value {
	b, h, w, c := x.Shape[0], grid[0], grid[1], x.Shape[2]/(p*p)
	return x.Reshape(b, h, w, p, p, c).Permute(0, 1, 3, 2, 4, 5).Reshape(b, h*p, w*p, c)
}

// MAENoise returns uniform noise [b, patches] in 0…1, the same for the same seed.
func MAENoise(seed uint64, b, patches int) *tensor.Tensor {
	r := rand.New(rand.NewPCG(seed, 0))
	t := tensor.New(b, patches)
	for i := range t.Data {
		t.Data[i] = r.Float32()
	}
	return t
}

// seeded is Pretrain with MAENoise of Seed.
func (m *MAE) seeded(x *graph.Value) MAEResult {
	noise := MAENoise(m.Seed, x.Shape[0], x.Shape[1]/m.Patch*(x.Shape[2]/m.Patch))
	return m.Pretrain(x, x.Graph().Const(noise))
}

// Forward maps images [B, H, W, 3] to their reconstructions, of the same shape,
// from the patches that the noise of Seed keeps. Without a decoder it returns the
// latent of these patches.
func (m *MAE) Forward(x *graph.Value) *graph.Value {
	r := m.seeded(x)
	if r.Image == nil {
		return r.Latent
	}
	return r.Image
}

// Outputs returns all results for the noise of Seed; see MAEResult.Outputs.
func (m *MAE) Outputs(x *graph.Value) []graph.Output { return m.seeded(x).Outputs() }

// Outputs returns the results that are not nil, with the reference's names.
func (r MAEResult) Outputs() []graph.Output {
	all := []graph.Output{
		{Name: "unpatchified", Value: r.Image},
		{Name: "latent", Value: r.Latent},
		{Name: "mask", Value: r.Mask},
		{Name: "ids_restore", Value: r.IDsRestore},
		{Name: "pred", Value: r.Pred},
		{Name: "target_patches", Value: r.Target},
		{Name: "loss", Value: r.Loss},
	}
	var have []graph.Output
	for _, o := range all {
		if o.Value != nil {
			have = append(have, o)
		}
	}
	return have
}
