package zoo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/models"
	"github.com/vertebra/vertebra/vision/picture"
)

// TestReadPreprocess reads preprocessor_config.json in all its forms, for a CLIP of 224
// pixels and a SAM of 1024.
func TestReadPreprocess(t *testing.T) {
	clip, sam := CLIPPreprocess(224), SAMPreprocess(1024)
	with := func(p Preprocess, change func(p *Preprocess)) Preprocess {
		change(&p)
		return p
	}
	for _, c := range []struct {
		text   string
		family string
		want   Preprocess
	}{
		{`{}`, "CLIP", clip},
		{`{"size": null, "image_mean": null, "do_resize": null}`, "CLIP", clip},
		{`{"crop_size": 224, "do_center_crop": true, "do_normalize": true, "do_resize": true, "feature_extractor_type": "CLIPFeatureExtractor",
			"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3, "size": 224}`, "CLIP", clip},
		{`{"crop_size": {"height": 224, "width": 224}, "do_convert_rgb": true, "do_rescale": true, "image_processor_type": "CLIPImageProcessor",
			"rescale_factor": 0.00392156862745098, "size": {"shortest_edge": 224}, "do_pad": false, "do_other": false, "data_format": "x"}`, "CLIP", clip},
		{`{"image_processor_type": "CLIPImageProcessorFast", "size": {"shortest_edge": 256}, "default_to_square": false}`, "CLIP", with(clip, func(p *Preprocess) { p.Short = 256 })},
		{`{"size": {"height": 224, "width": 224}, "do_center_crop": false, "resample": 1}`, "CLIP",
			with(clip, func(p *Preprocess) {
				p.Short, p.Size, p.Crop, p.Filter = 0, [2]int{224, 224}, [2]int{}, picture.Lanczos
			})},
		{`{"size": 224, "default_to_square": true, "do_center_crop": false}`, "CLIP",
			with(clip, func(p *Preprocess) { p.Short, p.Size, p.Crop = 0, [2]int{224, 224}, [2]int{} })},
		{`{"size": [230, 240], "crop_size": [224, 224]}`, "CLIP", with(clip, func(p *Preprocess) { p.Short, p.Size = 0, [2]int{230, 240} })},
		{`{"do_resize": false, "size": 7}`, "CLIP", with(clip, func(p *Preprocess) { p.Short = 0 })},
		{`{"do_normalize": false}`, "CLIP", with(clip, func(p *Preprocess) { p.Mean, p.Std = [3]float32{}, [3]float32{1, 1, 1} })},
		{`{"image_mean": 0.5, "image_std": [0.5, 0.25, 1]}`, "CLIP", with(clip, func(p *Preprocess) { p.Mean, p.Std = [3]float32{0.5, 0.5, 0.5}, [3]float32{0.5, 0.25, 1} })},
		{`{"do_rescale": false, "image_mean": [1, 2, 3], "image_std": [4, 5, 6]}`, "CLIP",
			with(clip, func(p *Preprocess) {
				p.Mean, p.Std = [3]float32{1. / 255, 2. / 255, 3. / 255}, [3]float32{4. / 255, 5. / 255, 6. / 255}
			})},
		{`{"rescale_factor": 0.5, "image_mean": [1, 2, 3], "image_std": [4, 5, 6]}`, "CLIP", // v·½ - 1 over 4 is v/255 - 2/255 over 8/255
			with(clip, func(p *Preprocess) {
				p.Mean, p.Std = [3]float32{2. / 255, 4. / 255, 6. / 255}, [3]float32{8. / 255, 10. / 255, 12. / 255}
			})},
		{`{"do_rescale": false, "do_normalize": false}`, "Sam", with(sam, func(p *Preprocess) { p.Mean, p.Std = [3]float32{}, [3]float32{1, 1, 1} })},
		{`{}`, "Sam", sam},
		{`{"do_convert_rgb": true, "do_normalize": true, "do_pad": true, "do_rescale": true, "do_resize": true, "image_mean": [0.485, 0.456, 0.406],
			"image_processor_type": "SamImageProcessor", "image_std": [0.229, 0.224, 0.225], "pad_size": {"height": 1024, "width": 1024},
			"processor_class": "SamProcessor", "resample": 2, "rescale_factor": 0.00392156862745098, "size": {"longest_edge": 1024}}`, "Sam", sam},
		{`{"size": 1024, "image_mean": [0.5, 0.5, 0.5], "image_std": [1, 1, 1]}`, "Sam",
			with(sam, func(p *Preprocess) { p.Mean, p.Std = [3]float32{127.5, 127.5, 127.5}, [3]float32{255, 255, 255} })},
	} {
		path := filepath.Join(t.TempDir(), "preprocessor_config.json")
		if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		p, side := clip, 224
		if c.family == "Sam" {
			p, side = sam, 1024
		}
		if got, err := readPreprocess(path, c.family, p, side); err != nil || got != c.want {
			t.Errorf("%s is %+v, %v, want %+v", c.text, got, err, c.want)
		}
	}
	if got, err := readPreprocess(filepath.Join(t.TempDir(), "none.json"), "CLIP", clip, 224); err != nil || got != clip {
		t.Errorf("no file: %+v, %v", got, err)
	}
}

