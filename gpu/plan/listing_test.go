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

// listed names the models whose plans are in testdata. All have a plan for a device
// with WebGPU's guaranteed limits; the marked ones have one for a software device,
// too.
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

// leastBuffers holds limits over 1.15 for the memory of some plans, relative to the
// lower bound. A ResNet's first value has 3.2 MB. Pooled it has 0.8 MB, which are
// kept while transforms of 1.8 MB are made from them. No dispatch may read and write
// the same buffer. The three values are therefore in different buffers, or the
// pooled one is beside a transform. Both take 5.8 MB, but only 4.4 MB are alive at
// once.
//
// A Swin Transformer has most bytes alive in an MLP. Its attention has fewer, but its
// values lie in different buffers than the MLP's, for the same reason.
var leastBuffers = map[string]float64{"resnet18": 1.32, "resnet34": 1.32, "swin_t": 1.17, "swin_v2_t": 1.17}

// TestListings compares the plans of models with those in testdata, which shows the
// effect of a change of passes, kernels or memory. On both kinds of device a plan
// takes at most 1.15 times the most bytes alive at once, or the share in
// leastBuffers.
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
					t.Errorf("the plan has changed (go test ./gpu/plan -run Listings -update writes the new one):\n%s", got)
				}
			})
		}
	}
}
