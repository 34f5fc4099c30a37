//go:build sweep

package gpu

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/vertebra/vertebra/shaders"
)

// TestProgramsOfOtherKind compares with Eval the programs that only the other kind of
// device, GPU or CPU, chooses from. They take a software driver an hour to compile, and no plan
// on this device uses them; "make sweep" runs the test.
func TestProgramsOfOtherKind(t *testing.T) {
	d := open(t)
	limits := d.info.Limits
	d.info.Limits.Kind = shaders.GPU + shaders.CPU - limits.Kind
	for _, r := range rows() {
		t.Run(fmt.Sprint(r.op.Name(), r.args), func(t *testing.T) {
			t.Parallel()
			call := shaders.Call{Op: r.op, Args: r.args}
			ours := map[string][]shaders.Kernel{}
			for _, p := range shaders.Programs(call, limits) {
				ours[p.Name] = p.Kernels
			}
			only := map[string]bool{}
			for _, p := range shaders.Programs(call, d.info.Limits) {
				if !reflect.DeepEqual(p.Kernels, ours[p.Name]) {
					only[p.Name] = true
				}
			}
			if len(only) > 0 {
				k := r.check(t, d, nil)
				for i := range k.only {
					k.only[i] = only
				}
				k.run(t, d)
			}
		})
	}
}
