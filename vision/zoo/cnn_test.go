package zoo

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

func newResNet(depth int) *models.ResNet {
	c, err := models.ResNetNamed(fmt.Sprint("resnet", depth))
	if err != nil {
		panic(err)
	}
	return models.NewResNet(c)
}

func lookup(name string) models.Network {
	e, err := Lookup(name)
	if err != nil {
		panic(err)
	}
	return e.New()
}

func resNetLayout(depth int) layout { return layout{model: func() any { return newResNet(depth) }} }

// TestParameters compares the number of parameters with the tables of papers and
// authors.
func TestParameters(t *testing.T) {
	for name, c := range map[string]struct {
		model models.Network
		want  int
	}{
		"alexnet":       {models.NewAlexNet(1000), 61_100_840},
		"googlenet":     {models.NewGoogLeNet(models.GoogLeNetConfig{}), 6_624_904},
		"resnet18":      {newResNet(18), 11_689_512},
		"resnet34":      {newResNet(34), 21_797_672},
		"resnet50":      {newResNet(50), 25_557_032},
		"resnet101":     {newResNet(101), 44_549_160},
		"resnet152":     {newResNet(152), 60_192_808},
		"resnext50":     {lookup("resnext50_32x4d"), 25_028_904},
		"resnext101":    {lookup("resnext101_32x8d_v2"), 88_791_336},
		"resnext101_64": {lookup("resnext101_64x4d"), 83_455_272},
		"wide50":        {lookup("wide_resnet50_2"), 68_883_240},
		"wide101":       {lookup("wide_resnet101_2_v2"), 126_886_696},
		"unet":          {models.NewUNet(models.UNetConfig{}), 31_037_698},
		"swin_t":        {lookup("swin_t"), 28_288_354},
		"swin_s":        {lookup("swin_s"), 49_606_258},
		"swin_b":        {lookup("swin_b"), 87_768_224},
		"swin_v2_t":     {lookup("swin_v2_t"), 28_351_570},
		"swin_v2_s":     {lookup("swin_v2_s"), 49_737_442},
		"swin_v2_b":     {lookup("swin_v2_b"), 87_930_848},
		"vit_b_16":      {lookup("vit_b_16"), 86_567_656},
		"vit_b_16_swag": {lookup("vit_b_16_swag"), 86_859_496},
		"vit_b_32":      {lookup("vit_b_32"), 88_224_232},
		"vit_h_14_swag": {lookup("vit_h_14_swag"), 633_470_440},
		"vit_l_16":      {lookup("vit_l_16"), 304_326_632},
		"vit_l_32":      {lookup("vit_l_32"), 306_535_400},
		"unetpp":        {models.NewUNetPP(models.UNetPPConfig{}), 9_163_329},

		"unet3p":             {models.NewUNet3P(models.UNet3PConfig{}), 26_971_777},
		"unet3p_deepsup":     {models.NewUNet3P(models.UNet3PConfig{DeepSupervision: true}), 26_989_637},
		"unet3p_deepsup_cgm": {models.NewUNet3P(models.UNet3PConfig{ClassGuided: true}), 26_991_687},
	} {
		got := 0
		weights.Walk(c.model, func(name string, w *tensor.Tensor) {
			if !strings.HasSuffix(name, ".running_mean") && !strings.HasSuffix(name, ".running_var") {
				got += w.Shape.Len()
			}
		})
		if got != c.want {
			t.Errorf("%s has %d parameters, want %d", name, got, c.want)
		}
	}
}

// TestRegistry traces every model at its usual size.
func TestRegistry(t *testing.T) {
	for i, e := range Models() {
		if i > 0 && Models()[i-1].Name >= e.Name {
			t.Errorf("%s stands after %s", e.Name, Models()[i-1].Name)
		}
		if _, err := models.Trace(e.New(), 1, e.Size, e.Size, e.Channels); err != nil {
			t.Errorf("%s: %v", e.Name, err)
		}
	}
}

// TestResNetStages checks the stages of residual networks for an image of
// 512×512 pixels against the paper's table 1.
func TestResNetStages(t *testing.T) {
	for _, depth := range []int{18, 34, 50, 101, 152} {
		m := newResNet(depth)
		g, err := models.Trace(m, 1, 512, 512, 3)
		if err != nil {
			t.Fatal(err)
		}
		blocks, shapes := map[string]int{}, map[string]string{}
		for _, s := range g.Stages {
			if stage, _, ok := strings.Cut(s.Name, "."); ok {
				blocks[stage]++
			}
			shapes[s.Name] = s.Value.Shape.String()
		}
		c, _ := models.ResNetNamed(fmt.Sprint("resnet", depth))
		for i := range 4 {
			stage, channels := fmt.Sprintf("layer%d", i+1), 64<<i
			if c.Bottleneck {
				channels *= 4
			}
			if want := fmt.Sprintf("[1, %d, %d, %d]", 128>>i, 128>>i, channels); shapes[stage] != want {
				t.Errorf("resnet%d: %s is %s, want %s", depth, stage, shapes[stage], want)
			}
			if blocks[stage] != c.Blocks[i] {
				t.Errorf("resnet%d: %s has %d blocks, want %d", depth, stage, blocks[stage], c.Blocks[i])
			}
		}
	}
}

// TestValidUNet checks the sizes of the paper's figure 1.
func TestValidUNet(t *testing.T) {
	g, err := models.Trace(models.NewUNet(models.UNetConfig{Channels: 1, Valid: true}), 1, 572, 572, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"inc":   "[1, 568, 568, 64]",
		"down4": "[1, 28, 28, 1024]",
		"up1":   "[1, 52, 52, 512]",
		"up4":   "[1, 388, 388, 64]",
		"outc":  "[1, 388, 388, 2]",
	}
	for _, s := range g.Stages {
		if w, ok := want[s.Name]; ok && s.Value.Shape.String() != w {
			t.Errorf("%s is %v, want %s", s.Name, s.Value.Shape, w)
		}
	}
}

// TestPruned checks that a pruned network gives the same result as the whole network at
// that depth.
func TestPruned(t *testing.T) {
	m := models.NewUNetPP(models.UNetPPConfig{Width: 2, DeepSupervision: true})
	weights.Random(m, 1)
	x := tensor.New(1, 16, 32, 3)
	for i := range x.Data {
		x.Data[i] = float32(i%7) / 7
	}
	eval := func(depth int) (*graph.Graph, []*tensor.Tensor) {
		m.Depth = depth
		g, err := models.Trace(m, x.Shape...)
		if err != nil {
			t.Fatal(err)
		}
		y, err := g.Eval(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		return g, y
	}
	_, all := eval(4)
	for depth := 1; depth <= 3; depth++ {
		g, got := eval(depth)
		if len(got) != depth || len(g.Stages) != (depth+1)*(depth+2)/2 {
			t.Errorf("depth %d: %d outputs, %d stages", depth, len(got), len(g.Stages))
		}
		for i, y := range got {
			if d, err := tensor.Diff(y, all[i]); err != nil || d.Max != 0 {
				t.Errorf("depth %d: output %s: %v, %v", depth, y.Name, d, err)
			}
		}
	}
}
