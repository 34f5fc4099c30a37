package models

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// TestSwinSizes checks the pyramid for images of several sizes in both forms.
func TestSwinSizes(t *testing.T) {
	c := SwinConfig{Dim: 4, Depths: []int{2, 2, 1, 1}, Heads: []int{1, 1, 2, 2}, Window: graph.Both(7), Classes: 3}
	micro := c
	micro.Image, micro.AbsolutePositions = graph.Both(112), true
	for _, f := range []struct {
		config SwinConfig
		h, w   int
		want   string
	}{
		{c, 224, 224, "[56 56] [28 28] [14 14] [7 7]"},
		{c, 50, 61, "[12 15] [6 8] [3 4] [2 2]"},
		{c, 5, 7, "[1 1] [1 1] [1 1] [1 1]"},
		{micro, 112, 112, "[28 28] [14 14] [7 7] [4 4]"},
		{micro, 50, 61, "[13 16] [7 8] [4 4] [2 2]"},
	} {
		m := NewSwin(f.config)
		g, err := graph.Trace(func(g *graph.Graph) {
			x := g.Input("x", 2, f.h, f.w, 3)
			for i, y := range m.Pyramid(x) {
				g.Output(fmt.Sprint(i), y)
			}
			g.Output("logits", m.Forward(x))
		})
		if err != nil {
			t.Fatal(err)
		}
		var sizes []string
		for i, o := range g.Outputs[:4] {
			s := o.Value.Shape
			sizes = append(sizes, fmt.Sprint(s[1:3:3]))
			if s[0] != 2 || s[3] != 4<<i {
				t.Errorf("%d×%d: stage %d is %v", f.h, f.w, i, s)
			}
		}
		if got := strings.ReplaceAll(strings.Join(sizes, " "), ",", ""); got != f.want {
			t.Errorf("%d×%d: pyramid is %s, want %s", f.h, f.w, got, f.want)
		}
		if s := g.Outputs[4].Value.Shape; !s.Equal(tensor.Shape{2, 3}) {
			t.Errorf("%d×%d: logits are %v", f.h, f.w, s)
		}
	}
}

