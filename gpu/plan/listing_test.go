package plan

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/shaders"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/zoo"
	"github.com/vertebra/vertebra/weights"
)

var update = flag.Bool("update", false, "write the listings in testdata anew")

// listed are the models, by name, whose plans are in testdata: for a device of
// WebGPU's guaranteed limits, and those marked for a software device as well.
var listed = []struct {
	name     string
	software bool
}{
	{"alexnet", false},
	{"cifar_resnet20", false},
	{"espcn_x2", true},
	{"espcn_x3", true},
	{"espcn_x4", true},
	{"googlenet", false},
	{"lenet5", false},
	{"lenet5_conv", false},
	{"lenet5_d2l", false},
	{"resnet101", false},
	{"resnet152", false},
	{"resnet18", true},
	{"resnet34", false},
	{"resnet50", false},
	{"unet", false},
	{"unet3p_cgm", false},
	{"unet_bilinear", false},
	{"unet_v2", false},
	{"unetpp", false},
	{"unetpp_deepsup", false},
	{"swin_t", false},
	{"swin_v2_t", false},
	{"vit_b_16", true},
	{"mae_vit_base_patch16", false},
	{"clip_rn50", false},
	{"clip_vit_b32", false},
	{"sam_vit_b", false},
}

// leastBuffers are the most, in shares of the lower bound, that plans may take
// where it is over 1.15. A ResNet's first values are 3.2 MB and, pooled, 0.8 MB
// that are then read and kept beside transforms of 1.8 MB: no dispatch reads and
// writes the same buffer, so the three are in different buffers or the pooled
// one beside a transform, and either way they take 5.8 MB, not the 4.4 MB that
// are alive at once.
var leastBuffers = map[string]float64{"resnet18": 1.32, "resnet34": 1.32}

// TestListings compares the plans of models with those in testdata: what a
// change of passes, kernels or memory does shows as a difference there. On both
// kinds of device a plan keeps within 1.15 of the most bytes alive at once, or
// the share in leastBuffers.
func TestListings(t *testing.T) {
	software := shaders.Default
	software.Kind = shaders.CPU
	for _, listing := range listed {
		name := listing.name
		entry, err := zoo.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		m := entry.New()
		weights.Walk(m, func(_ string, w *tensor.Tensor) { w.Data = make([]float32, w.Shape.Len()) })
		g, err := models.Trace(m, 1, entry.Size, entry.Size, entry.Channels)
		if err != nil {
			t.Fatal(err)
		}
		for kind, lim := range map[string]shaders.Limits{"gpu": shaders.Default, "cpu": software} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				l, err := New(g, lim, 256<<20, Choice{})
				if err != nil {
					t.Fatal(err)
				}
				total := int64(0)
				for _, bytes := range l.Sizes {
					total += bytes
				}
				if most := max(1.15, leastBuffers[name]); float64(total) > most*float64(l.Bound) {
					t.Errorf("values take %d bytes, the lower bound is %d", total, l.Bound)
				}
				if kind == "cpu" && !listing.software {
					return
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
					t.Errorf("the plan has changed (go test ./gpu/plan -run Listings -update writes it anew):\n%s", got)
				}
			})
		}
	}
}
