package golden_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/golden"
)

// TestWithoutStages checks that inputs and outputs suffice: without its stages
// every file has the same cases, and those of several graphs, which are SAM's,
// still give what they must.
func TestWithoutStages(t *testing.T) {
	for _, f := range references(t, "*.safetensors") {
		all, err := golden.Load(f)
		if err != nil {
			t.Error(err)
			continue
		}
		a := alter(t, f)
		a.drop("stage/")
		rest, err := golden.Load(a.write(t), filepath.Join(filepath.Dir(f), "..", "data"), filepath.Dir(f))
		if err != nil || len(rest) != len(all) {
			t.Errorf("%s: %d cases without stages, %d with them: %v", f, len(rest), len(all), err)
			continue
		}
		for i, c := range rest {
			if len(c.Stages) > 0 || len(c.Want) == 0 || len(c.Want) > len(all[i].Want) {
				t.Errorf("%s: %d stages, %d outputs", c.Name, len(c.Stages), len(c.Want))
			}
			if c.Run != nil {
				check(t, c)
			}
		}
	}
}

// TestSomeStages checks that a file may have any of the stages, of SAM's encoder
// say the attention of one block.
func TestSomeStages(t *testing.T) {
	for _, f := range references(t, "sam_*.safetensors") {
		a, drop := alter(t, f), false
		var half []string
		for _, n := range a.names {
			if strings.HasPrefix(n, "stage/") {
				if drop = !drop; drop {
					half = append(half, n)
				}
			}
		}
		a.drop(half...)
		cases, err := golden.Load(a.write(t), filepath.Dir(f))
		if err != nil {
			t.Error(err)
		}
		for _, c := range cases {
			check(t, c)
		}
	}
}
