package zoo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// TestOpenLayouts opens checkpoints at full size, by name and by what they hold.
func TestOpenLayouts(t *testing.T) {
	manifests := readManifests(t)
	for _, c := range []struct {
		manifest, want string
		task           Task
		name           string // another model that they open
	}{
		{"hf_resnet50", "resnet50", Classify, "resnet50_v2"},
		{"hf_swinv2_tiny_patch4_window8_256", "swinv2_tiny_patch4_window8_256", Classify, "swin_v2_t"},
		{"hf_deit_base_patch16_224", "vit_base_patch16_224", Classify, "vit_b_16"},
		{"hf_vitmodel_base_patch16_224_in21k", "vit_base_patch16_224", Features, "vit_b_16"},
		{"timm_swin_tiny_patch4_window7_224", "swin_tiny_patch4_window7_224", Classify, "swin_t"},
		{"hf_vit_base_patch32_224", "vit", Classify, "vit_b_32"},
		{"torchvision_vit_b_16", "vit_b_16", Classify, "vit_b_16_lc_swag"},
		{"torchvision_swin_v2_t", "swin_v2_t", Classify, "swinv2_tiny_patch4_window8_256"},
		{"microsoft_swinv2_tiny_patch4_window16_256", "swinv2_tiny_patch4_window16_256", Classify, ""},
		{"microsoft_swin_tiny_patch4_window7_224_22k", "swin_tiny_patch4_window7_224_22k", Classify, ""},
		{"mae_vit_base_patch16_encoder_only", "mae_vit_base_patch16_encoder", Features, ""},
	} {
		path := filepath.Join(t.TempDir(), "weights.safetensors")
		sparse(t, path, manifests[c.manifest])
		m, err := Open(path, Options{})
		if err != nil || m.Name != c.want || m.Task != c.task {
			t.Errorf("%s: %+v, %v, want %s", c.manifest, m, err, c.want)
			continue
		}
		for _, name := range []string{c.want, c.name} {
			if _, err := Lookup(name); err != nil {
				continue // a family, or none
			}
			if m, err = Open(name, Options{Weights: path}); err != nil || m.Name != name || m.Task != c.task {
				t.Errorf("%s as %s: %v", c.manifest, name, err)
			}
		}
	}
}

// TestAlike checks the line about models that differ in what weights do not tell.
func TestAlike(t *testing.T) {
	manifests := readManifests(t)
	for _, c := range []struct{ manifest, file, name, want string }{
		{"resnet50", "mine.pth", "", "fits resnet50 and resnet50_v2, which differ in how pictures are prepared or in windows: taken as resnet50; to choose another, name it"},
		{"resnet50", "mine.pth", "resnet50_v2", "taken as resnet50_v2"},
		{"resnet50", "resnet50-11ad3fa6.pth", "resnet50", "taken as resnet50;"},
		{"resnet50", "resnet50-11ad3fa6.pth", "resnet50_v2", ""},
		{"resnet50", "resnet50-11ad3fa6.pth", "", ""},
		{"resnet50", "my-resnet50_v2.pth", "", ""},
		{"hf_swinv2_tiny_patch4_window8_256", "w.safetensors", "", "swinv2_tiny_patch4_window16_256 and swinv2_tiny_patch4_window8_256"},
		{"hf_swinv2_tiny_patch4_window8_256", "hf_swinv2-tiny-patch4-window16-256.safetensors", "", ""},
		{"torchvision_swin_t", "w.pth", "", ""},
	} {
		path := filepath.Join(t.TempDir(), c.file)
		sparse(t, path, manifests[c.manifest])
		name, o := path, Options{}
		if c.name != "" {
			name, o = c.name, Options{Weights: path}
		}
		m, err := Open(name, o)
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		if notes := strings.Join(m.Notes, "\n"); (notes == "") != (c.want == "") || !strings.Contains(notes, c.want) || strings.Contains(notes, "\n") {
			t.Errorf("%s as %s: %q, want %q", c.file, c.name, notes, c.want)
		}
	}
	path := filepath.Join(t.TempDir(), "model.safetensors")
	sparse(t, path, manifests["timm_vit_base_patch16_224"])
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "config.json"), []byte(timmDeiT), 0o644); err != nil {
		t.Fatal(err)
	}
	m, err := Open("vit_base_patch16_224", Options{Weights: path})
	if err != nil || len(m.Notes) > 0 || m.Preprocess.Mean != models.ImageNetMean {
		t.Errorf("%+v, %v", m, err)
	}
}

