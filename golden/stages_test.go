package golden_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/golden"
)

// TestWithoutStages checks that stages are optional. Without them every file has the
// same number of cases, and SAM's cases, which have several graphs, still pass.
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

// TestSomeStages checks that a file may have only some of the stages, such as the
// attention of one block of SAM's encoder.
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
