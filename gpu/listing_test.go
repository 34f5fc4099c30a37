package gpu

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/weights"
)

var update = flag.Bool("update", false, "write the listings in testdata anew")

// TestListings compares the plans of models, for a device of WebGPU's
// guaranteed limits and for a software device, with those in testdata: what a
// change of passes, kernels or memory does shows as a difference there.
func TestListings(t *testing.T) {
	software := shaders.Default
	software.Kind = shaders.CPU
	for _, name := range []string{"espcn_x2", "espcn_x3", "espcn_x4"} {
		for kind, lim := range map[string]shaders.Limits{"gpu": shaders.Default, "cpu": software} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				entry, err := models.Lookup(name)
				if err != nil {
					t.Fatal(err)
				}
				m := entry.New()
				weights.Random(m, 1)
				g, err := models.Trace(m, 1, entry.Size, entry.Size, entry.Channels)
				if err != nil {
					t.Fatal(err)
				}
				l, err := lower(g, lim, 256<<20, Choice{})
				if err != nil {
					t.Fatal(err)
				}
				path := filepath.Join("testdata", name+"."+kind+".plan")
				if *update {
					if err := os.WriteFile(path, []byte(l.String()), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if got := l.String(); got != strings.ReplaceAll(string(want), "\r\n", "\n") {
					t.Errorf("the plan has changed (go test ./gpu -run Listings -update writes it anew):\n%s", got)
				}
			})
		}
	}
}