// TestPreprocessAt checks that a folder's preprocessing holds only for its weights.
func TestPreprocessAt(t *testing.T) {
	e, err := Lookup("vit_b_16")
	if err != nil {
		t.Fatal(err)
	}
	half := [3]float32{0.5, 0.5, 0.5}
	vit := Preprocess{Size: [2]int{224, 224}, Mean: half, Std: half}
	swin := Preprocess{Size: [2]int{256, 256}, Filter: picture.Bicubic, Mean: models.ImageNetMean, Std: models.ImageNetStd}
	for _, c := range []struct {
		config, weights string
		want            Preprocess
	}{
		{"", "", e.Preprocess},
		{"", "model.safetensors", e.Preprocess},
		{`{"image_processor_type": "ViTImageProcessor"}`, "vit_b_16-c867db91.pth", e.Preprocess},
		{`{"image_processor_type": "ViTImageProcessor"}`, "model.safetensors", vit},
		{`{"do_normalize": true, "do_resize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "size": 224}`, "", vit},
		{`{"feature_extractor_type": "ViTFeatureExtractor", "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "resample": 3, "size": 256}`, "", swin},
	} {
		dir := t.TempDir()
		if c.config != "" {
			if err := os.WriteFile(filepath.Join(dir, "preprocessor_config.json"), []byte(c.config), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := PreprocessAt(filepath.Join(dir, c.weights), e); err != nil || got != c.want {
			t.Errorf("%s %s: %+v, %v, want %+v", c.config, c.weights, got, err, c.want)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "preprocessor_config.json"), []byte(`{"image_processor_type": "OwlViTImageProcessor", "crop_pct": 0.875}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := PreprocessAt(dir, e); err == nil || !strings.Contains(err.Error(), "processor OwlViTImageProcessor is not supported, want one whose name begins with ViT, DeiT, ConvNext, Bit") {
		t.Errorf("error is %v", err)
	}
}

// TestReadPreprocessErrors checks that errors name the file and what is wrong in it.
func TestReadPreprocessErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{"size"`, "size: unexpected EOF"},
		{`{"image_processor_type": "ViTImageProcessor"}`, "processor ViTImageProcessor is not supported"},
		{`{"size": {"shortest_edge": 224, "longest_edge": 300}}`, "want a number, shortest_edge, longest_edge, or height and width"},
		{`{"size": "224"}`, `size "224": not supported`},
		{`{"size": 0}`, "size 0: not the size of a picture"},
		{`{"size": {"height": -1, "width": 224}}`, "not the size of a picture"},
		{`{"size": 224.5}`, "size 224.5"},
		{`{"crop_size": {"shortest_edge": 224}}`, "crop_size"},
		{`{"crop_size": 336}`, "pictures become 336×336, but the weights want 224×224"},
		{`{"crop_size": {"height": 224, "width": 336}}`, "pictures become 336×224, but the weights want"},
		{`{"do_center_crop": false}`, "not all pictures become 224×224"},
		{`{"do_resize": false, "do_center_crop": false}`, "not all pictures become 224×224"},
		{`{"do_pad": true}`, "do_pad without pad_size"},
		{`{"do_thumbnail": true, "do_align_long_axis": true}`, "do_align_long_axis, do_thumbnail is not supported"},
		{`{"resample": 6}`, "resample 6, want Pillow's 0 to 5"},
		{`{"resample": "bicubic"}`, "resample"},
		{`{"rescale_factor": 0}`, "rescale_factor 0"},
		{`{"image_mean": [0.5]}`, "image_mean [0.5]: want three numbers"},
		{`{"image_std": [0.5, 0, 1]}`, "image_std [0.5, 0, 1]: want numbers over 0"},
	} {
		path := filepath.Join(t.TempDir(), "preprocessor_config.json")
		if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := readPreprocess(path, "CLIP", CLIPPreprocess(224), 224)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), path+": ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", c.text, err, c.want)
		}
	}
	for _, text := range []string{`{"size": {"longest_edge": 512}}`, `{"do_pad": false}`, `{"pad_size": 512}`, `{"do_resize": false}`} {
		path := filepath.Join(t.TempDir(), "preprocessor_config.json")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := readPreprocess(path, "Sam", SAMPreprocess(1024), 1024); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}
