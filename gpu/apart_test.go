package gpu

import (
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
)

// TestReadsApart computes windows that begin before x with the kernel for compilers that
// join reads.
func TestReadsApart(t *testing.T) {
	d := open(t)
	d.info.Limits.Kind, d.info.Limits.ReadsApart = shaders.GPU, true
	r := row{graph.Conv2d{Pad: graph.Both(1)}, []tensor.Shape{{2, 9, 7, 3}, {5, 3, 3, 3}}, 1}
	p := shaders.Programs(shaders.Call{Op: r.op, Args: r.args}, d.info.Limits)[0]
	if k := p.Kernels[0]; k.File != "conv2d_tiled" || k.Set["APART"] != true {
		t.Fatalf("the kernel is %s with %v", k.File, k.Set)
	}
	k := r.check(t, d, nil)
	k.only[0] = map[string]bool{p.Name: true}
	k.run(t, d)
}
