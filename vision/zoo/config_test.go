package zoo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision/picture"
)

// timmDeiT is what timm writes beside the weights of DeiT.
const timmDeiT = `{"architecture": "deit_base_patch16_224", "num_classes": 1000, "num_features": 768, "global_pool": "token",
	"pretrained_cfg": {"tag": "fb_in1k", "custom_load": false, "input_size": [3, 224, 224], "fixed_input_size": true, "interpolation": "bicubic",
	"crop_pct": 0.9, "crop_mode": "center", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "num_classes": 1000, "pool_size": null}}`

// readText reads a config from a text.
func readText(t testing.TB, name, text string) (config, string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := readConfig(path)
	return c, path, err
}

// TestTimm reads the preprocessing and the classes in timm's configs.
func TestTimm(t *testing.T) {
	deit := Preprocess{Short: 248, Crop: [2]int{224, 224}, Filter: picture.Bicubic, Mean: models.ImageNetMean, Std: models.ImageNetStd}
	with := func(change func(p *Preprocess)) Preprocess { p := deit; change(&p); return p }
	for _, c := range []struct {
		text    string
		want    Preprocess
		classes int
		labels  string
	}{
		{timmDeiT, deit, 1000, ""},
		{`{"architecture": "x", "input_size": [3, 288, 288], "crop_pct": 1.0, "interpolation": "bilinear", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "num_classes": 3, "labels": ["a", "b", "c"]}`,
			with(func(p *Preprocess) {
				p.Short, p.Crop, p.Filter, p.Mean, p.Std = 288, [2]int{288, 288}, picture.Bilinear, half, half
			}), 3, "a b c"},
		{`{"pretrained_cfg": {}}`, with(func(p *Preprocess) { p.Short = 256 }), -1, ""},
		{`{"pretrained_cfg": {"input_size": [3, 448, 224], "crop_pct": 0.95, "crop_mode": "squash", "interpolation": "lanczos"}}`,
			with(func(p *Preprocess) {
				p.Short, p.Size, p.Crop, p.Filter = 0, [2]int{471, 235}, [2]int{448, 224}, picture.Lanczos
			}), -1, ""},
		{`{"pretrained_cfg": {"crop_mode": "border", "crop_pct": 1, "mean": [0.5, 0.25, 1], "interpolation": "random"}}`,
			with(func(p *Preprocess) {
				p.Short, p.Long, p.Filter, p.Mean, p.Fill = 0, 224, picture.Bilinear, [3]float32{0.5, 0.25, 1}, [3]uint8{128, 64, 255}
			}), -1, ""},
		{`{"architecture": "x", "num_classes": 2, "label_names": {"0": "n01", "1": "n02"}, "label_descriptions": {"n01": "tench"}, "pretrained_cfg": {"crop_pct": 0.9, "num_classes": 5}}`, deit, 2, "tench n02"},
	} {
		file, path, err := readText(t, "config.json", c.text)
		if err != nil || !isTimm(file) {
			t.Fatalf("%s: %v", c.text, err)
		}
		got, err := readTimm(file)
		if err != nil || got.preprocess != c.want || got.classes != c.classes || strings.Join(got.labels, " ") != c.labels {
			t.Errorf("%s: %+v, %v, want %+v", c.text, got, err, c.want)
		}
		if p, err := PreprocessAt(filepath.Join(filepath.Dir(path), "model.safetensors"), registered("vit_b_16")); err != nil || p != c.want {
			t.Errorf("%s beside a file: %+v, %v", c.text, p, err)
		}
	}
}

