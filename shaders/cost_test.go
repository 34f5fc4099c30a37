package shaders

import (
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// TestFirstTiling checks the best guess for products of models: that it fills large cards,
// wastes little on padding, and splits no sum for nothing.
func TestFirstTiling(t *testing.T) {
	large := Default
	large.WorkgroupMemory, large.WorkgroupSize = 32<<10, 1024
	tests := []struct {
		name       string
		z, m, n, k int
		groups     int     // at least
		waste      float64 // at most
		splits     int     // at most
	}{
		{"vit_b_16 qkv", 1, 197, 2304, 768, 144, 0.15, 4},
		{"vit_b_16 projection", 1, 197, 768, 768, 144, 0.15, 8},
		{"vit_b_16 mlp.0", 1, 197, 3072, 768, 144, 0.15, 4},
		{"vit_b_16 mlp.3", 1, 197, 768, 3072, 144, 0.15, 16},
		{"swin_t features.7 qkv", 1, 49, 2304, 768, 144, 0.15, 8},
		{"swin_t features.7 mlp.3", 1, 49, 768, 3072, 144, 0.15, 16},
		{"swin_t features.5 mlp.0", 1, 196, 1536, 384, 144, 0.15, 4},
		{"clip_vit_b32 mlp.c_fc", 1, 50, 3072, 768, 144, 0.15, 8},
		{"resnet50 layer4.0.conv3", 1, 49, 2048, 512, 144, 0.15, 8},
		{"resnet50 layer1.0.conv3", 1, 3136, 256, 64, 144, 0.15, 1},
		{"vit_b_16 mlp.0, batch 8", 1, 1576, 3072, 768, 600, 0.05, 1},
		{"resnet50 layer2 Winograd, batch 8", 36, 392, 128, 128, 300, 0.05, 1},
		{"few channels", 1, 12544, 32, 64, 144, 0.05, 1},
	}
	for _, test := range tests {
		g := gemm{z: test.z, m: test.m, n: test.n, k: test.k, transB: true}
		for _, lim := range []Limits{Default, large} {
			first := g.tilings(lim, true, 0)[0]
			grid := g.grid(first.tile, first.splits)
			if groups := grid[0] * grid[1] * grid[2]; groups < test.groups {
				t.Errorf("%s: %v has %d workgroups, want %d", test.name, first, groups, test.groups)
			}
			if waste := g.waste(first); waste > test.waste {
				t.Errorf("%s: %v wastes %.3f, want %.3f", test.name, first, waste, test.waste)
			}
			if first.splits > test.splits {
				t.Errorf("%s: %v splits into more than %d", test.name, first, test.splits)
			}
		}
	}
}

// TestLargeTiling checks that a product that fills every card takes the large tiles, which
// read least.
func TestLargeTiling(t *testing.T) {
	g := gemm{z: 1, m: 4096, n: 4096, k: 4096, transB: true}
	if first := g.tilings(Default, true, 0)[0]; first.regM*first.regN != 64 || first.splits > 1 {
		t.Errorf("4096x4096x4096 takes %v", first)
	}
}

// TestWaste checks the share of padding against a count by hand.
func TestWaste(t *testing.T) {
	g := gemm{z: 1, m: 49, n: 96, k: 40}
	// 64 rows for 49, 128 columns for 96, and two slices of 32 for 40.
	want := 1 - 49.0*96*40/(64*128*64)
	if got := g.waste(tiling{tile{64, 64, 16, 8, 8}, 2}); got != want {
		t.Errorf("waste %g, want %g", got, want)
	}
}

// TestWays checks which way to compute a 3x3 convolution comes first on a GPU. Winograd's
// weights are four times as large, and its transforms move all values twice.
func TestWays(t *testing.T) {
	tests := []struct {
		name           string
		batch, size, c int
		winograd       bool
	}{
		{"few channels, large map", 1, 224, 16, false},
		{"unet, 256 channels", 1, 64, 256, true},
		{"resnet50 layer2, batch 8", 8, 28, 128, true},
		{"one tile", 1, 2, 512, false},
	}
	for _, test := range tests {
		call := Call{
			Op:   graph.Conv2d{Pad: graph.Both(1)},
			Args: []tensor.Shape{{test.batch, test.size, test.size, test.c}, {test.c, test.c, 3, 3}},
		}
		first := Programs(call, Default)[0]
		if strings.Contains(first.Name, "winograd") != test.winograd {
			t.Errorf("%s takes %s", test.name, first.Name)
		}
	}
}
