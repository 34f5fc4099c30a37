package models

import (
	"context"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// small is a vision transformer for images of 32×32 pixels in 4×4 patches.
var small = ViTConfig{Image: graph.Both(32), Patch: 8, Dim: 12, Depth: 2, Heads: 3, Classes: 5}

// picture returns images with a pattern.
func picture(b, h, w int) *tensor.Tensor {
	x := tensor.New(b, h, w, 3)
	for i := range x.Data {
		x.Data[i] = float32(i*i%31)/31 - 0.5
	}
	return x
}

// evaluate returns the outputs of m for x by name.
func evaluate(t *testing.T, m Network, x *tensor.Tensor) map[string]*tensor.Tensor {
	t.Helper()
	g, err := Trace(m, x.Shape...)
	if err != nil {
		t.Fatal(err)
	}
	y, err := g.Eval(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*tensor.Tensor{}
	for i, o := range g.Outputs {
		all[o.Name] = y[i]
	}
	return all
}

// TestViTSizes checks that an image of any size has a token for each patch. It also
// checks that AlignCorners changes the position embedding only for sizes other than
// that of training.
func TestViTSizes(t *testing.T) {
	m := NewViT(small)
	weights.Random(m, 1)
	for _, size := range [][2]int{{32, 32}, {40, 24}, {8, 64}} {
		g, err := graph.Trace(func(g *graph.Graph) {
			g.Output("map", m.Map(g.Input("x", 2, size[0], size[1], 3)))
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := g.Outputs[0].Value.Shape, (tensor.Shape{2, size[0] / 8, size[1] / 8, 12}); !got.Equal(want) {
			t.Errorf("%v: map is %v, want %v", size, got, want)
		}
	}
	outs := map[bool][]*tensor.Tensor{}
	for _, align := range []bool{false, true} {
		m.AlignCorners = align
		outs[align] = append(outs[align], evaluate(t, m, picture(1, 32, 32))["out"], evaluate(t, m, picture(1, 40, 24))["out"])
	}
	if d, _ := tensor.Diff(outs[true][0], outs[false][0]); d.Max != 0 {
		t.Errorf("at the trained size: %v", d)
	}
	if d, _ := tensor.Diff(outs[true][1], outs[false][1]); d.Max == 0 {
		t.Error("at another size AlignCorners makes no difference")
	}
}

// TestMAESeeds checks that a seed always gives the same mask, and that the kept
// patches are those with the smallest noise.
func TestMAESeeds(t *testing.T) {
	m := NewMAE(MAEConfig{Encoder: small, DecoderDim: 8, DecoderDepth: 1, DecoderHeads: 2, MaskRatio: 0.7})
	weights.Random(m, 1)
	x := picture(2, 32, 32)
	masks := map[uint64]*tensor.Tensor{}
	for _, seed := range []uint64{1, 2, 1} {
		m.Seed = seed
		y := evaluate(t, m, x)
		if got, want := y["latent"].Shape, (tensor.Shape{2, 1 + 4, 12}); !got.Equal(want) {
			t.Fatalf("latent is %v, want %v: ⌊16·0.3⌋ patches and the class token", got, want)
		}
		if got := y["unpatchified"].Shape; !got.Equal(x.Shape) {
			t.Fatalf("reconstruction is %v, want %v", got, x.Shape)
		}
		noise := MAENoise(seed, 2, 16)
		for i, v := range noise.Data {
			smaller := 0
			for _, u := range noise.Data[i/16*16:][:16] {
				if u < v {
					smaller++
				}
			}
			if removed := smaller >= 4; (y["mask"].Data[i] == 1) != removed || int(y["ids_restore"].Data[i]) != smaller {
				t.Errorf("seed %d: patch %d of %d smaller ones: mask %v, place %v", seed, i, smaller, y["mask"].Data[i], y["ids_restore"].Data[i])
			}
		}
		if again := masks[seed]; again != nil {
			if d, _ := tensor.Diff(again, y["mask"]); d.Max != 0 {
				t.Errorf("seed %d again gives another mask", seed)
			}
		}
		masks[seed] = y["mask"]
	}
	if d, _ := tensor.Diff(masks[1], masks[2]); d.Max == 0 {
		t.Error("two seeds give the same mask")
	}
}

// TestPatchify checks that unpatchify inverts patchify.
func TestPatchify(t *testing.T) {
	x := picture(2, 24, 16)
	g, err := graph.Trace(func(g *graph.Graph) {
		p := patchify(g.Input("x", x.Shape...), 8)
		g.Output("x", unpatchify(p, graph.Pair{3, 2}, 8))
	})
	if err != nil {
		t.Fatal(err)
	}
	y, err := g.Eval(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	if d, err := tensor.Diff(y[0], x); err != nil || d.Max != 0 {
		t.Errorf("%v, %v", d, err)
	}
}