// TestHostileConfigs checks that errors name the file and the key.
func TestHostileConfigs(t *testing.T) {
	cfg := func(key, value string) string { return `{"pretrained_cfg": {"` + key + `": ` + value + `}}` }
	for _, c := range []struct{ text, want string }{
		{cfg("mean", "[1]"), "pretrained_cfg.mean: [1], want three numbers"},
		{cfg("mean", `"grey"`), `pretrained_cfg.mean: "grey", want three numbers`},
		{cfg("mean", "[1, 2, 1e300]"), "pretrained_cfg.mean: [1,2,1e300], want three numbers from"},
		{cfg("std", "[1, 2, 1e-300]"), "pretrained_cfg.std: "},
		{cfg("std", "[1, 2, NaN]"), "pretrained_cfg.std: invalid character 'N'"},
		{cfg("std", "[1, Infinity, 2]"), "pretrained_cfg.std: invalid character 'I'"},
		{cfg("crop_pct", "0"), "pretrained_cfg.crop_pct: 0, want a number from 0.01 to 100"},
		{cfg("crop_pct", "-1"), "pretrained_cfg.crop_pct: -1"},
		{cfg("crop_pct", "1e999"), "pretrained_cfg.crop_pct: 1e999"},
		{cfg("crop_pct", "[0.9]"), "pretrained_cfg.crop_pct: [0.9]"},
		{cfg("crop_mode", `"corner"`), `pretrained_cfg.crop_mode: "corner", want center, squash or border`},
		{cfg("crop_mode", "7"), "pretrained_cfg.crop_mode: 7, want a text"},
		{cfg("interpolation", `"cubic"`), `pretrained_cfg.interpolation: "cubic", want nearest`},
		{cfg("input_size", "224"), "pretrained_cfg.input_size: 224, want channels, height and width"},
		{cfg("input_size", "[1, 28, 28]"), "pretrained_cfg.input_size: [1,28,28], want three channels"},
		{cfg("input_size", "[3, 0, 224]"), "pretrained_cfg.input_size: [3,0,224], want integers from 1 to"},
		{cfg("input_size", "[3, 224.5, 224]"), "pretrained_cfg.input_size"},
		{cfg("input_size", "[3, 99999999999999999999, 224]"), "pretrained_cfg.input_size"},
		{cfg("input_size", "[3, 256, 128]"), "pretrained_cfg.input_size: [3,256,128], want a square"},
		{cfg("num_classes", "1e9"), "pretrained_cfg.num_classes: 1e9"},
		{cfg("num_classes", "true"), "pretrained_cfg.num_classes: true"},
		{`{"pretrained_cfg": {}, "label_names": [1]}`, "label_names: [1], want texts"},
		{`{"pretrained_cfg": {}, "label_names": "a"}`, `label_names: "a", want texts`},
		{`{"pretrained_cfg": {}, "architecture": 5}`, "architecture: 5, want a text"},
		{`{"pretrained_cfg": {}, "model_args": []}`, "model_args: [], want an object"},
		{`{"pretrained_cfg": {}, "architecture": "a", "architecture": "b"}`, "architecture: this key is there twice"},
		{`{"pretrained_cfg": {"a\u001b": {"b": NaN}}}`, `pretrained_cfg."a\x1b".b: invalid character`},
		{`{"pretrained_cfg": ` + strings.Repeat("[", 100000), "pretrained_cfg: values nest too deep"},
		{`{"pretrained_cfg": {}} 1`, "more than one value"},
		{`{"pretrained_cfg": {`, "unexpected EOF"},
		{``, "unexpected EOF"},
		{`null`, "null, want an object"},
	} {
		file, path, err := readText(t, "config.json", c.text)
		if err == nil {
			_, err = readTimm(file)
		}
		if err == nil || !strings.HasPrefix(err.Error(), path+": ") || !strings.Contains(err.Error(), c.want) || strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("%.80s: %v, want %q", c.text, err, c.want)
		}
	}
}

