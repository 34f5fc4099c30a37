package vision

import (
	"testing"

	"github.com/vertebra/vertebra/gpu"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

// TestDeviceChoice compiles with programs of the caller's own.
func TestDeviceChoice(t *testing.T) {
	var asked []string
	d, err := OpenDevice(DeviceOptions{Choice: gpu.Choice{Own: func(c shaders.Call, _ shaders.Limits) []shaders.Program {
		asked = append(asked, c.Op.Name())
		return nil
	}}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	g, err := graph.Trace(func(g *graph.Graph) {
		g.Output("y", g.Input("x", 2).ReLU().Add(g.Const(tensor.Of([]float32{1, 2}, 2))))
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := d.Compile(g)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if len(asked) == 0 {
		t.Error("the caller was not asked for programs")
	}
}
