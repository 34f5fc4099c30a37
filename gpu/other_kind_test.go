//go:build sweep || other

package gpu

import (
	"fmt"
	"maps"
	"reflect"
	"testing"

	"github.com/vertebra/vertebra/shaders"
)

// TestProgramsOfOtherKind compares with Eval the programs that only the other kind of
// device, GPU or CPU, chooses from. No plan on this device uses them, and a software
// driver takes seconds to compile one, so a tag has them run: other for a few texts of
// each kernel's file, sweep for all.
func TestProgramsOfOtherKind(t *testing.T) {
	d := open(t)
	limits := d.info.Limits
	d.info.Limits.Kind = shaders.GPU + shaders.CPU - limits.Kind
	b := budget{strict: true}
	for _, r := range rows() {
		call := shaders.Call{Op: r.op, Args: r.args}
		ours := map[string][]shaders.Kernel{}
		for _, p := range shaders.Programs(call, limits) {
			ours[p.Name] = p.Kernels
		}
		others := map[string]bool{}
		for _, p := range shaders.Programs(call, d.info.Limits) {
			if !reflect.DeepEqual(p.Kernels, ours[p.Name]) {
				others[p.Name] = true
			}
		}
		k := r.check(t, d, &b)
		some := false
		for _, only := range k.only {
			maps.DeleteFunc(only, func(name string, _ bool) bool { return !others[name] })
			some = some || len(only) > 0
		}
		if !some {
			continue
		}
		t.Run(fmt.Sprint(r.op.Name(), r.args), func(t *testing.T) {
			t.Parallel()
			k.run(t, d)
		})
	}
}