// TestSwinWindows checks the windows and shifts of the stages in Microsoft's form,
// and the windows with which the bias of V2 was trained.
func TestSwinWindows(t *testing.T) {
	for name, want := range map[string]string{
		"swin_tiny_patch4_window7_224":                         "7/3/0 7/3/0 7/3/0 7/0/0",
		"swin_large_patch4_window12_384_22k":                   "12/6/0 12/6/0 12/6/0 12/0/0",
		"swinv2_tiny_patch4_window16_256":                      "16/8/0 16/8/0 16/0/0 8/0/0",
		"swinv2_base_patch4_window12to24_192to384_22kto1k_ft":  "24/12/12 24/12/12 24/0/12 12/0/6",
		"swinv2_large_patch4_window12to16_192to256_22kto1k_ft": "16/8/12 16/8/12 16/0/12 8/0/6",
	} {
		c, err := SwinVariant(name)
		if err != nil {
			t.Fatal(err)
		}
		var stages []string
		for _, s := range NewSwin(c).Layers {
			a := s.Blocks[1].Attn
			stages = append(stages, fmt.Sprintf("%d/%d/%d", a.Op.Window[0], a.Op.Shift[1], a.Pretrained[0]))
			if s.Blocks[0].Attn.Op.Shift != (graph.Pair{}) {
				t.Errorf("%s: the first block is shifted", name)
			}
		}
		if got := strings.Join(stages, " "); got != want {
			t.Errorf("%s: window/shift/trained window are %s, want %s", name, got, want)
		}
	}
	for _, name := range []string{"swin_tiny", "swin_giant_patch4_window7_224"} {
		if _, err := SwinVariant(name); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestSwinShiftRules checks the rule of each form if one window covers a map in one
// direction. Microsoft's then shifts in no direction, torchvision's in the other.
func TestSwinShiftRules(t *testing.T) {
	c := SwinConfig{Dim: 4, Depths: []int{2, 2, 2, 2}, Heads: []int{1, 1, 1, 1}, Window: graph.Both(4)}
	micro := c
	micro.Image = graph.Pair{64, 128}
	for _, f := range []struct {
		config SwinConfig
		want   string // window and shift of the second block in each stage
	}{
		{c, "4 2×2, 4 2×2, 4 0×2, 4 0×0"},
		{micro, "4 2×2, 4 2×2, 4 0×0, 2 0×0"},
	} {
		m := NewSwin(f.config)
		g, err := graph.Trace(func(g *graph.Graph) { g.Output("y", m.Forward(g.Input("x", 1, 64, 128, 3))) })
		if err != nil {
			t.Fatal(err)
		}
		var stages []string
		blocks := 0
		for _, v := range g.Nodes {
			op, ok := v.Op.(graph.WindowAttention)
			if !ok {
				continue
			}
			if blocks++; blocks%2 == 0 {
				w, err := op.Windows(v.Args[0].Shape)
				if err != nil {
					t.Fatal(err)
				}
				stages = append(stages, fmt.Sprintf("%d %d×%d", w.Window[0], w.Shift[0], w.Shift[1]))
			}
		}
		if got := strings.Join(stages, ", "); got != f.want {
			t.Errorf("image %v: window and shift are %s, want %s", f.config.Image, got, f.want)
		}
	}
}

// TestSwinNames checks names in the layouts of torchvision and transformers.
func TestSwinNames(t *testing.T) {
	for from, to := range map[string]string{
		"features.0":                                       "patch_embed",
		"features.0.0.weight":                              "patch_embed.proj.weight",
		"features.0.2.bias":                                "patch_embed.norm.bias",
		"features.1":                                       "layers.0.blocks",
		"features.2":                                       "layers.0.downsample",
		"features.2.reduction.weight":                      "layers.0.downsample.reduction.weight",
		"features.5.17.mlp.3.bias":                         "layers.2.blocks.17.mlp.fc2.bias",
		"features.7.1.attn.cpb_mlp.0.weight":               "layers.3.blocks.1.attn.cpb_mlp.0.weight",
		"layers.1.blocks.0.mlp.fc1.weight":                 "layers.1.blocks.0.mlp.fc1.weight",
		"swin.encoder.layers.1.blocks.0.output.dense.bias": "layers.1.blocks.0.mlp.fc2.bias",
		"swin.encoder.layers.1.blocks.0.attention.output.dense.bias": "layers.1.blocks.0.attn.proj.bias",
	} {
		if got := SwinName(from); got != to {
			t.Errorf("%s is %s, want %s", from, got, to)
		}
	}
}

// TestSwinKeyBias checks that keys of V2 have no bias, whether the checkpoint has
// one, like torchvision's, or not, like Microsoft's.
func TestSwinKeyBias(t *testing.T) {
	c := SwinConfig{Dim: 4, Depths: []int{1}, Heads: []int{2}, Window: graph.Both(2), V2: true, Classes: 3}
	m := NewSwin(c)
	weights.Random(m, 1)
	theirs := weights.Map{}
	weights.Walk(m, func(name string, w *tensor.Tensor) { theirs[name] = w })
	const bias = "layers.0.blocks.0.attn.qkv.bias"
	b := theirs[bias]
	delete(theirs, bias)
	theirs["layers.0.blocks.0.attn.q_bias"] = tensor.Of(b.Data[:4], 4)
	theirs["layers.0.blocks.0.attn.v_bias"] = tensor.Of(b.Data[8:], 4)
	theirs["layers.0.blocks.0.attn.relative_position_index"] = tensor.New(4, 4)
	n := NewSwin(c)
	if err := weights.Bind(n, theirs); err != nil {
		t.Fatal(err)
	}
	x := picture(1, 16, 12)
	if d, err := tensor.Diff(evaluate(t, n, x)["out"], evaluate(t, m, x)["out"]); err != nil || d.Max != 0 {
		t.Errorf("%v, %v", d, err)
	}
}
