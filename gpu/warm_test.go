package gpu

import (
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

// TestDispatchNone opens the device's adapter again and dispatches kernels with all
// kinds of bindings on zero workgroups.
func TestDispatchNone(t *testing.T) {
	d := open(t)
	w, err := Open(d.self)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if w.info != d.info {
		t.Fatalf("%v opened again is %v", d.info, w.info)
	}
	for _, kind := range []shaders.Kind{shaders.GPU, shaders.CPU} {
		lim := shaders.Default
		lim.Kind = kind
		for _, p := range shaders.Programs(shaders.Call{Op: graph.Linear{}, Args: []tensor.Shape{{2, 64, 64}, {64, 64}}}, lim) {
			if !sweep && barriers(p.Kernels[0]) { // compiled for seconds
				continue
			}
			for _, k := range p.Kernels {
				if err := w.dispatchNone(k); err != nil {
					t.Errorf("%s: %v", p.Name, err)
				}
			}
			if !sweep {
				break
			}
		}
	}
	if err := w.dispatchNone(shaders.Kernel{File: "no kernel"}); err == nil {
		t.Error("a kernel without a file was dispatched")
	}
}