// FuzzConfigs reads any bytes as each of the configs. Nothing may panic, and an error is
// one line.
func FuzzConfigs(f *testing.F) {
	for _, seed := range []string{timmDeiT, openCLIPText, `{"model_type": "swinv2", "window_size": 8, "pretrained_window_sizes": [0, 0], "id2label": {"0": "a", "1": "b"}}`,
		`{"model_type": "vit", "num_attention_heads": 3, "layer_norm_eps": 1e-12, "image_size": [32, 16]}`, `{"model_type": "clip", "text_config": {}, "vision_config_dict": {"hidden_act": "gelu"}}`,
		`{"image_processor_type": "ConvNextImageProcessor", "crop_pct": 0.875, "size": {"shortest_edge": 224}}`, `{"a": [1e999, NaN]}`, `{"mean": [1, 2, 3], "crop_pct": 0.5, "label_names": {"0": "x"}}`} {
		f.Add([]byte(seed))
	}
	vit := models.NewViT(models.ViTConfig{Image: graph.Both(32), Dim: 6, Depth: 1, Heads: 2, Classes: 2})
	swin := models.NewSwin(models.SwinConfig{Dim: 8, Depths: []int{1}, Heads: []int{2}, Window: graph.Both(4), V2: true, Classes: 2})
	resnet := models.NewResNet(models.ResNetConfig{Blocks: [4]int{1, 1, 1, 1}, Width: 4, Classes: 2, Bottleneck: true})
	f.Fuzz(func(t *testing.T, data []byte) {
		check := func(err error) {
			if err != nil && strings.ContainsAny(err.Error(), "\n\r\x1b") {
				t.Errorf("%q", err)
			}
		}
		c, path, err := readText(t, "preprocessor_config.json", string(data))
		check(err)
		_, err = readProcessor(path, vit, 32, Preprocess{})
		check(err)
		if c.values == nil {
			return
		}
		fresh := func() config { *c.bad = nil; return c }
		_, err = readTimm(fresh())
		check(err)
		_, err = openCLIPFacts(fresh(), wideCLIP)
		check(err)
		_, err = openCLIPPreprocess(fresh(), 8)
		check(err)
		_, err = transformersCLIPFacts(fresh(), wideCLIP)
		check(err)
		b := beside{transformers: fresh()}
		_, _, err = b.labels(2)
		check(err)
		for _, n := range []models.Network{vit, swin, resnet, models.NewLeNet5(1)} {
			b.transformers = fresh()
			check(b.tune(n))
		}
		b.vit()
		b.swin()
		b.mae()
	})
}

// TestProcessors reads preprocessor_config.json of other families.
func TestProcessors(t *testing.T) {
	resnet := models.NewResNet(models.ResNetConfig{Blocks: [4]int{1, 1, 1, 1}, Width: 4})
	imageNet := `"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]`
	of := func(p Preprocess) Preprocess { p.Mean, p.Std = models.ImageNetMean, models.ImageNetStd; return p }
	for _, c := range []struct {
		text string
		want Preprocess
	}{
		{`{"crop_pct": 0.875, "do_normalize": true, "do_resize": true, "feature_extractor_type": "ConvNextFeatureExtractor", "resample": 3, "size": 224, ` + imageNet + `}`,
			of(Preprocess{Short: 256, Crop: [2]int{224, 224}, Filter: picture.Bicubic})},
		{`{"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 384}, ` + imageNet + `}`, of(Preprocess{Size: [2]int{384, 384}, Filter: picture.Bilinear})},
		{`{"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 256}, "crop_pct": 0.95, ` + imageNet + `}`,
			of(Preprocess{Short: 269, Crop: [2]int{256, 256}, Filter: picture.Bilinear})},
		{`{"crop_size": 224, "do_center_crop": true, "do_normalize": true, "do_resize": true, "feature_extractor_type": "DeiTFeatureExtractor", "resample": 3, "size": 256, ` + imageNet + `}`,
			of(Preprocess{Size: [2]int{256, 256}, Crop: [2]int{224, 224}, Filter: picture.Bicubic})},
	} {
		_, path, err := readText(t, "preprocessor_config.json", c.text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readProcessor(path, resnet, 224, Preprocess{}); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", c.text, got, err, c.want)
		}
	}
	for text, want := range map[string]string{
		`{"image_processor_type": "ConvNextImageProcessor", "crop_pct": 0}`:   "crop_pct 0, want",
		`{"image_processor_type": "ConvNextImageProcessor", "crop_pct": "1"}`: "crop_pct: a string, want a number",
		`{"image_processor_type": 3}`:                                         "image_processor_type: 3, want a text",
		`{"image_std": [1e-300, 1, 1]}`:                                       "image_std [1e-300, 1, 1]: out of range",
		`{"image_mean": NaN}`:                                                 "image_mean: invalid character",
	} {
		_, path, _ := readText(t, "preprocessor_config.json", text)
		if _, err := readProcessor(path, resnet, 224, Preprocess{}); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// TestBorder fills what a crop adds with the mean colour.
func TestBorder(t *testing.T) {
	m := picture.New(4, 2, 3)
	for i := range m.Pix {
		m.Pix[i] = 200
	}
	got, _, err := Preprocess{Long: 4, Crop: [2]int{4, 4}, Fill: [3]uint8{1, 2, 3}}.Picture(m)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got.Pix {
		want := uint8(i%3 + 1)
		if row := i / 12; row == 1 || row == 2 {
			want = 200
		}
		if v != want {
			t.Fatalf("sample %d is %d, want %d", i, v, want)
		}
	}
}
