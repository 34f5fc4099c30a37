package vision

import (
	"context"
	"math"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// TestAttentionBlock sums the values by the weights of every token. The sums must be
// the op's own result: plain, shifted, padded and cosine.
func TestAttentionBlock(t *testing.T) {
	swin := func(v2 bool) models.Network {
		return models.NewSwin(models.SwinConfig{Dim: 16, Depths: []int{2, 2}, Heads: []int{2, 4}, Window: graph.Pair{3, 4}, V2: v2})
	}
	for _, m := range []models.Network{models.NewViT(models.ViTConfig{Dim: 24, Depth: 2, Heads: 3, Patch: 8, Image: graph.Both(32)}), swin(false), swin(true)} {
		weights.Random(m, 3)
		for block := range 2 {
			g, err := models.TraceForward(m, 1, 32, 40, 3)
			if err != nil {
				t.Fatal(err)
			}
			a, err := layOpen(g, block)
			if err != nil {
				t.Fatal(err)
			}
			x := tensor.New(1, 32, 40, 3)
			for i := range x.Data {
				x.Data[i] = float32(math.Sin(float64(i * i % 977)))
			}
			out, err := g.Eval(context.Background(), x)
			if err != nil {
				t.Fatal(err)
			}
			a.set(out[0])
			want, got := a.op.Op.Eval(a.args), tensor.New(a.op.Shape...)
			c := out[0].Shape[len(out[0].Shape)-1] / 3
			d := c / a.heads()
			value := func(token, channel int) float64 { return float64(out[0].Data[token*3*c+2*c+channel]) }
			for i := range len(got.Data) {
				token, channel := i/c, i%c
				sum := 0.0
				if _, ok := a.op.Op.(graph.Attention); ok {
					for k, p := range a.tokens(channel/d, token) {
						sum += p * value(k, channel)
					}
				} else {
					w := a.op.Shape[2]
					tokens, err := a.window(channel/d, token/w, token%w)
					if err != nil {
						t.Fatal(err)
					}
					for _, k := range tokens {
						if k.row < a.op.Shape[1] && k.column < w {
							sum += k.weight * value(k.row*w+k.column, channel)
						} else {
							sum += k.weight * float64(a.args[2].Data[2*c+channel])
						}
					}
				}
				got.Data[i] = float32(sum)
			}
			if diff, err := tensor.Diff(got, want); err != nil || diff.Relative > 1e-5 {
				t.Errorf("%T, %s: %v, %v", m, a.op.Op.Name(), diff, err)
			}
		}
		g, _ := models.TraceForward(m, 1, 32, 40, 3)
		if _, err := layOpen(g, 9); err == nil {
			t.Errorf("%T has a block 9", m)
		}
	}
}
