package zoo

import (
	"archive/zip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/weights"
)

// openCLIPText is open_clip's config of wideCLIP.
const openCLIPText = `{"model_cfg": {"embed_dim": 3, "vision_cfg": {"image_size": 8, "layers": 1, "width": 160, "head_width": 80, "patch_size": 4, "mlp_ratio": 0.5},
	"text_cfg": {"context_length": 5, "vocab_size": 515, "width": 64, "heads": 4, "layers": 2}},
	"preprocess_cfg": {"mean": [0.5, 0.25, 0.5], "std": [0.5, 0.5, 0.25], "interpolation": "bilinear", "resize_mode": "squash"}}`

// wideCLIP has heads of 80 channels, GELU and narrow perceptrons, as some models of
// open_clip.
var wideCLIP = models.CLIPConfig{
	Embedding: 3, Size: 8, Width: 160, Heads: 2, Patch: 4, Layers: 1, Hidden: 80,
	Context: 5, Vocabulary: 515, TextWidth: 64, TextHeads: 4, TextLayers: 2, Act: graph.GELU,
}

// residualCLIP has a residual network with heads of 32 channels for images.
var residualCLIP = models.CLIPConfig{
	Embedding: 3, Size: 32, Width: 4, Heads: 4, Blocks: [4]int{1, 2, 1, 1}, Context: 5, Vocabulary: 515, TextWidth: 64, TextHeads: 8, TextLayers: 1, Act: graph.QuickGELU,
}

// residualText is its config.
const residualText = `{"model_cfg": {"embed_dim": 3, "quick_gelu": true, "vision_cfg": {"image_size": [32, 32], "layers": [1, 2, 1, 1], "width": 4, "head_width": 32, "patch_size": null},
	"text_cfg": {"context_length": 5, "vocab_size": 515, "width": 64, "layers": 1}}}`

// clipTensors returns random weights of a CLIP under names that rename gives.
func clipTensors(c models.CLIPConfig, rename func(string, *tensor.Tensor) []*tensor.Tensor) []*tensor.Tensor {
	m := models.NewCLIP(c)
	weights.Random(m, 1)
	var all []*tensor.Tensor
	weights.Walk(m, func(name string, w *tensor.Tensor) { all = append(all, rename(name, w)...) })
	return all
}

// openAINames keeps OpenAI's names.
func openAINames(name string, w *tensor.Tensor) []*tensor.Tensor {
	return []*tensor.Tensor{{Name: name, Shape: w.Shape, Data: w.Data}}
}

