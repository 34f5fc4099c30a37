package models

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/tensor"
)

// Swin is the hierarchical transformer of Liu et al. (arXiv:2103.14030). Its
// attention stays inside windows, which every second block shifts. Swin V2
// (arXiv:2111.09883) normalises after attention and perceptron instead of before.
// Names are Microsoft's; see Canonical for torchvision's and others.
type Swin struct {
	PatchEmbed *layers.PatchEmbed `weight:"patch_embed"`
	PosEmbed   *tensor.Tensor     `weight:"absolute_pos_embed"` // [1, h·w, C], or nil
	Layers     []*swinStage       `weight:"layers"`             // at 1/4, 1/8, 1/16, 1/32 of the image
	Norm       *layers.LayerNorm  `weight:"norm"`
	Head       *layers.Linear     `weight:"head"` // nil: Forward returns the features

	Patch int
	Image graph.Pair // see SwinConfig
}

// SwinConfig says which Swin.
type SwinConfig struct {
	Dim           int // channels of the first stage; they double from stage to stage
	Depths, Heads []int
	Window        graph.Pair
	V2            bool
	Patch         int     // 0 means 4
	Ratio         float64 // factor by which a perceptron has more channels inside; 0 means 4
	Classes       int     // 0 means 1000; below 0 means no head

	// Image selects Microsoft's form, and is the height and width in training. If
	// one side of a stage's map is at most a window in training, the windows of
	// that stage have that side and are not shifted. Images are padded to whole
	// patches.
	//
	// Zero selects torchvision's form. Windows are the same in all stages, and are
	// not shifted in a direction in which one window covers the map. Pixels beyond
	// the last whole patch are dropped.
	//
	// Both forms pad maps to whole windows, and to even sizes before merging.
	Image graph.Pair

	AbsolutePositions bool  // add a position embedding to the patches; needs Image
	NoPatchNorm       bool  // do not normalise the patches
	NoQKVBias         bool  // queries, keys and values have no bias
	Pretrained        []int // V2: for each stage the window with which its bias was trained, if different
}

// NewSwin declares the network.
func NewSwin(c SwinConfig) *Swin {
	c.Patch = or(c.Patch, 4)
	m := &Swin{PatchEmbed: layers.NewPatchEmbed(3, c.Dim, c.Patch), Patch: c.Patch, Image: c.Image}
	if !c.NoPatchNorm {
		m.PatchEmbed.Norm = layers.NewLayerNorm(c.Dim)
	}
	size := graph.Pair{c.Image[0] / c.Patch, c.Image[1] / c.Patch}
	if c.AbsolutePositions {
		m.PosEmbed = tensor.Declare(1, size[0]*size[1], c.Dim)
	}
	dim := c.Dim
	for i, depth := range c.Depths {
		op := graph.WindowAttention{Heads: c.Heads[i], Window: c.Window, Cosine: c.V2}
		shift := graph.Pair{c.Window[0] / 2, c.Window[1] / 2}
		if least := min(size[0], size[1]); least > 0 && least <= min(c.Window[0], c.Window[1]) {
			op.Window, shift = graph.Both(least), graph.Pair{}
		}
		stage := &swinStage{}
		for j := range depth {
			if op.Shift = (graph.Pair{}); j%2 == 1 {
				op.Shift = shift
			}
			block := newSwinBlock(dim, op, c.Ratio)
			if c.NoQKVBias {
				block.Attn.QKV.NoBias()
			}
			if i < len(c.Pretrained) {
				block.Attn.Pretrained = graph.Both(c.Pretrained[i])
			}
			stage.Blocks = append(stage.Blocks, block)
		}
		if i < len(c.Depths)-1 {
			stage.Downsample = newPatchMerging(dim, c.V2)
			dim *= 2
		}
		m.Layers = append(m.Layers, stage)
		size = graph.Pair{(size[0] + 1) / 2, (size[1] + 1) / 2}
	}
	m.Norm = layers.NewLayerNorm(dim)
	if c.Classes >= 0 {
		m.Head = layers.NewLinear(dim, or(c.Classes, 1000))
	}
	return m
}

// SetEps sets the number that the norms of the blocks and the last norm add to the
// variance.
func (m *Swin) SetEps(eps float64) {
	for _, stage := range m.Layers {
		for _, b := range stage.Blocks {
			b.Norm1.Eps, b.Norm2.Eps = eps, eps
		}
	}
	m.Norm.Eps = eps
}

// Forward maps images [B, H, W, 3] of any size to logits [B, classes].
func (m *Swin) Forward(x *graph.Value) *graph.Value {
	maps := m.Pyramid(x)
	x = m.Norm.Forward(maps[len(maps)-1]).Stage("norm").Mean(1, 2)
	if m.Head == nil {
		return x
	}
	return m.Head.Forward(x)
}

