package models

import (
	"fmt"
	"slices"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/layers"
	"github.com/vertebra/vertebra/tensor"
)

// SAM finds the mask of the object that a prompt points at: Kirillov et al.,
// Segment Anything (arXiv:2304.02643). It encodes an image once, and each prompt
// then costs little. Names are those of the official files.
type SAM struct {
	Encoder *SAMEncoder       `weight:"image_encoder"`
	Prompt  *SAMPromptEncoder `weight:"prompt_encoder"`
	Decoder *SAMDecoder       `weight:"mask_decoder"`
}

// SAMConfig says which SAM.
type SAMConfig struct {
	Size, Patch          int   // height and width of the image and of a patch; 0 means 1024 and 16
	Width, Depth, Heads  int   // channels, blocks and heads of the image encoder
	Window               int   // size of its attention windows in patches; 0 means 14
	Global               []int // its blocks that attend to the whole image
	Channels             int   // of the embedding; 0 means 256
	DecoderDepth         int   // number of two-way blocks; 0 means 2
	DecoderHeads         int   // 0 means 8
	DecoderMLP           int   // hidden channels of a two-way block; 0 means 2048
	Downsample           int   // factor between the channels outside and inside the decoder's cross attention; 0 means 2
	IoUHidden, IoULayers int   // hidden channels and layers of the IoU head; 0 means 256 and 3
	MaskChannels         int   // channels inside the mask encoder; 0 means 16
}

// SAMNamed returns the configuration of "vit_b", "vit_l" or "vit_h".
func SAMNamed(name string) (SAMConfig, error) {
	switch name {
	case "vit_b":
		return SAMConfig{Width: 768, Depth: 12, Heads: 12, Global: []int{2, 5, 8, 11}}, nil
	case "vit_l":
		return SAMConfig{Width: 1024, Depth: 24, Heads: 16, Global: []int{5, 11, 17, 23}}, nil
	case "vit_h":
		return SAMConfig{Width: 1280, Depth: 32, Heads: 16, Global: []int{7, 15, 23, 31}}, nil
	}
	return SAMConfig{}, fmt.Errorf("models: no SAM %q; there are vit_b, vit_l, vit_h", name)
}

// Defaults returns the configuration with its zero fields replaced by their
// defaults.
func (c SAMConfig) Defaults() SAMConfig {
	c.Size, c.Patch, c.Window = or(c.Size, 1024), or(c.Patch, 16), or(c.Window, 14)
	c.Channels, c.MaskChannels = or(c.Channels, 256), or(c.MaskChannels, 16)
	c.DecoderDepth, c.DecoderHeads, c.DecoderMLP = or(c.DecoderDepth, 2), or(c.DecoderHeads, 8), or(c.DecoderMLP, 2048)
	c.Downsample = or(c.Downsample, 2)
	c.IoUHidden, c.IoULayers = or(c.IoUHidden, 256), or(c.IoULayers, 3)
	return c
}

// NewSAM declares the network.
func NewSAM(c SAMConfig) *SAM {
	c = c.Defaults()
	return &SAM{Encoder: NewSAMEncoder(c), Prompt: newSAMPromptEncoder(c), Decoder: NewSAMDecoder(c)}
}

// Forward encodes images [B, size, size, 3] as [B, size/patch, size/patch,
// channels].
func (m *SAM) Forward(x *graph.Value) *graph.Value { return m.Encoder.Forward(x) }

// Decode maps an encoded image [1, grid, grid, C], its positions (see
// SAMPromptEncoder.Positions), points [B, T, C] and a mask [B or 1, 4·grid, 4·grid,
// 1] to the logits of four masks [B, 4, 4·grid, 4·grid] and their predicted IoU
// [B, 4]. The first mask is for a clear prompt, the others for an ambiguous one.
// points or mask may be nil.
func (m *SAM) Decode(image, positions, points, mask *graph.Value) (masks, iou *graph.Value) {
	dense := image.Graph().Const(m.Prompt.NoMask.Weight).Reshape(1, 1, 1, image.Shape[3])
	if mask != nil {
		dense = m.Prompt.Dense(mask)
	}
	return m.Decoder.Forward(image, positions, points, dense.Stage("dense"))
}

// Size returns the height and width of the images that the encoder takes.
func (m *SAM) Size() int { return m.Grid() * m.Encoder.Patch.Weight.Shape[2] }

// Grid returns the height and width of an encoded image.
func (m *SAM) Grid() int { return m.Encoder.Position.Shape[1] }

// SAMEncoder is SAM's image encoder: a vision transformer and a neck of two
// convolutions. Most blocks attend inside windows. Relative positions along each
// dimension bias their attention.
type SAMEncoder struct {
	Patch    *layers.Conv2d    `weight:"patch_embed.proj"`
	Position *tensor.Tensor    `weight:"pos_embed"` // [1, grid, grid, width]
	Blocks   []*samBlock       `weight:"blocks"`
	Conv1    *layers.Conv2d    `weight:"neck.0"` // 1×1
	Norm1    *layers.LayerNorm `weight:"neck.1"`
	Conv2    *layers.Conv2d    `weight:"neck.2"` // 3×3
	Norm2    *layers.LayerNorm `weight:"neck.3"`
}

