package zoo

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// layouts holds models at full size by the manifest of a checkpoint that they bind. The
// checkpoint is the official one, with the model's own names, or one from another
// source, whose names Canonical maps to them.
var layouts = map[string]layout{
	"alexnet":                           {model: func() any { return models.NewAlexNet(1000) }},
	"cifar_resnet20_akamaster":          {model: func() any { return models.NewCIFARResNet(models.CIFARResNetConfig{Blocks: [3]int{3, 3, 3}}) }},
	"cifar_resnet56_akamaster":          {model: func() any { return models.NewCIFARResNet(models.CIFARResNetConfig{Blocks: [3]int{9, 9, 9}}) }},
	"googlenet":                         {model: func() any { return models.NewGoogLeNet(models.GoogLeNetConfig{Aux: true}) }},
	"googlenet_noaux":                   {model: func() any { return models.NewGoogLeNet(models.GoogLeNetConfig{}) }},
	"lenet5_d2l":                        {model: func() any { return models.NewLeNet5D2L() }},
	"lenet5_tutorial_grey":              {model: func() any { return models.NewLeNet5(1) }},
	"lenet5_tutorial_rgb":               {model: func() any { return models.NewLeNet5(3) }},
	"resnet101":                         resNetLayout(101),
	"resnet152":                         resNetLayout(152),
	"resnet18":                          resNetLayout(18),
	"resnet34":                          resNetLayout(34),
	"resnet50":                          resNetLayout(50),
	"unet3p":                            {model: func() any { return models.NewUNet3P(models.UNet3PConfig{}) }},
	"unet3p_deepsup":                    {model: func() any { return models.NewUNet3P(models.UNet3PConfig{DeepSupervision: true}) }},
	"unet3p_deepsup_cgm":                {model: func() any { return models.NewUNet3P(models.UNet3PConfig{ClassGuided: true}) }},
	"unet_milesial_bilinear_3ch_2cls":   {model: func() any { return models.NewUNet(models.UNetConfig{Bilinear: true}) }},
	"unet_milesial_transposed_3ch_2cls": {model: func() any { return models.NewUNet(models.UNetConfig{}) }},
	"unet_v2_pvt_b2":                    {model: func() any { return models.NewUNetV2(models.UNetV2Config{}) }},
	"unetpp_4uiiurz1":                   {model: func() any { return models.NewUNetPP(models.UNetPPConfig{}) }},
	"unetpp_4uiiurz1_deepsup":           {model: func() any { return models.NewUNetPP(models.UNetPPConfig{DeepSupervision: true}) }},

	"clip_rn101":            clipLayout("RN101"),
	"clip_rn50":             clipLayout("RN50"),
	"clip_rn50x16":          clipLayout("RN50x16"),
	"clip_rn50x4":           clipLayout("RN50x4"),
	"clip_rn50x64":          clipLayout("RN50x64"),
	"clip_vit_b16":          clipLayout("ViT-B/16"),
	"clip_vit_b32":          clipLayout("ViT-B/32"),
	"clip_vit_l14":          clipLayout("ViT-L/14"),
	"clip_vit_l14_336px":    clipLayout("ViT-L/14@336px"),
	"hf_clip_vit_b16":       clipLayout("ViT-B/16"),
	"hf_clip_vit_b32":       clipLayout("ViT-B/32"),
	"hf_clip_vit_l14":       clipLayout("ViT-L/14"),
	"hf_clip_vit_l14_336px": clipLayout("ViT-L/14@336px"),
	"hf_sam_vit_b":          samLayout("vit_b"),
	"hf_sam_vit_h":          samLayout("vit_h"),
	"hf_sam_vit_l":          samLayout("vit_l"),
	"sam_vit_b":             samLayout("vit_b"),
	"sam_vit_h":             samLayout("vit_h"),
	"sam_vit_l":             samLayout("vit_l"),

	"hf_deit_base_patch16_224": vitLayout("b_16", 224),
	"hf_mae_vit_base_patch16":  maeLayout("base", false),
	"hf_mae_vit_huge_patch14":  maeLayout("huge", false),
	"hf_mae_vit_large_patch16": maeLayout("large", false),
	"hf_vit_base_patch16_224":  vitLayout("b_16", 224),
	"hf_vit_base_patch32_224":  vitLayout("b_32", 224),
	"hf_vit_large_patch16_224": vitLayout("l_16", 224),
	"hf_vitmodel_base_patch16_224_in21k": {model: func() any {
		return models.NewViT(models.ViTConfig{Dim: 768, Depth: 12, Heads: 12, PreLogits: 768, Classes: -1})
	}},
	"mae_finetune_vit_base_patch16_global_pool": {model: func() any { return maeFinetunedModel("base", "").New() }},
	"mae_vit_base_patch16":                      maeLayout("base", false),
	"mae_vit_base_patch16_encoder_only":         maeLayout("base", true),
	"mae_vit_huge_patch14":                      maeLayout("huge", false),
	"mae_vit_huge_patch14_encoder_only":         maeLayout("huge", true),
	"mae_vit_large_patch16":                     maeLayout("large", false),
	"mae_vit_large_patch16_encoder_only":        maeLayout("large", true),
	"timm_vit_base_patch16_224":                 vitLayout("b_16", 224),
	"timm_vit_base_patch16_384":                 vitLayout("b_16", 384),
	"timm_vit_base_patch32_224":                 vitLayout("b_32", 224),
	"timm_vit_large_patch16_224":                vitLayout("l_16", 224),
	"torchvision_vit_b_16":                      vitLayout("b_16", 224),
	"torchvision_vit_b_32":                      vitLayout("b_32", 224),
	"torchvision_vit_l_16":                      vitLayout("l_16", 224),
	"torchvision_vit_l_32":                      vitLayout("l_32", 224),

	"hf_resnet50":                                                    resNetLayout(50),
	"hf_swinv2_tiny_patch4_window8_256":                              swinLayout("swinv2_tiny_patch4_window8_256"),
	"timm_swin_tiny_patch4_window7_224":                              swinLayout("swin_tiny_patch4_window7_224"),
	"hf_swin_base_patch4_window7_224":                                swinLayout("swin_base_patch4_window7_224"),
	"hf_swin_small_patch4_window7_224":                               swinLayout("swin_small_patch4_window7_224"),
	"hf_swin_tiny_patch4_window7_224":                                swinLayout("swin_tiny_patch4_window7_224"),
	"microsoft_swin_base_patch4_window12_384_22kto1k_finetune":       swinLayout("swin_base_patch4_window12_384_22kto1k_finetune"),
	"microsoft_swin_base_patch4_window12_384_finetune":               swinLayout("swin_base_patch4_window12_384_finetune"),
	"microsoft_swin_base_patch4_window7_224":                         swinLayout("swin_base_patch4_window7_224"),
	"microsoft_swin_base_patch4_window7_224_22k":                     swinLayout("swin_base_patch4_window7_224_22k"),
	"microsoft_swin_base_patch4_window7_224_22kto1k_finetune":        swinLayout("swin_base_patch4_window7_224_22kto1k_finetune"),
	"microsoft_swin_large_patch4_window12_384_22kto1k_finetune":      swinLayout("swin_large_patch4_window12_384_22kto1k_finetune"),
	"microsoft_swin_large_patch4_window7_224_22k":                    swinLayout("swin_large_patch4_window7_224_22k"),
	"microsoft_swin_large_patch4_window7_224_22kto1k_finetune":       swinLayout("swin_large_patch4_window7_224_22kto1k_finetune"),
	"microsoft_swin_small_patch4_window7_224":                        swinLayout("swin_small_patch4_window7_224"),
	"microsoft_swin_small_patch4_window7_224_22k":                    swinLayout("swin_small_patch4_window7_224_22k"),
	"microsoft_swin_small_patch4_window7_224_22kto1k_finetune":       swinLayout("swin_small_patch4_window7_224_22kto1k_finetune"),
	"microsoft_swin_tiny_patch4_window7_224":                         swinLayout("swin_tiny_patch4_window7_224"),
	"microsoft_swin_tiny_patch4_window7_224_22k":                     swinLayout("swin_tiny_patch4_window7_224_22k"),
	"microsoft_swin_tiny_patch4_window7_224_22kto1k_finetune":        swinLayout("swin_tiny_patch4_window7_224_22kto1k_finetune"),
	"microsoft_swinv2_base_patch4_window12_192_22k":                  swinLayout("swinv2_base_patch4_window12_192_22k"),
	"microsoft_swinv2_base_patch4_window12to16_192to256_22kto1k_ft":  swinLayout("swinv2_base_patch4_window12to16_192to256_22kto1k_ft"),
	"microsoft_swinv2_base_patch4_window12to24_192to384_22kto1k_ft":  swinLayout("swinv2_base_patch4_window12to24_192to384_22kto1k_ft"),
	"microsoft_swinv2_base_patch4_window16_256":                      swinLayout("swinv2_base_patch4_window16_256"),
	"microsoft_swinv2_base_patch4_window8_256":                       swinLayout("swinv2_base_patch4_window8_256"),
	"microsoft_swinv2_large_patch4_window12_192_22k":                 swinLayout("swinv2_large_patch4_window12_192_22k"),
	"microsoft_swinv2_large_patch4_window12to16_192to256_22kto1k_ft": swinLayout("swinv2_large_patch4_window12to16_192to256_22kto1k_ft"),
	"microsoft_swinv2_large_patch4_window12to24_192to384_22kto1k_ft": swinLayout("swinv2_large_patch4_window12to24_192to384_22kto1k_ft"),
	"microsoft_swinv2_small_patch4_window16_256":                     swinLayout("swinv2_small_patch4_window16_256"),
	"microsoft_swinv2_small_patch4_window8_256":                      swinLayout("swinv2_small_patch4_window8_256"),
	"microsoft_swinv2_tiny_patch4_window16_256":                      swinLayout("swinv2_tiny_patch4_window16_256"),
	"microsoft_swinv2_tiny_patch4_window8_256":                       swinLayout("swinv2_tiny_patch4_window8_256"),
	"torchvision_swin_b":                                             layoutNamed("swin_b"),
	"torchvision_swin_s":                                             layoutNamed("swin_s"),
	"torchvision_swin_t":                                             layoutNamed("swin_t"),
	"torchvision_swin_v2_b":                                          layoutNamed("swin_v2_b"),
	"torchvision_swin_v2_s":                                          layoutNamed("swin_v2_s"),
	"torchvision_swin_v2_t":                                          layoutNamed("swin_v2_t"),

	"espcn_x2": {model: func() any { return models.NewESPCN(models.ESPCNConfig{Scale: 2}) }},
	"espcn_x3": {model: func() any { return models.NewESPCN(models.ESPCNConfig{Scale: 3}) }},
	"espcn_x4": {model: func() any { return models.NewESPCN(models.ESPCNConfig{Scale: 4}) }},
}