// Pyramid maps images [B, H, W, 3] to the map at the end of each stage, before it
// is merged: [B, H/4, W/4, C] to [B, H/32, W/32, 8·C]. These are features for dense
// prediction.
func (m *Swin) Pyramid(x *graph.Value) []*graph.Value {
	x = m.embed(x)
	var maps []*graph.Value
	for i, stage := range m.Layers {
		name := fmt.Sprintf("layers.%d", i)
		for j, block := range stage.Blocks {
			x = block.Forward(x).Stage(fmt.Sprintf("%s.blocks.%d", name, j))
		}
		maps = append(maps, x.Stage(name+".blocks"))
		if stage.Downsample != nil {
			x = stage.Downsample.Forward(x).Stage(name + ".downsample")
		}
		x.Stage(name)
	}
	return maps
}

// embed maps images to patches [B, h, w, C].
func (m *Swin) embed(x *graph.Value) *graph.Value {
	if below, right := -x.Shape[1]%m.Patch, -x.Shape[2]%m.Patch; m.Image != (graph.Pair{}) && (below < 0 || right < 0) {
		x = x.Pad(0, (below+m.Patch)%m.Patch, 0, (right+m.Patch)%m.Patch)
	}
	x = m.PatchEmbed.Forward(x).Stage("patch_embed")
	if m.PosEmbed == nil {
		return x
	}
	pos := x.Graph().Const(m.PosEmbed).Reshape(1, m.Image[0]/m.Patch, m.Image[1]/m.Patch, m.PosEmbed.Shape[2])
	if size := (graph.Pair{x.Shape[1], x.Shape[2]}); size != (graph.Pair{pos.Shape[1], pos.Shape[2]}) {
		pos = pos.Resize(graph.Resize{Mode: graph.Bicubic, Size: size})
	}
	return x.Add(pos)
}

// swinStage is a sequence of blocks on maps of one size, followed by a merging.
type swinStage struct {
	Blocks     []*swinBlock  `weight:"blocks"`
	Downsample *patchMerging `weight:"downsample"` // nil in the last stage
}

// swinBlock is attention inside windows and a perceptron, each with a norm and a
// residual connection.
type swinBlock struct {
	Norm1 *layers.LayerNorm       `weight:"norm1"`
	Attn  *layers.WindowAttention `weight:"attn"`
	Norm2 *layers.LayerNorm       `weight:"norm2"`
	MLP   *layers.MLP             `weight:"mlp"`
}

func newSwinBlock(dim int, op graph.WindowAttention, ratio float64) *swinBlock {
	hidden := 4 * dim
	if ratio != 0 {
		hidden = int(ratio * float64(dim))
	}
	return &swinBlock{
		Norm1: layers.NewLayerNorm(dim),
		Attn:  layers.NewWindowAttention(dim, op),
		Norm2: layers.NewLayerNorm(dim),
		MLP:   layers.NewMLP(dim, hidden),
	}
}

// Forward maps [B, H, W, C] to the same shape.
func (m *swinBlock) Forward(x *graph.Value) *graph.Value {
	if m.Attn.Op.Cosine { // V2
		x = m.Norm1.Forward(m.Attn.Forward(x)).Add(x)
		return m.Norm2.Forward(m.MLP.Forward(x)).Add(x)
	}
	x = m.Attn.Forward(m.Norm1.Forward(x)).Add(x)
	return m.MLP.Forward(m.Norm2.Forward(x)).Add(x)
}

// patchMerging merges 2×2 tokens into one with twice the channels.
type patchMerging struct {
	Reduction *layers.Linear    `weight:"reduction"` // 4·C → 2·C
	Norm      *layers.LayerNorm `weight:"norm"`      // before Reduction, 4·C; in V2 after it, 2·C
}

func newPatchMerging(dim int, v2 bool) *patchMerging {
	m := &patchMerging{Reduction: layers.NewLinear(4*dim, 2*dim).NoBias(), Norm: layers.NewLayerNorm(4 * dim)}
	if v2 {
		m.Norm = layers.NewLayerNorm(2 * dim)
	}
	return m
}

// Forward maps [B, H, W, C] to [B, ⌈H/2⌉, ⌈W/2⌉, 2·C].
func (m *patchMerging) Forward(x *graph.Value) *graph.Value {
	x = x.PatchMerge()
	if m.Norm.Weight.Shape[0] == x.Shape[3] {
		return m.Reduction.Forward(m.Norm.Forward(x))
	}
	return m.Norm.Forward(m.Reduction.Forward(x))
}
