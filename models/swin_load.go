package models

import (
	"fmt"
	"math"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/weights"
)

// LoadSwin makes the Swin of either version for the weights in src, in any layout
// that Swin knows, and binds them. It reads the sizes from the weights. Pretrained
// comes from more, and so do Image and Window where the weights do not tell them.
func LoadSwin(src weights.Source, more SwinConfig) (*Swin, error) { return bound(SwinFor, src, more) }

// SwinFor is LoadSwin without binding. It reads only shapes.
func SwinFor(src weights.Source, more SwinConfig) (*Swin, error) {
	raw := shapesOf(weights.Rename(src, SwinName)) // includes tensors that Canonical drops
	src = weights.Canonical(&Swin{}, src)
	c, err := shapesOf(src).swin(raw, more)
	if err != nil {
		return nil, err
	}
	m := NewSwin(c)
	weights.Adopt(m, src)
	return m, nil
}

// swin reads the sizes of a Swin from the shapes of its weights. raw also has the
// tensors that follow from the config.
func (s shapes) swin(raw shapes, more SwinConfig) (SwinConfig, error) {
	const first = "layers.0.blocks.0.attn."
	c := more
	if err := s.require("a Swin", map[string]int{"patch_embed.proj.weight": 4, first + "qkv.weight": 2}); err != nil {
		return c, err
	}
	patch := s["patch_embed.proj.weight"]
	if patch[2] != patch[3] {
		return c, fmt.Errorf("models: patches of %d×%d pixels are not square", patch[2], patch[3])
	}
	c.Dim, c.Patch, c.Classes = patch[0], patch[2], -1
	if head := s["head.weight"]; len(head) == 2 && head[0] > 0 {
		c.Classes = head[0]
	}
	_, norm := s["patch_embed.norm.weight"]
	_, bias := s[first+"qkv.bias"]
	_, c.V2 = s[first+"logit_scale"]
	c.NoPatchNorm, c.NoQKVBias = !norm, !bias
	c.Depths, c.Heads = nil, nil
	for i := range s.count("layers.") {
		stage := fmt.Sprintf("layers.%d.blocks.", i)
		table, ranks := stage+"0.attn.relative_position_bias_table", 2
		if c.V2 {
			table, ranks = stage+"0.attn.logit_scale", 3
		}
		if err := s.require("a Swin", map[string]int{table: ranks}); err != nil {
			return c, err
		}
		heads := s[table][0]
		if !c.V2 {
			heads = s[table][1]
		}
		c.Depths, c.Heads = append(c.Depths, s.count(stage)), append(c.Heads, heads)
	}
	if hidden := s["layers.0.blocks.0.mlp.fc1.weight"]; len(hidden) == 2 {
		c.Ratio = float64(hidden[0]) / float64(c.Dim)
	}
	if positions := s["absolute_pos_embed"]; len(positions) == 3 {
		var err error
		if c.Image, err = imageOf(more.Image, c.Patch, positions[1]); err != nil {
			return c, err
		}
		c.AbsolutePositions = true
	}
	if c.Window == (graph.Pair{}) {
		if c.Window = raw.window(first); c.Window == (graph.Pair{}) {
			return c, fmt.Errorf("models: the weights do not tell the window of a Swin: its size (window_size) is needed")
		}
	}
	if c.Window[0] < 1 || c.Window[1] < 1 || max(c.Window[0], c.Window[1]) > 1<<10 {
		return c, fmt.Errorf("models: a Swin cannot have windows of %v", c.Window)
	}
	if c.Image == (graph.Pair{}) {
		c.Image = graph.Both(raw.swinImage(c))
	}
	return c, nil
}

// swinImage returns the side of the images in training if tensors that follow from the
// config tell it, else 0: a mask for each window of the first map, or smaller windows
// in the last stage, where one covers the map.
func (s shapes) swinImage(c SwinConfig) int {
	stages := len(c.Depths)
	if mask := s["layers.0.blocks.1.attn_mask"]; len(mask) == 3 && mask[0] > 0 && mask[0] < 1<<20 {
		if side := root(mask[0]); side > 0 {
			return side * c.Window[0] * c.Patch
		}
	}
	last := s.window(fmt.Sprintf("layers.%d.blocks.0.attn.", stages-1))
	if last[0] > 0 && last[0] == last[1] && last[0] < c.Window[0] && stages < 16 {
		return last[0] * c.Patch << (stages - 1)
	}
	return 0
}

// window returns the size of an attention's windows. The shape of its table of
// relative coordinates tells both sides. The shapes of its biases and its indices
// tell the side of a square. It returns zero if no shape tells the size.
func (s shapes) window(attn string) graph.Pair {
	if c := s[attn+"relative_coords_table"]; len(c) == 4 {
		return graph.Pair{(c[1] + 1) / 2, (c[2] + 1) / 2}
	}
	if table := s[attn+"relative_position_bias_table"]; len(table) == 2 {
		if side := root(table[0]); side%2 == 1 {
			return graph.Both((side + 1) / 2)
		}
	}
	if index := s[attn+"relative_position_index"]; len(index) > 0 { // [T, T] or [T·T]
		return graph.Both(root(root(index.Len())))
	}
	return graph.Pair{}
}

// root returns the square root of n, or 0 if it is no integer.
func root(n int) int {
	if r := int(math.Round(math.Sqrt(float64(n)))); r*r == n {
		return r
	}
	return 0
}