// writeFolder writes weights and texts into a new folder and returns it.
func writeFolder(t *testing.T, file string, all []*tensor.Tensor, texts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := weights.WriteSafetensors(filepath.Join(dir, file), nil, all...); err != nil {
		t.Fatal(err)
	}
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestCLIPFacts opens a CLIP whose heads and activation come from different places.
func TestCLIPFacts(t *testing.T) {
	wrapped := func(name string, w *tensor.Tensor) []*tensor.Tensor { return openAINames("module."+name, w) }
	custom := func(name string, w *tensor.Tensor) []*tensor.Tensor {
		if name != "logit_scale" && !strings.HasPrefix(name, "visual.") {
			name = "text." + name
		}
		return openAINames(name, w)
	}
	official := wideCLIP
	official.Width, official.Heads, official.TextHeads, official.Act = 128, 2, 1, graph.QuickGELU
	numbers := append(clipTensors(official, openAINames), &tensor.Tensor{Name: "input_resolution", Shape: tensor.Shape{1}, Data: []float32{8}},
		&tensor.Tensor{Name: "context_length", Shape: tensor.Shape{1}, Data: []float32{5}}, &tensor.Tensor{Name: "vocab_size", Shape: tensor.Shape{1}, Data: []float32{515}})
	config := map[string]string{"open_clip_config.json": openCLIPText}
	hf := `{"model_type": "clip", "text_config": {"num_attention_heads": 4, "hidden_act": "gelu"}, "vision_config": {"num_attention_heads": 3}, "vision_config_dict": {"num_attention_heads": 2, "hidden_act": "gelu"}}`
	for name, c := range map[string]struct {
		file  string
		all   []*tensor.Tensor
		texts map[string]string
		o     CLIPOptions
		want  models.CLIPConfig
	}{
		"open_clip's folder":  {"open_clip_model.safetensors", clipTensors(wideCLIP, openAINames), config, CLIPOptions{}, wideCLIP},
		"a file beside":       {"epoch_3.pt", clipTensors(wideCLIP, openAINames), config, CLIPOptions{}, wideCLIP},
		"a wrapped network":   {"epoch_3.pt", clipTensors(wideCLIP, wrapped), config, CLIPOptions{}, wideCLIP},
		"a text tower apart":  {"epoch_3.pt", clipTensors(wideCLIP, custom), config, CLIPOptions{}, wideCLIP},
		"options":             {"epoch_3.pt", clipTensors(wideCLIP, openAINames), nil, CLIPOptions{Heads: 2, TextHeads: 4, Activation: "gelu"}, wideCLIP},
		"options over config": {"epoch_3.pt", clipTensors(wideCLIP, openAINames), map[string]string{"open_clip_config.json": strings.Replace(openCLIPText, "80", "32", 1)}, CLIPOptions{Heads: 2}, wideCLIP},
		"a residual network":  {"open_clip_model.safetensors", clipTensors(residualCLIP, openAINames), map[string]string{"open_clip_config.json": residualText}, CLIPOptions{}, residualCLIP},
		"OpenAI's numbers":    {"any.pt", numbers, nil, CLIPOptions{}, official},
		"Hugging Face":        {"model.safetensors", clipTensors(wideCLIP, asHFCLIP), map[string]string{"config.json": hf}, CLIPOptions{}, wideCLIP},
		"open_clip's config":  {"model.safetensors", clipTensors(wideCLIP, asHFCLIP), config, CLIPOptions{}, wideCLIP},
	} {
		dir := writeFolder(t, c.file, c.all, c.texts)
		if name == "options over config" {
			c.want.TextHeads = 1 // of 64 channels, as it is without a word
		}
		paths := []string{filepath.Join(dir, c.file)}
		if strings.HasSuffix(c.file, ".safetensors") {
			paths = append(paths, dir)
		}
		for _, path := range paths {
			m, err := ReadCLIP(path, c.o)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if got := m.Network.Config(); got != c.want {
				t.Errorf("%s: %+v, want %+v", name, got, c.want)
			}
			if squash := m.Preprocess.Size == [2]int{8, 8} && m.Preprocess.Mean[1] == 0.25; squash != (strings.Contains(c.texts["open_clip_config.json"], "squash") && name != "open_clip's config") {
				t.Errorf("%s: pictures become %+v", name, m.Preprocess)
			}
		}
	}
}

// TestCLIPUnknown expects an error where nothing tells what the weights do not.
func TestCLIPUnknown(t *testing.T) {
	for name, c := range map[string]struct {
		all        []*tensor.Tensor
		o          CLIPOptions
		heads, act bool
	}{
		"OpenAI's layout":       {clipTensors(wideCLIP, openAINames), CLIPOptions{}, true, true},
		"Hugging Face's layout": {clipTensors(wideCLIP, asHFCLIP), CLIPOptions{}, true, true},
		"heads alone":           {clipTensors(wideCLIP, openAINames), CLIPOptions{Heads: 2}, false, true},
		"activation alone":      {clipTensors(wideCLIP, openAINames), CLIPOptions{Activation: "gelu"}, true, false},
	} {
		path := filepath.Join(writeFolder(t, "epoch_3.pt", c.all, nil), "epoch_3.pt")
		_, err := ReadCLIP(path, c.o)
		var unknown *CLIPUnknownError
		if !errors.As(err, &unknown) || unknown.Heads != c.heads || unknown.Activation != c.act || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Open(path, Options{CLIP: c.o}); !errors.As(err, &unknown) {
			t.Errorf("%s, identified: %v", name, err)
		}
	}
}

// TestCLIPRefused expects other networks and other formulas to be named.
func TestCLIPRefused(t *testing.T) {
	with := func(name string, shape ...int) []*tensor.Tensor {
		return append(clipTensors(wideCLIP, openAINames), &tensor.Tensor{Name: name, Shape: shape, Data: make([]float32, tensor.Shape(shape).Len())})
	}
	change := func(from, to string) string {
		if !strings.Contains(openCLIPText, from) {
			t.Fatalf("%q is not in the config", from)
		}
		return strings.Replace(openCLIPText, from, to, 1)
	}
	plain := clipTensors(wideCLIP, openAINames)
	for _, c := range []struct {
		all          []*tensor.Tensor
		config, want string
	}{
		{with("logit_bias"), openCLIPText, "a checkpoint of SigLIP, which is another network than CLIP and not supported"},
		{with("visual.trunk.norm.weight", 2), openCLIPText, "whose image tower is from timm"},
		{with("text_decoder.text_projection", 2), openCLIPText, "a checkpoint of CoCa"},
		{plain, change(`"width": 160`, `"width": 768`), "open_clip_config.json: model_cfg.vision_cfg.width: 768, want 160 as in the weights"},
		{plain, change(`"layers": 2`, `"layers": 12`), "model_cfg.text_cfg.layers: 12, want 2 as in the weights"},
		{plain, change(`"head_width": 80`, `"head_width": "80"`), `model_cfg.vision_cfg.head_width: "80", want a number`},
		{plain, change(`"head_width": 80`, `"head_width": 0`), "model_cfg.vision_cfg.head_width: 0, want a number from 1"},
		{plain, change(`"head_width": 80`, `"head_width": 70`), "models: 2 heads"},
		{plain, change(`"head_width": 80`, `"head_width": NaN`), "open_clip_config.json: model_cfg.vision_cfg.head_width: invalid character 'N'"},
		{plain, change(`"head_width": 80`, `"head_width": 80, "head_width": 64`), "model_cfg.vision_cfg.head_width: this key is there twice"},
		{plain, change(`"layers": 1`, `"layers": 1, "timm_model_name": "vit_base_patch16_siglip_224"`), "SigLIP is another network and not supported"},
		{plain, change(`"layers": 1`, `"layers": 1, "no_ln_pre": true`), "model_cfg.vision_cfg.no_ln_pre: true"},
		{plain, change(`"layers": 1`, `"layers": 1, "pool_type": "avg"`), `model_cfg.vision_cfg.pool_type: "avg", want tok`},
		{plain, change(`"layers": 2`, `"layers": 2, "hf_model_name": "roberta-base"`), "model_cfg.text_cfg.hf_model_name"},
		{plain, change(`"squash"`, `"longest"`), `preprocess_cfg.resize_mode: "longest", want shortest or squash`},
		{plain, change(`[0.5, 0.5, 0.25]`, `[0.5, 0, 0.25]`), "preprocess_cfg.std: [0.5,0,0.25], want three numbers from"},
		{plain, change(`[0.5, 0.5, 0.25]`, `[0.5, 1e999, 0.25]`), "preprocess_cfg.std: [0.5,1e999,0.25], want three numbers from"},
		{plain, `[]`, "open_clip_config.json: [], want an object"},
		{plain, `{"model_cfg": 3}`, "model_cfg: 3, want an object"},
		{plain, `{`, "open_clip_config.json: unexpected EOF"},
	} {
		dir := writeFolder(t, "open_clip_model.safetensors", c.all, map[string]string{"open_clip_config.json": c.config})
		_, err := ReadCLIP(dir, CLIPOptions{})
		if c.want == "models: 2 heads" { // 160/70 is rounded down, as in open_clip
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	for _, c := range []struct{ config, want string }{
		{`{"model_type": "siglip"}`, `model_type: "siglip", want clip: SigLIP is another network`},
		{`{"model_type": "chinese_clip"}`, `model_type: "chinese_clip", want clip`},
		{`{"model_type": "clip", "vision_config": {"hidden_act": "relu"}}`, `vision_config.hidden_act: "relu", want quick_gelu or gelu`},
		{`{"model_type": "clip", "vision_config": {"hidden_act": "gelu"}}`, "vision_config"},
		{`{"model_type": "clip", "vision_config": {"hidden_size": 768}}`, "vision_config.hidden_size: 768, want 160 as in the weights"},
	} {
		dir := writeFolder(t, "model.safetensors", clipTensors(wideCLIP, asHFCLIP), map[string]string{"config.json": c.config})
		if _, err := ReadCLIP(dir, CLIPOptions{}); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", c.config, err, c.want)
		}
	}
}

// TestTorchScriptProof reads the activation from the code of archives.
func TestTorchScriptProof(t *testing.T) {
	quick, gelu := "class QuickGELU(Module):\n", "return torch.gelu(x)\n"
	narrow := wideCLIP
	narrow.Width, narrow.Heads, narrow.TextHeads = 64, 0, 0 // as the shapes tell
	official, err := models.CLIPNamed("ViT-B/32")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, code string
		have       models.CLIPConfig
		want       clipFacts
	}{
		{"__torch__/multimodal/model/multimodal_transformer.py", quick, narrow, clipFacts{1, 1, graph.QuickGELU}},
		{"__torch__.py", quick, narrow, clipFacts{act: graph.QuickGELU}},
		{"__torch__.py", quick, official, clipFacts{12, 8, graph.QuickGELU}},
		{"__torch__/torch/nn/modules/activation.py", gelu, official, clipFacts{act: graph.GELU}},
		{"__torch__.py", quick + gelu, official, clipFacts{}},
		{"__torch__.py", "pass", official, clipFacts{}},
		{"__torch__.txt", quick, official, clipFacts{}},
	} {
		path := filepath.Join(t.TempDir(), "x.pt")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		z := zip.NewWriter(f)
		w, err := z.Create("x/code/" + c.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(c.code)); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(z.Close(), f.Close()); err != nil {
			t.Fatal(err)
		}
		if got := provenFacts(path, weights.Map{}, c.have); got != c.want {
			t.Errorf("%s %q: %+v, want %+v", c.name, c.code, got, c.want)
		}
	}
}

// TestCLIPByName takes what a name of open_clip or OpenAI tells.
func TestCLIPByName(t *testing.T) {
	huge, err := models.CLIPVariant("ViT-H-14")
	if err != nil {
		t.Fatal(err)
	}
	base, err := models.CLIPNamed("ViT-B/32")
	if err != nil {
		t.Fatal(err)
	}
	resnet, err := models.CLIPNamed("RN50")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o    CLIPOptions
		have models.CLIPConfig
		want clipFacts
		err  string
	}{
		{CLIPOptions{Model: "ViT-H-14"}, huge, clipFacts{16, 16, graph.GELU}, ""},
		{CLIPOptions{Model: "ViT-H-14-quickgelu"}, huge, clipFacts{16, 16, graph.QuickGELU}, ""},
		{CLIPOptions{Model: "ViT-B-32"}, base, clipFacts{12, 8, graph.GELU}, ""},
		{CLIPOptions{Model: "ViT-B/32"}, base, clipFacts{12, 8, graph.QuickGELU}, ""},
		{CLIPOptions{Model: "ViT-B-32", Activation: "quickgelu"}, base, clipFacts{12, 8, graph.QuickGELU}, ""},
		{CLIPOptions{Model: "RN50-quickgelu"}, resnet, clipFacts{32, 8, graph.QuickGELU}, ""},
		{CLIPOptions{Model: "clip_vit_b32"}, base, clipFacts{12, 8, graph.QuickGELU}, ""},
		{CLIPOptions{Model: "clip_rn50"}, resnet, clipFacts{32, 8, graph.QuickGELU}, ""},
		{CLIPOptions{Model: "RN50", Activation: "gelu"}, resnet, clipFacts{32, 8, graph.GELU}, ""},
		{CLIPOptions{Model: "lenet"}, base, clipFacts{}, `no CLIP "lenet"`},
		{CLIPOptions{Model: "RN50"}, resnet, clipFacts{}, "RN50 has QuickGELU at OpenAI and GELU in open_clip: write RN50-quickgelu"},
		{CLIPOptions{Model: "ViT-H-14"}, base, clipFacts{}, "these are not the weights of ViT-H-14: the image tower has 768 channels"},
		{CLIPOptions{Model: "ViT-X"}, base, clipFacts{}, `no CLIP "ViT-X"; there are `},
		{CLIPOptions{Activation: "relu"}, base, clipFacts{}, `no activation "relu" of CLIP`},
		{CLIPOptions{Heads: -1}, base, clipFacts{}, "a CLIP cannot have -1 and 0 heads"},
	} {
		got, err := c.o.facts(c.have)
		if c.err == "" && (err != nil || got != c.want) || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%+v: %+v, %v, want %+v, %q", c.o, got, err, c.want, c.err)
		}
	}
}