// NewSAMEncoder declares the image encoder.
func NewSAMEncoder(c SAMConfig) *SAMEncoder {
	c = c.Defaults()
	grid := c.Size / c.Patch
	m := &SAMEncoder{
		Patch:    layers.NewConv2d(3, c.Width, graph.Both(c.Patch), graph.Conv2d{Stride: graph.Both(c.Patch)}),
		Position: tensor.Declare(1, grid, grid, c.Width),
		Conv1:    layers.NewConv2d(c.Width, c.Channels, graph.Both(1), graph.Conv2d{}).NoBias(),
		Norm1:    samNorm(c.Channels),
		Conv2:    layers.NewConv2d(c.Channels, c.Channels, graph.Both(3), graph.Conv2d{Pad: graph.Both(1)}).NoBias(),
		Norm2:    samNorm(c.Channels),
	}
	for i := range c.Depth {
		window := c.Window
		if slices.Contains(c.Global, i) {
			window = 0
		}
		m.Blocks = append(m.Blocks, newSAMBlock(c.Width, c.Heads, window, grid))
	}
	return m
}

// samNorm declares a LayerNorm with SAM's epsilon. On images it is SAM's
// LayerNorm2d.
func samNorm(channels int) *layers.LayerNorm {
	n := layers.NewLayerNorm(channels)
	n.Eps = 1e-6
	return n
}

// Forward maps images [B, size, size, 3] to [B, grid, grid, channels].
func (m *SAMEncoder) Forward(x *graph.Value) *graph.Value {
	x = m.Patch.Forward(x).Stage("patch_embed").Add(x.Graph().Const(m.Position))
	for i, b := range m.Blocks {
		name := fmt.Sprintf("blocks.%d", i)
		x = b.Forward(x, name).Stage(name)
	}
	x = m.Norm1.Forward(m.Conv1.Forward(x).Stage("neck.0")).Stage("neck.1")
	return m.Norm2.Forward(m.Conv2.Forward(x).Stage("neck.2")).Stage("neck.3")
}

// samBlock is a transformer block on a map of tokens.
type samBlock struct {
	Norm1 *layers.LayerNorm `weight:"norm1"`
	Attn  *samAttention     `weight:"attn"`
	Norm2 *layers.LayerNorm `weight:"norm2"`
	Lin1  *layers.Linear    `weight:"mlp.lin1"`
	Lin2  *layers.Linear    `weight:"mlp.lin2"`

	Window int // 0 means the whole map
}

func newSAMBlock(width, heads, window, grid int) *samBlock {
	return &samBlock{
		Norm1:  samNorm(width),
		Attn:   newSAMAttention(width, heads, or(window, grid)),
		Norm2:  samNorm(width),
		Lin1:   layers.NewLinear(width, 4*width),
		Lin2:   layers.NewLinear(4*width, width),
		Window: window,
	}
}

// Forward maps [B, H, W, width] to [B, H, W, width]. Windows that reach beyond the
// map are padded with zeros after the norm. The projection of the attention comes
// after the windows are joined: it treats each token by itself, and the joined map
// has fewer of them.
func (b *samBlock) Forward(x *graph.Value, name string) *graph.Value {
	y := b.Norm1.Forward(x)
	if b.Window > 0 {
		y = y.WindowPartition(graph.Both(b.Window), graph.Pair{})
	}
	y = b.Attn.attend(y)
	if b.Window > 0 {
		y = y.WindowReverse(x.Shape[1], x.Shape[2], graph.Pair{})
	}
	x = b.Attn.Proj.Forward(y).Stage(name + ".attn").Add(x)
	return b.Lin2.Forward(b.Lin1.Forward(b.Norm2.Forward(x)).GELU()).Add(x)
}

// samAttention is attention over a map, with a bias that depends on the vertical
// and the horizontal distance of two tokens.
type samAttention struct {
	*layers.Attention
	RelH *tensor.Tensor `weight:"rel_pos_h"` // [2·size−1, width/heads]
	RelW *tensor.Tensor `weight:"rel_pos_w"`
}

func newSAMAttention(width, heads, size int) *samAttention {
	return &samAttention{
		Attention: layers.NewAttention(width, heads),
		RelH:      tensor.Declare(2*size-1, width/heads),
		RelW:      tensor.Declare(2*size-1, width/heads),
	}
}

// attend maps [B, H, W, width] to [B, H, W, width], without the projection.
func (a *samAttention) attend(x *graph.Value) *graph.Value {
	b, h, w, width := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	qkv := a.QKV.Forward(x.Reshape(b, h*w, width))
	rel := func(table *tensor.Tensor, axis, n int) *graph.Value {
		t := graph.Apply(graph.RelPosTable{Q: n, K: n}, x.Graph().Const(table))
		return graph.Apply(graph.RelPos{Heads: a.Heads, QH: h, QW: w, Axis: axis}, qkv, t)
	}
	op := graph.Attention{Heads: a.Heads, Packed: graph.PackedQKV, KH: h, KW: w}
	return graph.Apply(op, qkv, rel(a.RelH, 0, h), rel(a.RelW, 1, w)).Reshape(b, h, w, width)
}