// tensorsOf returns random weights of a network.
func tensorsOf(n models.Network) []*tensor.Tensor {
	weights.Random(n, 1)
	var all []*tensor.Tensor
	weights.Walk(n, func(_ string, w *tensor.Tensor) { all = append(all, w) })
	return all
}

// TestFamilies identifies networks of sizes that the registry does not have.
func TestFamilies(t *testing.T) {
	vit := models.ViTConfig{Image: graph.Both(32), Dim: 192, Depth: 1, Heads: 3, Classes: 7}
	odd := models.ViTConfig{Image: graph.Both(32), Dim: 24, Depth: 1, Heads: 2, Classes: 7}
	timm := map[string]string{"config.json": `{"architecture": "mine", "num_classes": 7, "label_names": ["a", "b", "c", "d", "e", "f", "g"], "model_args": {"num_heads": 2, "decoder_num_heads": 4}, "pretrained_cfg": {"input_size": [3, 32, 32]}}`}
	swin := models.SwinConfig{Image: graph.Both(32), Dim: 8, Depths: []int{1, 2}, Heads: []int{2, 4}, Window: graph.Both(4), Classes: 7}
	v2 := swin
	v2.V2 = true
	for _, c := range []struct {
		network models.Network
		texts   map[string]string
		name    string
		task    Task
		size    int
		err     string
	}{
		{models.NewViT(vit), nil, "vit", Classify, 32, ""},
		{models.NewViT(odd), timm, "vit", Classify, 32, ""},
		{models.NewViT(odd), nil, "", 0, 0, "a vision transformer with 24 channels cannot have 0 heads: weights do not tell the number of heads (num_heads), a config beside them can"},
		{models.NewMAE(models.MAEConfig{Encoder: vit}), nil, "mae", Reconstruct, 32, ""},
		{models.NewMAE(models.MAEConfig{Encoder: odd, DecoderDim: 12, DecoderDepth: 1, DecoderHeads: 4}), timm, "mae", Reconstruct, 32, ""},
		{models.NewViTDetector(odd), timm, "vit_det", Detect, 32, ""},
		{models.NewSwin(swin), nil, "swin", Classify, 32, ""},
		{models.NewSwin(v2), nil, "", 0, 0, "the weights do not tell the window of a Swin"},
		{models.NewSwin(v2), map[string]string{"config.json": `{"architecture": "swinv2_tiny_window4_32", "pretrained_cfg": {}}`}, "swin", Classify, 32, ""},
		{models.NewResNet(models.ResNetConfig{Blocks: [4]int{2, 2, 2, 2}, Bottleneck: true, Classes: 7}), nil, "resnet", Classify, 224, ""},
	} {
		path := filepath.Join(writeFolder(t, "w.safetensors", tensorsOf(c.network), c.texts), "w.safetensors")
		m, err := Open(path, Options{})
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) || !strings.HasPrefix(err.Error(), path+": ") {
				t.Errorf("%v, want %q", err, c.err)
			}
			continue
		}
		if err != nil || m.Name != c.name || m.Task != c.task || m.Size != c.size {
			t.Errorf("%s: %+v, %v", c.name, m, err)
			continue
		}
		if (len(m.Notes) == 1) != (c.texts == nil) {
			t.Errorf("%s: notes %q", c.name, m.Notes)
		}
		if c.texts != nil && c.task == Classify && strings.Contains(c.texts["config.json"], "label") && m.Label(6, 7) != "g" {
			t.Errorf("%s: class 6 is %q", c.name, m.Label(6, 7))
		}
		if v, ok := m.Network.(*models.ViT); ok && v.Blocks[0].Attn.Heads != 3 && v.Blocks[0].Attn.Heads != 2 {
			t.Errorf("%s: %d heads", c.name, v.Blocks[0].Attn.Heads)
		}
	}
}

