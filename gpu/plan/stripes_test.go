package plan

import (
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

// TestLargeImage checks the plans of networks on an image whose values are over the
// storage-binding limit. Buffers have the 256 MiB that WebGPU guarantees. U-Net's
// concatenated value would take 314 MB, but the plan does not store it.
func TestLargeImage(t *testing.T) {
	software := shaders.Default
	software.Kind = shaders.CPU
	for _, name := range []string{"unet", "unet_bilinear"} {
		entry, err := zoo.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		m := entry.New()
		weights.Walk(m, func(_ string, w *tensor.Tensor) { w.Data = make([]float32, w.Shape.Len()) })
		for _, width := range []int{960, 959} {
			g, err := models.Trace(m, 1, 640, width, entry.Channels)
			if err != nil {
				t.Fatal(err)
			}
			for _, lim := range []shaders.Limits{shaders.Default, software} {
				l, err := New(g, lim, 256<<20, Choice{})
				if err != nil {
					t.Errorf("%s, width %d: %v", name, width, err)
					continue
				}
				for _, s := range l.Steps {
					for _, o := range s.operands {
						n := o.size
						if n == 0 && o.value >= 0 {
							n = l.lives[o.value].bytes
						}
						if n > lim.StorageBinding {
							t.Fatalf("%s, width %d: %s binds %d bytes", name, width, s.Program, n)
						}
					}
				}
			}
		}
	}
	g, err := graph.Trace(func(g *graph.Graph) {
		g.Output("y", g.Input("x", 1, 9, 1<<23, 1).MaxPool2d(graph.Window{Size: graph.Both(3)}))
	})
	if err != nil {
		t.Fatal(err)
	}
	lim := shaders.Default
	lim.StorageBinding = 64 << 20 // less than the rows under one window
	if _, err := New(g, lim, 1<<40, Choice{}); err == nil || !strings.Contains(err.Error(), "cannot be split") {
		t.Errorf("a row over the limit: %v", err)
	}
}
