package models

import (
	"fmt"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
)

// PVTv2 is the pyramid vision transformer of Wang et al. (arXiv:2106.13797). It
// has four stages of tokens at 1/4 to 1/32 of the image. Their attention uses a
// smaller map for keys and values.
type PVTv2 struct {
	PatchEmbed1 *pvtPatchEmbed    `weight:"patch_embed1"`
	PatchEmbed2 *pvtPatchEmbed    `weight:"patch_embed2"`
	PatchEmbed3 *pvtPatchEmbed    `weight:"patch_embed3"`
	PatchEmbed4 *pvtPatchEmbed    `weight:"patch_embed4"`
	Block1      []*pvtBlock       `weight:"block1"`
	Block2      []*pvtBlock       `weight:"block2"`
	Block3      []*pvtBlock       `weight:"block3"`
	Block4      []*pvtBlock       `weight:"block4"`
	Norm1       *layers.LayerNorm `weight:"norm1"`
	Norm2       *layers.LayerNorm `weight:"norm2"`
	Norm3       *layers.LayerNorm `weight:"norm3"`
	Norm4       *layers.LayerNorm `weight:"norm4"`
}

// PVTv2Config says which pyramid transformer, with one number for each stage.
type PVTv2Config struct {
	EmbedDims [4]int // channels
	Depths    [4]int // blocks
	Heads     [4]int
	MLPRatios [4]int // factor by which a perceptron has more channels inside
	SRRatios  [4]int // factor by which the map of keys and values is smaller in each direction
}

// PVTv2B2 returns the paper's configuration B2.
func PVTv2B2() PVTv2Config {
	return PVTv2Config{
		EmbedDims: [4]int{64, 128, 320, 512},
		Depths:    [4]int{3, 4, 6, 3},
		Heads:     [4]int{1, 2, 5, 8},
		MLPRatios: [4]int{8, 8, 4, 4},
		SRRatios:  [4]int{8, 4, 2, 1},
	}
}

// NewPVTv2 declares the network.
func NewPVTv2(c PVTv2Config) *PVTv2 {
	m := &PVTv2{}
	in := 3
	for i, s := range m.stages() {
		out := c.EmbedDims[i]
		kernel, stride := 3, 2
		if i == 0 {
			kernel, stride = 7, 4
		}
		*s.embed = &pvtPatchEmbed{
			Proj: layers.NewConv2d(in, out, graph.Both(kernel), graph.Conv2d{Stride: graph.Both(stride), Pad: graph.Both(kernel / 2)}),
			Norm: layers.NewLayerNorm(out),
		}
		for range c.Depths[i] {
			*s.blocks = append(*s.blocks, newPVTBlock(out, c.Heads[i], c.MLPRatios[i], c.SRRatios[i]))
		}
		*s.norm = newPVTNorm(out)
		in = out
	}
	return m
}

// pvtStage points to the parts of a stage.
type pvtStage struct {
	embed  **pvtPatchEmbed
	blocks *[]*pvtBlock
	norm   **layers.LayerNorm
}

func (m *PVTv2) stages() [4]pvtStage {
	return [4]pvtStage{
		{&m.PatchEmbed1, &m.Block1, &m.Norm1},
		{&m.PatchEmbed2, &m.Block2, &m.Norm2},
		{&m.PatchEmbed3, &m.Block3, &m.Norm3},
		{&m.PatchEmbed4, &m.Block4, &m.Norm4},
	}
}

// Features maps images [B, H, W, 3] to the map of each stage, [B, H/4, W/4, C1] to
// [B, H/32, W/32, C4]. The names of its graph stages begin with prefix.
func (m *PVTv2) Features(x *graph.Value, prefix string) [4]*graph.Value {
	var maps [4]*graph.Value
	for i, s := range m.stages() {
		x = (*s.embed).Proj.Forward(x)
		b, h, w, c := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
		x = (*s.embed).Norm.Forward(x.Reshape(b, h*w, c)).Stage(fmt.Sprintf("%spatch_embed%d.0", prefix, i+1))
		for j, block := range *s.blocks {
			x = block.Forward(x, h, w).Stage(fmt.Sprintf("%sblock%d.%d", prefix, i+1, j))
		}
		x = (*s.norm).Forward(x).Reshape(b, h, w, c)
		maps[i] = x
	}
	return maps
}

// pvtPatchEmbed makes tokens of overlapping patches.
type pvtPatchEmbed struct {
	Proj *layers.Conv2d    `weight:"proj"`
	Norm *layers.LayerNorm `weight:"norm"`
}

// pvtBlock is a transformer block: attention and a perceptron, each with a norm
// before it and a residual connection.
type pvtBlock struct {
	Norm1 *layers.LayerNorm `weight:"norm1"`
	Q     *layers.Linear    `weight:"attn.q"`
	KV    *layers.Linear    `weight:"attn.kv"`
	Proj  *layers.Linear    `weight:"attn.proj"`
	SR    *layers.Conv2d    `weight:"attn.sr"`   // makes the map of keys and values smaller; may be nil
	Norm  *layers.LayerNorm `weight:"attn.norm"` // after SR
	Norm2 *layers.LayerNorm `weight:"norm2"`
	FC1   *layers.Linear    `weight:"mlp.fc1"`
	DW    *layers.Conv2d    `weight:"mlp.dwconv.dwconv"` // 3×3, depthwise: encodes the position
	FC2   *layers.Linear    `weight:"mlp.fc2"`

	Heads int
}

func newPVTBlock(dim, heads, mlpRatio, srRatio int) *pvtBlock {
	hidden := mlpRatio * dim
	m := &pvtBlock{
		Norm1: newPVTNorm(dim),
		Q:     layers.NewLinear(dim, dim),
		KV:    layers.NewLinear(dim, 2*dim),
		Proj:  layers.NewLinear(dim, dim),
		Norm2: newPVTNorm(dim),
		FC1:   layers.NewLinear(dim, hidden),
		DW:    layers.NewConv2d(hidden, hidden, graph.Both(3), graph.Conv2d{Pad: graph.Both(1), Groups: hidden}),
		FC2:   layers.NewLinear(hidden, dim),
		Heads: heads,
	}
	if srRatio > 1 {
		m.SR = layers.NewConv2d(dim, dim, graph.Both(srRatio), graph.Conv2d{Stride: graph.Both(srRatio)})
		m.Norm = layers.NewLayerNorm(dim)
	}
	return m
}

func newPVTNorm(dim int) *layers.LayerNorm {
	n := layers.NewLayerNorm(dim)
	n.Eps = 1e-6
	return n
}

// Forward maps the tokens of an h×w map, [B, h·w, C], to the same shape.
func (m *pvtBlock) Forward(x *graph.Value, h, w int) *graph.Value {
	b, c := x.Shape[0], x.Shape[2]
	y := m.Norm1.Forward(x)
	q, keys := m.Q.Forward(y), y
	if m.SR != nil {
		keys = m.Norm.Forward(m.SR.Forward(y.Reshape(b, h, w, c)).Reshape(b, -1, c))
	}
	y = graph.Apply(graph.Attention{Heads: m.Heads, Packed: graph.PackedKV}, q, m.KV.Forward(keys))
	x = m.Proj.Forward(y).Add(x)

	y = m.FC1.Forward(m.Norm2.Forward(x))
	hidden := y.Shape[2]
	dw := *m.DW
	dw.Op.Groups = hidden
	y = dw.Forward(y.Reshape(b, h, w, hidden)).GELU().Reshape(b, h*w, hidden)
	return m.FC2.Forward(y).Add(x)
}
