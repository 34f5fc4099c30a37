package gpu

import (
	"errors"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// TestChoose takes an adapter from lists of several machines. "gpu" never takes a software
// device.
func TestChoose(t *testing.T) {
	soft, old := Info{Name: "llvmpipe", Type: "software", Backend: "vulkan"}, Info{Name: "Intel UHD", Type: "integrated", Backend: "vulkan"}
	card, gl := Info{Name: "RTX 4070", Type: "discrete", Backend: "vulkan"}, Info{Name: "RTX 4070", Type: "discrete", Backend: "gl"}
	for _, c := range []struct {
		list    []Info
		adapter string
		want    int
		fault   string
	}{
		{[]Info{soft, old, card}, "", 2, ""},
		{[]Info{soft, old, card}, "gpu", 2, ""},
		{[]Info{soft, old}, "GPU", 1, ""},
		{[]Info{gl, card}, "gpu", 1, ""},
		{[]Info{soft}, "", 0, ""},
		{[]Info{soft}, "gpu", 0, "gpu: no driver for a GPU, only for software devices: 0: llvmpipe"},
		{[]Info{soft, old, card}, "1", 1, ""},
		{[]Info{soft, old, card}, "uhd", 1, ""},
		{[]Info{soft, old}, "rtx", 0, `gpu: no adapter "rtx"; the adapters are 0: llvmpipe`},
	} {
		got, err := choose(c.list, Options{Adapter: c.adapter})
		if c.fault == "" && (err != nil || got != c.want) || c.fault != "" && (err == nil || !strings.HasPrefix(err.Error(), c.fault)) {
			t.Errorf("%v, %q: %d, %v", c.list, c.adapter, got, err)
		}
	}
}

// TestMemoryError compiles a plan for which there is too little memory.
func TestMemoryError(t *testing.T) {
	d, err := Open(Options{Memory: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, side := range []int{1 << 10, 1 << 17} {
		g, err := graph.Trace(func(g *graph.Graph) { g.Output("y", g.Input("x", tensor.Shape{side, side}...).Tanh()) })
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Compile(g)
		var memory *MemoryError
		if bytes := int64(4 * side * side); !errors.As(err, &memory) || memory.Bytes < bytes || memory.Limit == 0 || !strings.Contains(err.Error(), "bytes") {
			t.Errorf("%d: %v", side, err)
		}
	}
}