// TestTransformersConfig applies what config.json of the transformers library says.
func TestTransformersConfig(t *testing.T) {
	vit := func() models.Network {
		return models.NewViT(models.ViTConfig{Image: graph.Both(32), Dim: 24, Depth: 1, Heads: 3, Classes: 2})
	}
	swin := func() models.Network {
		return models.NewSwin(models.SwinConfig{Dim: 8, Depths: []int{1, 1}, Heads: []int{2, 4}, Window: graph.Both(4), V2: true, Classes: 2})
	}
	resnet := func() models.Network {
		return models.NewResNet(models.ResNetConfig{Blocks: [4]int{1, 1, 1, 1}, Width: 4, Bottleneck: true})
	}
	for _, c := range []struct {
		network models.Network
		text    string
		want    string // error
		check   func(models.Network) bool
	}{
		{vit(), `{"model_type": "vit", "num_attention_heads": 4, "layer_norm_eps": 0.25}`, "", func(n models.Network) bool {
			b := n.(*models.ViT).Blocks[0]
			return b.Attn.Heads == 4 && b.Norm1.Eps == 0.25
		}},
		{vit(), `{"model_type": "deit"}`, "", func(n models.Network) bool {
			b := n.(*models.ViT).Blocks[0]
			return b.Attn.Heads == 12 && b.Norm2.Eps == 1e-12
		}},
		{vit(), `{"model_type": "vit", "num_attention_heads": 5}`, "num_attention_heads: 5, want a divisor of 24 channels", nil},
		{vit(), `{"model_type": "vit", "num_attention_heads": 4, "hidden_act": "relu"}`, `hidden_act: "relu", want gelu`, nil},
		{vit(), `{"model_type": "bert"}`, `model_type: "bert", want vit or deit`, nil},
		{swin(), `{"model_type": "swinv2", "window_size": 4, "pretrained_window_sizes": [3, 0]}`, "", func(n models.Network) bool {
			return n.(*models.Swin).Layers[0].Blocks[0].Attn.Pretrained == graph.Both(3) && n.(*models.Swin).Layers[1].Blocks[0].Attn.Pretrained == graph.Pair{}
		}},
		{swin(), `{"model_type": "swinv2", "window_size": 8}`, "window_size: 8, want 4 as in the model", nil},
		{resnet(), `{"model_type": "resnet", "downsample_in_bottleneck": true, "downsample_in_first_stage": true}`, "", func(n models.Network) bool {
			b := n.(*models.ResNet)
			return b.Layer2[0].Conv1.Op.Stride == graph.Both(2) && b.Layer2[0].Conv2.Op.Stride == graph.Both(1) && b.Layer1[0].Conv1.Op.Stride == graph.Both(2)
		}},
		{resnet(), `{"model_type": "resnet", "downsample_in_bottleneck": 1}`, "downsample_in_bottleneck: 1, want true or false", nil},
		{resnet(), `{"model_type": "resnet", "hidden_act": "gelu"}`, `hidden_act: "gelu", want relu`, nil},
		{models.NewAlexNet(2), `{"model_type": "resnet"}`, "model_type: \"resnet\", want another config", nil},
	} {
		file, path, err := readText(t, "config.json", c.text)
		if err != nil {
			t.Fatal(err)
		}
		err = beside{transformers: file}.tune(c.network)
		if c.want != "" {
			if err == nil || !strings.HasPrefix(err.Error(), path+": ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", c.text, err, c.want)
			}
		} else if err != nil || !c.check(c.network) {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

// TestConfigLabels takes the names and the number of classes from a config.
func TestConfigLabels(t *testing.T) {
	c := models.ResNetConfig{Blocks: [4]int{2, 2, 2, 2}, Classes: 2}
	for _, k := range []struct{ text, label, note string }{
		{`{"model_type": "resnet", "id2label": {"0": "cat", "1": "dog"}}`, "dog", ""},
		{`{"model_type": "resnet", "id2label": {"0": "LABEL_0", "1": "LABEL_1"}}`, "", ""},
		{`{"architecture": "resnet18", "num_classes": 2, "pretrained_cfg": {"label_names": ["cat", "dog"]}}`, "dog", ""},
	} {
		dir := writeFolder(t, "model.safetensors", tensorsOf(models.NewResNet(c)), map[string]string{"config.json": k.text})
		m, err := Open("resnet18", Options{Weights: dir})
		if err != nil || m.Label(1, 2) != k.label {
			t.Errorf("%s: %+v, %v", k.text, m, err)
		}
	}
	dir := writeFolder(t, "model.safetensors", tensorsOf(models.NewResNet(c)), map[string]string{"config.json": `{"architecture": "resnet18", "num_classes": 5, "pretrained_cfg": {}}`})
	m, err := Open(dir, Options{})
	if err != nil || len(m.Notes) != 1 || !strings.Contains(m.Notes[0], "the config beside it says 5 classes, the head has 2, which counts") {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestHeadless opens checkpoints without a head, for features and embeddings.
func TestHeadless(t *testing.T) {
	for _, c := range []struct {
		network models.Network
		name    string
		lacks   string
	}{
		{models.NewResNet(models.ResNetConfig{Blocks: [4]int{2, 2, 2, 2}, Classes: -1}), "resnet18", "fc.weight is missing"},
		{models.NewViT(models.ViTConfig{Image: graph.Both(32), Dim: 192, Depth: 1, Heads: 3, Classes: -1}), "", "head.weight is missing"},
		{models.NewSwin(models.SwinConfig{Image: graph.Both(32), Dim: 8, Depths: []int{1, 2}, Heads: []int{2, 4}, Window: graph.Both(4), Classes: -1}), "", "head.weight is missing"},
	} {
		path := filepath.Join(writeFolder(t, "w.safetensors", tensorsOf(c.network), nil), "w.safetensors")
		names := []string{path}
		if c.name != "" {
			names = append(names, c.name)
		}
		for _, name := range names {
			o := Options{Weights: path}
			if name == path {
				o = Options{}
			}
			m, err := Open(name, o)
			if err != nil || m.Task != Features || m.For(Features) != nil || m.For(Embed) != nil {
				t.Errorf("%s: %+v, %v", name, m, err)
				continue
			}
			if err := m.For(Classify); err == nil || !strings.HasPrefix(err.Error(), path+": the checkpoint has no classifier: "+c.lacks) {
				t.Errorf("%s: %v", name, err)
			}
			o.Classes = 5
			if _, err := Open(name, o); err == nil || !strings.Contains(err.Error(), "has no classifier") {
				t.Errorf("%s with classes: %v", name, err)
			}
		}
	}
}

// TestModels checks that nobody can change the registry.
func TestModels(t *testing.T) {
	Models()[0].Name = "mine"
	if m, err := Lookup(Models()[0].Name); err != nil || m.Name == "mine" {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestConfigChooses identifies folders by their configs where weights do not tell the
// model.
func TestConfigChooses(t *testing.T) {
	manifests := readManifests(t)
	swin := func(window, size string) string {
		return `{"model_type": "swinv2", "window_size": ` + window + `, "image_size": ` + size + `, "hidden_act": "gelu", "pretrained_window_sizes": [0, 0, 0, 0]}`
	}
	convNext := `{"feature_extractor_type": "ConvNextFeatureExtractor", "size": 224, "crop_pct": 0.875, "resample": 3}`
	for _, c := range []struct {
		manifest, config, processor, want string
		task                              Task
		size, short                       int
	}{
		{"hf_swinv2_tiny_patch4_window8_256", swin("16", "256"), "", "swinv2_tiny_patch4_window16_256", Classify, 256, 292},
		{"hf_swinv2_tiny_patch4_window8_256", swin("8", "256"), "", "swinv2_tiny_patch4_window8_256", Classify, 256, 292},
		{"hf_swinv2_tiny_patch4_window8_256", swin("12", "192"), "", "swin", Classify, 192, 0},
		{"hf_vitmodel_base_patch16_224_in21k", `{"model_type": "vit", "num_attention_heads": 12}`, "", "vit_base_patch16_224", Features, 224, 248},
		{"hf_resnet50", `{"model_type": "resnet", "layer_type": "bottleneck"}`, convNext, "resnet50", Classify, 224, 256},
		{"timm_swin_tiny_patch4_window7_224", `{"architecture": "swin_tiny_patch4_window7_224", "pretrained_cfg": {"crop_pct": 0.9}}`, "", "swin_tiny_patch4_window7_224", Classify, 224, 248},
		{"timm_swin_tiny_patch4_window7_224", `{"architecture": "swin_tiny_patch4_window7_224", "pretrained_cfg": {"crop_pct": 0.9}}`, convNext, "swin_tiny_patch4_window7_224", Classify, 224, 256},
	} {
		dir := t.TempDir()
		sparse(t, filepath.Join(dir, "model.safetensors"), manifests[c.manifest])
		for name, text := range map[string]string{"config.json": c.config, "preprocessor_config.json": c.processor} {
			if text == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		m, err := Open(dir, Options{})
		if err != nil || m.Name != c.want || m.Task != c.task || m.Size != c.size || m.Preprocess.Short != c.short {
			t.Errorf("%s: %+v, %v, want %+v", c.manifest, m, err, c)
			continue
		}
		both := c.processor != "" && strings.Contains(c.config, "pretrained_cfg")
		if said := strings.Contains(strings.Join(m.Notes, " "), "preprocessor_config.json: config.json beside it prepares pictures differently and does not count"); said != both {
			t.Errorf("%s: notes %q", c.manifest, m.Notes)
		}
	}
}
