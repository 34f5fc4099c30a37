package shaders

import (
	"fmt"
	"testing"
)

// TestSearch expects that each call's list has the default first, has no name
// twice, and sets only constants that its files have.
func TestSearch(t *testing.T) {
	calls, err := samples()
	if err != nil {
		t.Fatal(err)
	}
	software := Default
	software.Kind = CPU
	more, made := 0, map[string]bool{}
	for _, c := range calls {
		for _, lim := range []Limits{Default, software} {
			programs, all := Programs(c, lim), Search(c, lim)
			more += max(0, len(all)-len(programs))
			if len(all) > 0 && all[0].Name != programs[0].Name {
				t.Errorf("%s %v: the first is %s, not %s", c.Op.Name(), c.Args, all[0].Name, programs[0].Name)
			}
			names := map[string]bool{}
			for _, p := range all {
				if names[p.Name] {
					t.Errorf("%s %v: %s is listed twice", c.Op.Name(), c.Args, p.Name)
				}
				names[p.Name] = true
				for _, k := range p.Kernels {
					key := fmt.Sprint(k.File, k.Set)
					if made[key] {
						continue
					}
					made[key] = true
					if _, err := k.Name(); err != nil {
						t.Errorf("%s: %v", p.Name, err)
					}
				}
			}
		}
	}
	if more == 0 {
		t.Error("Search adds nothing to Programs")
	}
}