type layout struct {
	model  func() any
	ignore []string // see weights.Bind
}

// layoutNamed returns the layout of a model in the registry.
func layoutNamed(name string) layout {
	return layout{model: func() any { return lookup(name) }}
}

func swinLayout(name string) layout {
	return layout{model: func() any { return swinModel("", name).New() }}
}

func vitLayout(variant string, size int) layout {
	return layout{model: func() any { return vitModel(variant, "", size, Preprocess{}, "").New() }}
}

func maeLayout(size string, encoderOnly bool) layout {
	return layout{model: func() any {
		return models.NewMAE(models.MAEConfig{Encoder: maeConfig(size), EncoderOnly: encoderOnly})
	}}
}

// TestLayouts checks that a layout and its model have the same names and shapes.
func TestLayouts(t *testing.T) {
	manifests := readManifests(t)
	for name, l := range layouts {
		m, ok := manifests[name]
		if !ok {
			t.Errorf("%s: no such manifest", name)
			continue
		}
		if err := weights.Compare(l.model(), m, l.ignore...).Err(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		once := weights.Canonical(l.model(), m)
		if again := weights.Canonical(l.model(), once); !slices.Equal(again.Names(), once.Names()) {
			t.Errorf("%s: the model's own names do not stay as they are", name)
		}
	}
}

// manifest describes the tensors of a checkpoint without their numbers.
type manifest struct {
	names   []string
	entries map[string]weights.Entry
}

func (m *manifest) Names() []string { return m.names }

func (m *manifest) Entry(name string) (weights.Entry, bool) {
	e, ok := m.entries[name]
	return e, ok
}

func (m *manifest) Tensor(name string) (*tensor.Tensor, error) {
	return nil, fmt.Errorf("a manifest has no numbers for %s", name)
}

// readManifests reads testdata/manifests.zip: a file NAME.tsv for each
// checkpoint, a line "name, type, shape" for each tensor.
func readManifests(t testing.TB) map[string]*manifest {
	t.Helper()
	z, err := zip.OpenReader("testdata/manifests.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	all := map[string]*manifest{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		m, err := readManifest(r)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		all[strings.TrimSuffix(f.Name, ".tsv")] = m
		r.Close()
	}
	return all
}

func readManifest(r io.Reader) (*manifest, error) {
	m := &manifest{entries: map[string]weights.Entry{}}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) != 3 {
			return nil, fmt.Errorf("line %q", lines.Text())
		}
		shape := tensor.Shape{}
		if fields[2] != "scalar" {
			for _, d := range strings.Split(fields[2], "x") {
				n, err := strconv.Atoi(d)
				if err != nil {
					return nil, fmt.Errorf("line %q", lines.Text())
				}
				shape = append(shape, n)
			}
		}
		m.names = append(m.names, fields[0])
		m.entries[fields[0]] = weights.Entry{DType: fields[1], Shape: shape}
	}
	return m, lines.Err()
}
