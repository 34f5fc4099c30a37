package golden_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/vertebra/vertebra/golden"
	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

var update = flag.Bool("update", false, "write testdata/f16.txt anew")

// TestF16 runs models whose weights are f16; the tag sweep takes all. The results are
// those of Eval with the same weights rounded, but where the transformed weights of
// Winograd are rounded again. How far they are from f32 depends on the network alone: the
// file f16.txt has it for each output, relative to the largest value.
func TestF16(t *testing.T) {
	const table = "testdata/f16.txt"
	known, found := readDistances(t, table), map[string]float64{}
	files := "espcn_*.safetensors"
	if sweep {
		files = "*.safetensors"
	}
	var mu sync.Mutex
	t.Run("files", func(t *testing.T) {
		eachFile(t, files, func(t *testing.T, d *gpu.Device, c golden.Case) {
			if c.Graph == nil || c.Tolerance != golden.ModelTolerance {
				return
			}
			p, err := d.CompileWith(c.Graph, gpu.Choice{F16: true})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			got, err := p.Run(context.Background(), c.Inputs...)
			if err != nil {
				t.Fatal(err)
			}
			reference, winograd := withRounded(c.Graph, d.Info().Limits)
			rounded, err := reference.Eval(context.Background(), c.Inputs...)
			if err != nil {
				t.Fatal(err)
			}
			tolerance := golden.ModelTolerance
			if winograd {
				tolerance = 1.5e-3
			}
			for i, want := range c.Want {
				if diff, err := tensor.Diff(got[i], rounded[i]); err != nil || !(diff.Relative <= tolerance) {
					t.Errorf("%s, against rounded weights: %v, %v", want.Name, diff, err)
				}
				diff, err := c.Diff(i, got[i])
				if err != nil {
					t.Errorf("%s: %v", want.Name, err)
				}
				name := c.Name + "/" + want.Name
				mu.Lock()
				found[name] = diff.Relative
				mu.Unlock()
				if limit, ok := known[name]; ok && !*update && !(diff.Relative <= 1.1*limit+1e-5) {
					t.Errorf("%s is %.2g from f32, in %s %.2g", want.Name, diff.Relative, table, limit)
				}
			}
		})
	})
	if !*update {
		return
	}
	var b strings.Builder
	fmt.Fprintln(&b, "# Largest difference of outputs with f16 weights from f32, relative to the largest value.")
	for _, name := range slices.Sorted(maps.Keys(found)) {
		fmt.Fprintf(&b, "%s %.1e\n", name, found[name])
	}
	if err := os.WriteFile(table, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
}

func readDistances(t *testing.T, name string) map[string]float64 {
	text, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil && !*update {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, line := range strings.Split(string(text), "\n") {
		if key, number, ok := strings.Cut(line, " "); ok && key != "#" {
			if all[key], err = strconv.ParseFloat(number, 64); err != nil {
				t.Fatal(err)
			}
		}
	}
	return all
}

// withRounded returns g with those weights rounded to f16 that a plan stores so. winograd
// reports whether the plan rounds weights after Winograd's transform, too.
func withRounded(g *graph.Graph, lim shaders.Limits) (_ *graph.Graph, winograd bool) {
	type key struct {
		tensor *tensor.Tensor
		cut    graph.Cut
		scale  *graph.Scale
	}
	g = g.Fuse()
	p, err := plan.New(g, lim, 1<<40, plan.Choice{F16: true})
	if err != nil {
		panic(err)
	}
	halves := map[key]bool{}
	for _, s := range p.Steps {
		for _, b := range s.Bindings {
			if b.Half {
				winograd = winograd || strings.HasPrefix(s.Program, "conv2d_winograd")
				halves[key{b.Constant.Const, b.Constant.Cut, b.Constant.Scale}] = true
			}
		}
	}
	for _, v := range g.Nodes {
		if v.Const != nil && halves[key{v.Const, v.Cut, v.Scale}] {
			w := tensor.New(v.Shape...)
			for i, x := range v.Tensor(nil).Data {
				w.Data[i] = tensor.FromHalf(tensor.Half(x))
			}
			v.Const, v.Cut, v.Scale = w, graph.Cut{}, nil
		}
	}
	return g, winograd
}
